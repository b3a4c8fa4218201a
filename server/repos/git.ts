/**
 * The one way in which the backend runs git: always on its own bare, trusted repositories, with an
 * environment built from empty (no system or user configuration, no prompts, no hooks, no
 * transport), bytes in and bytes out, every exit code checked, output and time bounded.
 *
 * It must never run in a folder that a client or an agent can write.
 */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { statfs } from 'node:fs/promises';
import type { Readable, Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { CodexError } from '../../protocol/errors.ts';
import { KILL_GRACE_MS } from '../../protocol/limits.ts';

/** Most calls answer with a few lines; whoever expects more says so. */
const DEFAULT_OUTPUT_BYTES = 16 * 1024 * 1024;
/** Longer than any call on a large repository took on a slow disk (41 s), by far. */
const DEFAULT_TIMEOUT_MS = 10 * 60_000;
/** What git says last is why it failed; the rest would fill a log. */
const STDERR_KEPT_BYTES = 16 * 1024;
/** With less than this left, a failure is taken for a full disk. */
const DISK_FULL_BYTES = 8 * 1024 * 1024;

/** Settings of every call; `-c` outranks whatever stands in the repository's own file. */
const BASE_CONFIG = [
  'core.hooksPath=/dev/null',
  'core.fsmonitor=false',
  'core.attributesFile=/dev/null',
  'core.excludesFile=/dev/null',
  'core.logAllRefUpdates=false',
  'gc.auto=0',
  'maintenance.auto=false',
  'receive.autogc=false',
  'transfer.advertiseSID=false',
  // Blobs over this size are streamed, not held in memory, wherever git can.
  'core.bigFileThreshold=32m',
];

/** What a process needs from ours to start at all; the rest is Windows'. */
const KEPT_VARIABLES = ['PATH', 'Path', 'PATHEXT', 'SystemRoot', 'SYSTEMROOT', 'TEMP', 'TMP', 'TMPDIR'];

const BASE_ENV: Readonly<Record<string, string>> = {
  HOME: '/nonexistent',
  LC_ALL: 'C',
  TZ: 'UTC',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_ATTR_NOSYSTEM: '1',
  GIT_TERMINAL_PROMPT: '0',
  GIT_NO_REPLACE_OBJECTS: '1',
  GIT_LITERAL_PATHSPECS: '1',
  GIT_OPTIONAL_LOCKS: '0',
  // Nothing here may reach out. Fetching from a forge will name its protocols.
  GIT_ALLOW_PROTOCOL: '',
};

export interface GitOptions {
  /** The repository: GIT_DIR. Absent only for what needs none (`init`). */
  dir?: string;
  env?: Readonly<Record<string, string>>;
  /** `key=value`, after the base configuration. */
  config?: readonly string[];
  signal?: AbortSignal;
  timeoutMs?: number;
}

export interface GitCall extends GitOptions {
  input?: Uint8Array | string | Readable;
  /** Exit codes that are an answer, not a failure. */
  okCodes?: readonly number[];
  maxOutputBytes?: number;
}

export interface GitProcess {
  stdin: Writable;
  stdout: Readable;
  /** Resolves when the process has ended, whatever its code (null: killed). Rejects if it could not start. */
  ended: Promise<{ code: number | null; stderr: string }>;
  /** Kills git and what it started. */
  kill(): void;
  /** True after `kill`, the signal or the time limit ended it. */
  stopped(): 'no' | 'killed' | 'timedOut' | 'aborted';
}

function environment(options: GitOptions): Record<string, string> {
  const env: Record<string, string> = { ...BASE_ENV };
  for (const name of KEPT_VARIABLES) {
    const value = process.env[name];
    if (value !== undefined) env[name] = value;
  }
  if (options.dir !== undefined) env['GIT_DIR'] = options.dir;
  return { ...env, ...options.env };
}

/** Starts git as a process group of its own, so that its helpers die with it. */
export function spawnGit(args: readonly string[], options: GitOptions = {}): GitProcess {
  options.signal?.throwIfAborted();
  const config = [...BASE_CONFIG, ...(options.config ?? [])].flatMap((pair) => ['-c', pair]);
  const windows = process.platform === 'win32';
  const child: ChildProcessByStdio<Writable, Readable, Readable> = spawn('git', [...config, ...args], {
    env: environment(options),
    cwd: options.dir,
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: !windows,
    windowsHide: true,
  });

  let how: 'no' | 'killed' | 'timedOut' | 'aborted' = 'no';
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  const signal = (name: 'SIGTERM' | 'SIGKILL') => {
    if (child.pid === undefined) return;
    try {
      if (windows) child.kill(name);
      else process.kill(-child.pid, name);
    } catch {
      child.kill(name);
    }
  };
  // On TERM git removes its temporary files and folders; KILL is for what does not listen.
  const stop = (why: typeof how) => {
    if (how !== 'no' || hasEnded()) return;
    how = why;
    signal('SIGTERM');
    const last = setTimeout(() => signal('SIGKILL'), KILL_GRACE_MS);
    last.unref();
    child.once('close', () => clearTimeout(last));
  };
  const timer = setTimeout(() => stop('timedOut'), options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
  const onAbort = () => stop('aborted');
  options.signal?.addEventListener('abort', onAbort, { once: true });

  let stderr = Buffer.alloc(0);
  child.stderr.on('data', (chunk: Buffer) => {
    stderr = Buffer.concat([stderr, chunk]).subarray(-STDERR_KEPT_BYTES);
  });
  // A process that ends before it has read all of its input is judged by its exit code.
  child.stdin.on('error', () => {});

  const ended = new Promise<{ code: number | null; stderr: string }>((resolve, reject) => {
    child.once('error', (cause) =>
      reject(new CodexError('gitFailed', { reason: 'notStarted' }, { detail: cause.message, cause })),
    );
    child.once('close', (code) => resolve({ code, stderr: stderr.toString('utf8') }));
  }).finally(() => {
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', onAbort);
  });
  // Whoever only looks at the output must not leave an unhandled rejection behind.
  ended.catch(() => {});

  return {
    stdin: child.stdin,
    stdout: child.stdout,
    ended,
    kill: () => stop('killed'),
    stopped: () => how,
  };
}

/** Runs git to its end. Throws `CodexError` gitFailed | diskFull | limitReached | cancelled. */
export async function git(
  args: readonly string[],
  call: GitCall = {},
): Promise<{ code: number; stdout: Buffer; stderr: string }> {
  const child = spawnGit(args, call);
  const limit = call.maxOutputBytes ?? DEFAULT_OUTPUT_BYTES;
  const chunks: Buffer[] = [];
  let size = 0;
  let tooLarge = false;
  child.stdout.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > limit) {
      tooLarge = true;
      chunks.length = 0;
      child.kill();
    } else {
      chunks.push(chunk);
    }
  });
  const fed = feed(child.stdin, call.input);
  const { code, stderr } = await child.ended;
  if (tooLarge) {
    throw new CodexError(
      'limitReached',
      { limit: 'gitOutputBytes', value: limit },
      { detail: `git ${args[0]}` },
    );
  }
  const inputError = await fed;
  if (code === null || !(call.okCodes ?? [0]).includes(code)) {
    throw await gitError(args, call, child, code, stderr);
  }
  if (inputError !== undefined) throw inputError;
  return { code, stdout: Buffer.concat(chunks), stderr };
}

