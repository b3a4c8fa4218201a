/**
 * Starts one sandbox on macOS: the runner's files → rules → `sandbox-exec`, which becomes the shell that
 * sets limits, which becomes the runner; the process stays one. The shell waits for a word first, so a
 * backend that dies before it has noted the process leaves none.
 */
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import type { LimitValues } from '../../../../protocol/limits.ts';
import { originUrl } from '../../../../protocol/door.ts';
import { PLACES_VARIABLE } from '../../../../protocol/places.ts';
import type { RunnerPlaces } from '../../../../protocol/places.ts';
import { besideItself } from '../../runner-files.ts';
import { codexFolder } from '../codex-folder.ts';
import type { LocalProcess, Ports, ToLaunch, Where } from '../platform.ts';
import { readLog } from '../process.ts';
import type { Machine } from './machine.ts';
import { REJECTED } from './check.ts';
import { seatbeltProfile } from './seatbelt.ts';

const NICENESS = 5;

/** What the runner says; no rule lets its sandbox write there. */
export function logOf(dir: string): string {
  return join(dir, 'log');
}

/** Found by its process id as soon as it exists; null when it has ended already. */
export type Find = (pid: number) => Promise<LocalProcess | null>;

export async function launchOnMac(
  machine: Machine,
  of: ToLaunch & { ports: Ports },
  find: Find,
  known: (process: LocalProcess) => void,
): Promise<LocalProcess> {
  const at = await foldersOf(of.dir);
  await rm(join(at.run, 'door.sock'), { force: true });
  const { codex, node } = await filesOf(machine, of.dataDir);
  const rules = join(of.dir, 'rules.sb');
  await writeFile(
    rules,
    seatbeltProfile({
      ...at,
      codex,
      node,
      personHome: await realpath(machine.personHome),
      dataDir: await realpath(of.dataDir),
      ports: [of.ports.origin, of.ports.egress],
      ...(of.readOnly === undefined ? {} : { readOnly: of.readOnly }),
    }),
    { mode: 0o600 },
  );
  const places: RunnerPlaces = {
    run: at.run,
    originPort: of.ports.origin,
    egress: { host: '127.0.0.1', port: of.ports.egress },
    pgrep: machine.pgrep,
    outsider: process.pid,
  };
  const env = {
    PATH: machine.systemPath,
    HOME: at.home,
    TMPDIR: at.tmp,
    LANG: machine.locale,
    [PLACES_VARIABLE]: JSON.stringify(places),
  };
  const command = [...confined(machine, rules, of.limits), node, join(codex, 'runner.cjs'), 'serve'];
  return start(command, env, logOf(of.dir), find, known);
}

/** Below the limit of processes a Mac counts all of the person's: that one is only watched. */
export function confined(
  { nice, sandboxExec, bash }: Machine,
  rules: string,
  { sandboxDiskBytes }: Pick<LimitValues, 'sandboxDiskBytes'>,
): string[] {
  const kib = Math.max(1, Math.floor(sandboxDiskBytes / 1024));
  const script = `read -r word || exit 1; ulimit -c 0; ulimit -f ${kib} 2>/dev/null; exec "$@" </dev/null`;
  return [nice, '-n', String(NICENESS), sandboxExec, '-f', rules, bash, '-c', script, 'bash'];
}

async function start(
  [program = '', ...args]: string[],
  env: Record<string, string>,
  logPath: string,
  find: Find,
  known: (process: LocalProcess) => void,
): Promise<LocalProcess> {
  const log = openSync(logPath, 'w', 0o600);
  try {
    const child = spawn(program, args, { stdio: ['pipe', log, log], detached: true, cwd: '/', env });
    child.unref();
    const input = child.stdin as Writable;
    input.on('error', () => {});
    const failed = new Promise<never>((_resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code) => reject(new Error(whyEnded(code, readLog(logPath)))));
    });
    failed.catch(() => {});
    const found = child.pid === undefined ? null : await Promise.race([find(child.pid), failed]);
    if (!found) return await failed;
    known(found);
    input.end('go\n');
    return found;
  } finally {
    closeSync(log);
  }
}

function whyEnded(code: number | null, said: string): string {
  const reason = said === '' ? 'it said nothing' : said;
  return code === REJECTED
    ? `macOS rejected the sandbox's rules: ${reason}`
    : `ended with ${code}: ${reason}`;
}

/** As the system itself names them, which is how rules must. */
async function foldersOf(
  dir: string,
): Promise<{ workspace: string; home: string; tmp: string; run: string }> {
  const real = await realpath(dir);
  const [workspace, home, tmp, run] = ['workspace', 'home', 'tmp', 'run'].map((name) => join(real, name));
  return { workspace: workspace ?? '', home: home ?? '', tmp: tmp ?? '', run: run ?? '' };
}

async function filesOf(machine: Machine, dataDir: string): Promise<{ codex: string; node: string }> {
  const { codex, node } = await codexFolder(dataDir, {
    platform: machine.node,
    fill: (path, target) => symlink(target, path),
    script: besideItself,
  });
  return { codex: await realpath(codex), node: await realpath(node) };
}

export async function placesOnMac(
  machine: Machine,
  dir: string,
  { origin, egress }: Ports,
  dataDir: string,
): Promise<Where> {
  const { workspace, home, tmp, run } = await foldersOf(dir);
  const { codex } = await filesOf(machine, dataDir);
  return {
    home,
    places: {
      run,
      workspace,
      codex,
      egress: { host: '127.0.0.1', port: egress, url: `http://127.0.0.1:${egress}` },
      systemPath: machine.systemPath,
      env: {
        TMPDIR: tmp,
        LANG: machine.locale,
        LC_ALL: machine.locale,
        // A repository's remote is the same everywhere; here it is found at another port.
        GIT_CONFIG_COUNT: '1',
        GIT_CONFIG_KEY_0: `url.${rootOf(originUrl('', origin))}.insteadOf`,
        GIT_CONFIG_VALUE_0: rootOf(originUrl('')),
      },
    },
  };
}

function rootOf(url: string): string {
  return new URL('/', url).href;
}
