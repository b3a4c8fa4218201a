/** A PostgreSQL server of the test's own: in a folder of its own, on a port of its own, ended with the tests. */
import { spawn, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, globSync, mkdirSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const START_MS = 30_000;
const POLL_MS = 100;

/** The newest version's; null where none is installed. */
export function postgresPrograms(): string | null {
  const found = globSync('/usr/lib/postgresql/*/bin/initdb').map(dirname);
  return found.sort((one, two) => Number(two.split('/')[4]) - Number(one.split('/')[4]))[0] ?? null;
}

/** Its address; `atEnd` gets what ends it. The folder must stand in one that all can go through. */
export async function startPostgres(
  programs: string,
  folder: string,
  atEnd: (close: () => unknown) => void,
): Promise<string> {
  const data = join(folder, 'postgres');
  mkdirSync(data, { mode: 0o700 });
  // It refuses to run as root.
  const isRoot = process.getuid?.() === 0;
  const id = (flag: string): number =>
    Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }).trim());
  const as = isRoot ? { uid: id('-u'), gid: id('-g') } : {};
  if (as.uid !== undefined) {
    chownSync(data, as.uid, as.gid);
    // To be gone through, not to be looked into.
    chmodSync(folder, 0o711);
  }
  const program = (name: string): string => join(programs, name);
  execFileSync(program('initdb'), ['-D', data, '-A', 'trust', '-U', 'codex', '--no-sync', '-E', 'UTF8'], {
    ...as,
    cwd: '/',
    stdio: 'ignore',
  });
  const port = await freePort();
  const args = ['-D', data, '-p', String(port), '-h', '127.0.0.1', '-c', `unix_socket_directories=${data}`];
  const server = spawn(program('postgres'), [...args, '-c', 'fsync=off'], {
    ...as,
    cwd: '/',
    stdio: 'ignore',
  });
  atEnd(async () => {
    const ended = once(server, 'exit');
    // Fast: clients that are still there are cut off.
    if (server.exitCode === null && server.kill('SIGINT')) await ended;
  });
  const until = Date.now() + START_MS;
  for (;;) {
    try {
      execFileSync(program('pg_isready'), ['-h', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' });
      return `postgres://codex@127.0.0.1:${port}/postgres`;
    } catch (error) {
      if (Date.now() > until || server.exitCode !== null) throw error;
      await delay(POLL_MS);
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}