/** The first line of the answer. */
export async function gitLine(args: readonly string[], call: GitCall = {}): Promise<string> {
  const { stdout } = await git(args, call);
  const text = stdout.toString('utf8');
  const end = text.indexOf('\n');
  return end < 0 ? text : text.slice(0, end);
}

/**
 * Resolves when all was written, or to what broke the source. A process that takes no more is its exit code's to
 * explain: git may well be done before it has seen the end of its input, even before that has come.
 */
export async function feed(stdin: Writable, input: GitCall['input']): Promise<Error | undefined> {
  if (input === undefined || typeof input === 'string' || input instanceof Uint8Array) {
    stdin.end(input);
    return undefined;
  }
  const taken = finished(stdin, { readable: false }).catch(() => 'noMore' as const);
  const given = finished(input, { writable: false }).catch((error: Error) => error);
  input.pipe(stdin);
  const first = await Promise.race([taken, given]);
  if (first instanceof Error) {
    stdin.destroy();
    return first;
  }
  if (first === undefined) await taken;
  input.destroy();
  return undefined;
}

/** Why a git process failed, as an error of ours. What git printed goes to the log only. */
export async function gitError(
  args: readonly string[],
  options: GitOptions,
  child: Pick<GitProcess, 'stopped'>,
  code: number | null,
  stderr: string,
): Promise<CodexError> {
  const command = args[0] ?? '';
  const detail = `git ${command} ended with ${code ?? 'a signal'}: ${stderr.trim()}`;
  switch (child.stopped()) {
    case 'aborted':
      return new CodexError('cancelled', {}, { detail });
    case 'timedOut':
      return new CodexError('gitFailed', { command, reason: 'timeout' }, { detail });
    case 'killed':
    case 'no':
      break;
  }
  if (options.dir !== undefined && (await isDiskFull(options.dir))) {
    return new CodexError('diskFull', {}, { detail });
  }
  return new CodexError('gitFailed', { command, exitCode: code ?? -1 }, { detail });
}

/** Measured, since the words of an error differ by system. */
export async function isDiskFull(path: string): Promise<boolean> {
  try {
    const { bavail, bsize } = await statfs(path);
    return bavail * bsize < DISK_FULL_BYTES;
  } catch {
    return false;
  }
}
