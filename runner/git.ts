/**
 * Running git the same way every time: an environment of its own, no configuration but what stands
 * here, bytes in and out, every exit code checked.
 *
 * Built-in conversions (text, eol, encoding, ident) are the same at checkout and capture because
 * both use these flags; filter drivers, hooks and monitors never run because none is configured.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';
import { DoorRefusal } from './failure.ts';

/** A repository of gigabytes takes minutes; a git that waits for ever (a FIFO where a file was) must end. */
const GIT_TIMEOUT_MS = 30 * 60_000;
const STDERR_BYTES = 4_000;

const FLAGS = Object.entries({
  'core.attributesFile': '/dev/null',
  'core.autocrlf': 'false',
  'core.bare': 'false',
  'core.commitGraph': 'false',
  'core.excludesFile': '/dev/null',
  'core.fileMode': 'true',
  'core.fsmonitor': 'false',
  'core.hooksPath': '/dev/null',
  'core.multiPackIndex': 'false',
  'core.safecrlf': 'false',
  'core.sparseCheckout': 'false',
  'core.symlinks': 'true',
  'checkout.workers': '4',
  'diff.renameLimit': '0',
  'fetch.recurseSubmodules': 'false',
  'gc.auto': '0',
  'maintenance.auto': 'false',
  'protocol.version': '2',
  'submodule.recurse': 'false',
}).flatMap(([key, value]) => ['-c', `${key}=${value}`]);

const ENVIRONMENT = {
  PATH: process.env.PATH ?? '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/nonexistent',
  LC_ALL: 'C',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_ATTR_NOSYSTEM: '1',
  GIT_LITERAL_PATHSPECS: '1',
  GIT_NO_REPLACE_OBJECTS: '1',
  GIT_TERMINAL_PROMPT: '0',
  GIT_OPTIONAL_LOCKS: '0',
  GIT_LFS_SKIP_SMUDGE: '1',
};

export interface GitOptions {
  cwd: string;
  /** GIT_DIR and its like. */
  env?: Record<string, string>;
  input?: Buffer;
  /** Where standard output goes instead of being returned. */
  stdoutFd?: number;
  timeoutMs?: number;
  /** An exit code besides 0 that is no failure. */
  alsoFine?: number;
}

/** Standard output as bytes; a refusal with what git said when it fails. */
export async function git(args: string[], options: GitOptions): Promise<Buffer> {
  const child = spawnGit(args, options);
  const chunks: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk));
  if (child.stdin) {
    // A git that fails early closes its input; its exit code says so.
    child.stdin.on('error', () => {});
    child.stdin.end(options.input);
  }
  await gitEnded(child, args, options.alsoFine ?? 0);
  return Buffer.concat(chunks);
}

export async function gitText(args: string[], options: GitOptions): Promise<string> {
  return (await git(args, options)).toString('latin1').trim();
}

/** A NUL-separated list, each name as the bytes it is. */
export async function gitList(args: string[], options: GitOptions): Promise<Buffer[]> {
  return splitNul(await git(args, options));
}

function spawnGit(args: string[], options: GitOptions): ChildProcess {
  const child = spawn('git', [...FLAGS, ...args], {
    cwd: options.cwd,
    env: { ...ENVIRONMENT, ...options.env },
    stdio: [options.input ? 'pipe' : 'ignore', options.stdoutFd ?? 'pipe', 'pipe'],
    detached: true,
  });
  const timer = setTimeout(() => killGroup(child), options.timeoutMs ?? GIT_TIMEOUT_MS);
  child.once('close', () => clearTimeout(timer));
  return child;
}

function gitEnded(child: ChildProcess, args: string[], alsoFine: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = '';
    (child.stderr as Readable).on('data', (chunk: Buffer) => {
      said = (said + chunk.toString('utf8')).slice(-STDERR_BYTES);
    });
    child.once('error', (error) => reject(new DoorRefusal('gitFailed', `git: ${error.message}`)));
    child.once('close', (code, signal) => {
      if (code === 0 || code === alsoFine) resolve();
      else
        reject(
          new DoorRefusal(
            'gitFailed',
            `git ${args[0] ?? ''} ended with ${signal ?? code ?? '?'}: ${said.trim()}`,
          ),
        );
    });
  });
}

function killGroup(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  } catch {
    // Gone already.
  }
}

export function splitNul(bytes: Buffer): Buffer[] {
  const names: Buffer[] = [];
  for (let from = 0; from < bytes.length;) {
    const end = bytes.indexOf(0, from);
    const to = end < 0 ? bytes.length : end;
    if (to > from) names.push(bytes.subarray(from, to));
    from = to + 1;
  }
  return names;
}

export function joinNul(names: Buffer[]): Buffer {
  const nul = Buffer.from([0]);
  return Buffer.concat(names.flatMap((name) => [name, nul]));
}
