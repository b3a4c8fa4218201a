/**
 * Whether this Mac confines: `sandbox-exec` has been called obsolete for ten years and may be gone one
 * day, or take a rule of ours no more. So a trial runs under the very rules that a sandbox gets, tries
 * what it must not and needs what a runner needs. Anything but the expected is a refusal.
 */
import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { errorText } from '../../../../protocol/errors.ts';
import { findNode } from '../../node-binary.ts';
import type { SandboxHealth } from '../../sandbox.ts';
import type { Machine } from './machine.ts';
import { freePorts } from './ports.ts';
import { seatbeltProfile } from './seatbelt.ts';

const TRIAL_TIMEOUT_MS = 20_000;
/** `sandbox-exec` says so of rules that it does not understand. */
export const REJECTED = 65;

/** Arguments: secret file, folder not to write, person's home, pid not to signal, port not to reach, own folder, node, pgrep, own ports. */
const TRIAL = String.raw`
could() { echo "could $1"; }
cant() { echo "can't $1"; }
cat "$1" >/dev/null 2>&1 && could 'read the data folder'
(echo x > "$2/written") 2>/dev/null && could 'write elsewhere'
ls "$3" >/dev/null 2>&1 && could 'list the home'
kill -0 "$4" 2>/dev/null && could 'signal others'
(exec 9<>"/dev/tcp/127.0.0.1/$5") 2>/dev/null && could 'reach other ports'
cd "$6" 2>/dev/null || cant 'enter its folder'
echo x > file 2>/dev/null || cant 'write its folder'
mkfifo pipe 2>/dev/null || cant 'make a pipe'
git --version >/dev/null 2>&1 || cant 'run git'
"$8" -U "$(id -u)" . >/dev/null 2>&1 || cant 'list processes'
"$7" -e '
const listen = (at) => new Promise((done, failed) => {
  const server = require("node:net").createServer().once("error", failed);
  server.listen(at, () => { server.close(); done(); });
});
Promise.all([listen("t.sock"), ...process.argv.slice(1).map((port) => listen({ host: "127.0.0.1", port }))])
  .catch((error) => { console.log("can\x27t listen: " + error.code); });
' "$9" "${'${10}'}" 2>/dev/null || cant 'run Node'
echo done
`;

export async function checkMac(machine: Machine): Promise<SandboxHealth> {
  const missing = await missingOf(machine);
  if (missing !== null) return { ok: false, detail: missing };
  const node = await findNode(process.arch, machine.node);
  if (!node) {
    const detail = `No Node for the runner was found. Install the npm package node-${machine.node}-${process.arch}.`;
    return { ok: false, detail };
  }
  const refused = refusalAfter(await tryRules(machine, await realpath(node.path)));
  if (refused !== null) return { ok: false, detail: refused };
  return {
    ok: true,
    detail:
      'Confined local process (Seatbelt, weaker than on Linux: no namespaces); ' +
      'memory, processes and disk only by watching, CPUs not limited',
  };
}

async function missingOf({ sandboxExec, ps, pgrep, bash }: Machine): Promise<string | null> {
  for (const program of [sandboxExec, ps, pgrep, bash]) {
    const runs = await access(program, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (runs) continue;
    return program === sandboxExec
      ? `${program} is missing or can’t be run, and nothing else confines a process on macOS. Use Docker.`
      : `${program} is missing or can’t be run. Repair the system, or use Docker.`;
  }
  return null;
}

export interface Tried {
  code: number;
  output: string;
  said: string;
}

/** Null when all was as it must be. Pure. */
export function refusalAfter({ code, output, said }: Tried): string | null {
  if (code === REJECTED)
    return `macOS takes the sandbox’s rules no more (${firstLine(said)}). Use Docker, and tell us your version of macOS.`;
  const lines = output.split('\n').map((line) => line.trim());
  const could = lines.filter((line) => line.startsWith('could ')).map((line) => line.slice(6));
  if (could.length > 0)
    return `Seatbelt does not hold here: a confined program could ${could.join(', ')}. Use Docker.`;
  const cant = lines.filter((line) => line.startsWith("can't ")).map((line) => line.slice(6));
  if (cant.length > 0)
    return `A confined program can’t ${cant.join(', ')} here. Install what is missing (xcode-select --install), or use Docker.`;
  if (code !== 0 || !lines.includes('done'))
    return `sandbox-exec did not run a trial (${code}: ${firstLine(said)}). Use Docker.`;
  return null;
}

function firstLine(text: string): string {
  return text.trim().split('\n')[0]?.slice(0, 300) || 'it said nothing';
}

async function tryRules(machine: Machine, node: string): Promise<Tried> {
  const dir = await realpath(await mkdtemp(join(tmpdir(), 'codex-tasks-trial-')));
  const server = createServer((socket) => socket.destroy());
  try {
    const own = ['workspace', 'home', 'tmp', 'run', 'codex'].map((name) => join(dir, name));
    for (const folder of [...own, join(dir, 'data')]) await mkdir(folder);
    const [workspace = '', home = '', tmp = '', run = '', codex = ''] = own;
    await writeFile(join(dir, 'data', 'secret'), 'secret\n');
    await new Promise<void>((resolve) => server.listen({ host: '127.0.0.1', port: 0 }, resolve));
    const { origin, egress } = await freePorts(undefined);
    const profile = join(dir, 'rules.sb');
    const personHome = await realpath(machine.personHome);
    await writeFile(
      profile,
      seatbeltProfile({
        ...{ workspace, home, tmp, run, codex, node, personHome },
        dataDir: join(dir, 'data'),
        ports: [origin, egress],
      }),
    );
    const { port } = server.address() as AddressInfo;
    const given = [join(dir, 'data', 'secret'), dir, personHome, process.pid, port, run, node, machine.pgrep];
    return await execute(machine, [
      ...['-f', profile, machine.bash, '-c', TRIAL, 'bash'],
      ...[...given, origin, egress].map(String),
    ]);
  } catch (error) {
    return { code: -1, output: '', said: errorText(error) };
  } finally {
    server.close();
    await rm(dir, { recursive: true, force: true });
  }
}

function execute({ sandboxExec, systemPath }: Machine, args: string[]): Promise<Tried> {
  const options = { env: { PATH: systemPath, LC_ALL: 'C' }, cwd: '/', timeout: TRIAL_TIMEOUT_MS };
  return new Promise((resolve) => {
    execFile(sandboxExec, args, options, (error, output, said) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      resolve({ code, output, said: said || (error ? errorText(error) : '') });
    });
  });
}
