/**
 * The machine around a local sandbox, as an attacker would want it: files with a mark, listening
 * sockets of every kind, a process to kill, another task's sandbox. And bubblewrap with a part of its
 * options taken away, to show that an attack succeeds when nothing holds it.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { LocalDriver } from '../../../server/sandbox/local/driver.ts';
import { findProgram } from '../../../server/sandbox/local/machine.ts';
import type { Sandbox, SandboxSpec } from '../../../server/sandbox/sandbox.ts';
import { newTask } from '../../integration/sandbox/help.ts';

/** What is taken away from bubblewrap's options, so that an attack has its way. */
export type Weakness = 'seccomp' | 'network' | 'files' | 'root';

export interface World {
  /** In every file and answer out here; inside it may never be seen. */
  mark: string;
  driver: LocalDriver;
  dataDir: string;
  /** In the person's home. */
  sshKey: string;
  outside: string;
  tcpPort: number;
  udpPort: number;
  abstractName: string;
  socketPath: string;
  victim: number;
  /** Everything that reached a socket out here. */
  reached: () => string[];
  open: (more?: Partial<SandboxSpec>) => Promise<Sandbox>;
  otherFile: string;
  end: () => Promise<void>;
}

export async function startWorld(weakness?: Weakness): Promise<World> {
  const mark = `mark-${randomBytes(9).toString('hex')}`;
  process.env.CODEX_TASKS_ATTACK_MARK = mark;
  const dir = mkdtempSync(join(tmpdir(), 'codex-tasks-attack-'));
  const home = mkdtempSync(join(homedir(), '.codex-tasks-attack-'));
  mkdirSync(join(home, '.ssh'));
  const sshKey = join(home, '.ssh', 'id_test');
  const outside = join(dir, 'outside');
  for (const path of [sshKey, outside]) writeFileSync(path, mark);
  const dataDir = join(dir, 'data');
  mkdirSync(dataDir, { mode: 0o700 });
  writeFileSync(join(dataDir, 'token'), mark);

  const reached: string[] = [];
  const listen = async (where: object | string, what: string): Promise<Server> => {
    const server = createServer((socket) => {
      reached.push(what);
      socket.on('error', () => {}).end(mark);
    }).listen(where);
    await once(server, 'listening');
    return server;
  };
  const socketPath = join(dir, 'host.sock');
  const abstractName = `codex-tasks-${mark}`;
  const tcp = await listen({ port: 0, host: '127.0.0.1' }, 'TCP');
  const servers = [tcp, await listen(socketPath, 'Unix'), await listen(`\0${abstractName}`, 'abstract')];
  const udp = createSocket('udp4', () => reached.push('UDP'));
  udp.bind(0, '127.0.0.1');
  await once(udp, 'listening');
  const victim: ChildProcess = spawn('sleep', ['1000'], { stdio: 'ignore' });

  const path = process.env.PATH;
  if (weakness) process.env.PATH = `${weakened(dir, home, weakness)}:${path}`;
  const driver = new LocalDriver(dataDir);
  const opened: Sandbox[] = [];
  const open = async (more: Partial<SandboxSpec> = {}): Promise<Sandbox> => {
    const sandbox = await driver.open({ ...newTask(), ...more });
    opened.push(sandbox);
    return sandbox;
  };
  const other = await open();
  await other.put('/workspace/other', Buffer.from(mark));
  return {
    mark,
    driver,
    dataDir,
    sshKey,
    outside,
    tcpPort: (tcp.address() as AddressInfo).port,
    udpPort: udp.address().port,
    abstractName,
    socketPath,
    victim: victim.pid ?? 0,
    reached: () => reached,
    open,
    otherFile: join(dataDir, 'sandboxes', other.name, 'workspace', 'other'),
    end: async () => {
      process.env.PATH = path;
      for (const sandbox of opened) await sandbox.detach();
      for (const { name } of await driver.list()) await driver.remove(name);
      for (const server of servers) server.close();
      udp.close();
      victim.kill('SIGKILL');
      delete process.env.CODEX_TASKS_ATTACK_MARK;
      for (const folder of [dir, home]) rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A folder with a `bwrap` in it that passes on less than it was told. */
function weakened(dir: string, home: string, weakness: Weakness): string {
  const withoutNetwork = '--unshare-ipc --unshare-pid --unshare-uts --unshare-cgroup-try';
  const how: Record<Weakness, string> = {
    seccomp: 'case $1 in --seccomp) shift 2; continue;; esac',
    network: `case $1 in --unshare-all) out+=(${withoutNetwork}); shift; continue;; esac`,
    files: `case $1 in --remount-ro) shift 2; continue;; --clearenv) for d in '${home}' '${dir}'; do out+=(--bind "$d" "$d"); done;; esac`,
    root: 'case $1 in --remount-ro|--size) shift 2; continue;; esac',
  };
  const folder = join(dir, 'weak');
  mkdirSync(folder);
  const script = `#!${findProgram('bash')}
if [ "$1" != --args ]; then exec '${findProgram('bwrap')}' "$@"; fi
mapfile -d '' -t given <&"$2"; shift 2; rest=("$@"); set -- "\${given[@]}"; out=()
while [ $# -gt 0 ]; do
  ${how[weakness]}
  out+=("$1"); shift
done
exec '${findProgram('bwrap')}' "\${out[@]}" "\${rest[@]}"
`;
  writeFileSync(join(folder, 'bwrap'), script);
  chmodSync(join(folder, 'bwrap'), 0o755);
  return folder;
}
