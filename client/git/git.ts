/**
 * Git on the person's side: in their folder, with their configuration (line endings, filters,
 * ignores), but without hooks, prompts or any change to their index, refs or working tree.
 *
 * Two ways: `runGit` for bytes and for whatever reads a list from its input, with every exit code
 * checked; `query` (simple-git) for questions that are answered with a line of text.
 */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import type { SimpleGit } from 'simple-git';
import { CodexError } from '../../protocol/errors.ts';

/** A list of a million paths. */
const DEFAULT_OUTPUT_BYTES = 256 * 1024 * 1024;
/** What git says last is why it failed. */
const STDERR_KEPT_BYTES = 16 * 1024;
/** A question that is answered by a line: longer means a folder on a network that is gone. */
const QUERY_TIMEOUT_MS = 30_000;

/**
 * Settings of every call. No hook runs: a snapshot is no commit of the person's, and a `pre-push`
 * of theirs is about their remotes. No file monitor is started or asked.
 */
const CONFIG = ['core.hooksPath=/dev/null', 'core.fsmonitor=false', 'core.quotePath=false'];

/** These point git at another repository than the folder's own (`git rev-parse --local-env-vars`). */
const FOREIGN = [
  'GIT_ALTERNATE_OBJECT_DIRECTORIES',
  'GIT_COMMON_DIR',
  'GIT_CONFIG',
  'GIT_CONFIG_PARAMETERS',
  'GIT_DIR',
  'GIT_GRAFT_FILE',
  'GIT_IMPLICIT_WORK_TREE',
  'GIT_INDEX_FILE',
  'GIT_INTERNAL_SUPER_PREFIX',
  'GIT_NAMESPACE',
  'GIT_NO_REPLACE_OBJECTS',
  'GIT_OBJECT_DIRECTORY',
  'GIT_PREFIX',
  'GIT_QUARANTINE_PATH',
  'GIT_REPLACE_REF_BASE',
  'GIT_SHALLOW_FILE',
  'GIT_WORK_TREE',
];

export interface GitCall {
  env?: Readonly<Record<string, string>>;
  config?: readonly string[];
  input?: Uint8Array | string;
  okCodes?: readonly number[];
  maxOutputBytes?: number;
  signal?: AbortSignal;
  onStderr?: (text: string) => void;
}

export interface GitEnd {
  code: number;
  stdout: Buffer;
  stderr: string;
}

/** Which git; the extension sets VS Code's own choice. */
let gitPath = 'git';

export function useGit(path: string): void {
  gitPath = path;
}

/** For what is the person's own doing (a push), and runs with their hooks. */
export function gitProgram(): string {
  return gitPath;
}

/** The person's environment as it is, without what would lead git elsewhere or print a secret. */
export function plainEnvironment(): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (value === undefined || FOREIGN.includes(name) || name.startsWith('GIT_TRACE')) continue;
    env[name] = value;
  }
  // Nobody could answer.
  return { ...env, GIT_TERMINAL_PROMPT: '0' };
}

export function personEnvironment(): Record<string, string> {
  return {
    ...plainEnvironment(),
    LC_ALL: 'C',
    GIT_OPTIONAL_LOCKS: '0',
    GIT_LITERAL_PATHSPECS: '1',
    GIT_NO_REPLACE_OBJECTS: '1',
  };
}

/** For a process that is talked to while it runs; whoever starts it waits for its end. */
export function spawnGit(
  cwd: string,
  args: readonly string[],
  call: Pick<GitCall, 'env' | 'config'> = {},
): ChildProcessWithoutNullStreams {
  const config = [...CONFIG, ...(call.config ?? [])].flatMap((pair) => ['-c', pair]);
  return spawn(gitPath, [...config, ...args], {
    cwd,
    env: { ...personEnvironment(), ...call.env },
    stdio: ['pipe', 'pipe', 'pipe'],
    windowsHide: true,
  });
}

/** Throws `CodexError` gitFailed (`reason: gitMissing` when there is none) | cancelled. */
export async function runGit(cwd: string, args: readonly string[], call: GitCall = {}): Promise<GitEnd> {
  if (call.signal?.aborted) throw new CodexError('cancelled');
  const child = spawnGit(cwd, args, call);
  const onAbort = () => child.kill();
  call.signal?.addEventListener('abort', onAbort, { once: true });

  const limit = call.maxOutputBytes ?? DEFAULT_OUTPUT_BYTES;
  const chunks: Buffer[] = [];
  let size = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size <= limit) chunks.push(chunk);
    else child.kill();
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-STDERR_KEPT_BYTES);
    call.onStderr?.(text);
  });
  // A process that ends before it has read all of its input is judged by its exit code.
  child.stdin.on('error', () => {});
  child.stdin.end(call.input);

  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    if (call.signal?.aborted) throw new CodexError('cancelled');
    const command = args[0] ?? '';
    if (size > limit) throw new CodexError('limitReached', { limit: 'gitOutputBytes', value: limit });
    if (code === null || !(call.okCodes ?? [0]).includes(code)) {
      throw new CodexError(
        'gitFailed',
        { command, exitCode: code ?? -1 },
        { detail: `git ${command} ended with ${code ?? 'a signal'}: ${stderr.trim()}` },
      );
    }
    return { code, stdout: Buffer.concat(chunks), stderr };
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'ENOENT') throw thrown;
    throw new CodexError(
      'gitFailed',
      { reason: 'gitMissing' },
      { detail: 'git was not found', cause: thrown },
    );
  } finally {
    call.signal?.removeEventListener('abort', onAbort);
  }
}

/** The first line of what git prints. */
export async function gitLine(cwd: string, args: readonly string[], call: GitCall = {}): Promise<string> {
  const { stdout } = await runGit(cwd, args, call);
  return stdout.toString('utf8').replace(/\r?\n$/, '');
}

/** What git needs to find the person's configuration and itself; simple-git refuses most of the rest. */
const QUERY_VARIABLES = [
  'APPDATA',
  'HOME',
  'HOMEDRIVE',
  'HOMEPATH',
  'LOCALAPPDATA',
  'PATH',
  'Path',
  'PATHEXT',
  'PROGRAMDATA',
  'SYSTEMROOT',
  'SystemRoot',
  'TEMP',
  'TMP',
  'TMPDIR',
  'USERPROFILE',
  'XDG_CONFIG_HOME',
  'GIT_CONFIG_GLOBAL',
  'GIT_CONFIG_NOSYSTEM',
  'GIT_CONFIG_SYSTEM',
];
/** simple-git lets no variable of git's pass unless it is named. */
const ALLOWED = [
  'GIT_CONFIG_GLOBAL',
  'GIT_CONFIG_NOSYSTEM',
  'GIT_CONFIG_SYSTEM',
  'GIT_TERMINAL_PROMPT',
  'GIT_OPTIONAL_LOCKS',
];

/** For questions whose answer is text. Loaded with the first one: an extension that only starts asks none. */
export async function query(cwd: string): Promise<SimpleGit> {
  const { simpleGit } = await import('simple-git');
  const env: Record<string, string> = { LC_ALL: 'C', GIT_TERMINAL_PROMPT: '0', GIT_OPTIONAL_LOCKS: '0' };
  for (const name of QUERY_VARIABLES) {
    const value = process.env[name];
    if (value !== undefined) env[name] = value;
  }
  return simpleGit({
    baseDir: cwd,
    binary: gitPath,
    timeout: { block: QUERY_TIMEOUT_MS },
    allowEnvironment: ALLOWED,
    // Which configuration file is the person's own choice, made where we inherit it from.
    unsafe: { allowUnsafeConfigPaths: true, allowUnsafeConfigEnvCount: true },
  }).env(env);
}

/** The pieces of a list in which each ends with NUL: names are bytes. */
export function splitNul(bytes: Buffer): Buffer[] {
  const pieces: Buffer[] = [];
  let start = 0;
  for (let end = bytes.indexOf(0); end >= 0; end = bytes.indexOf(0, start)) {
    pieces.push(bytes.subarray(start, end));
    start = end + 1;
  }
  return pieces;
}

const NUL = Buffer.from([0]);

export function joinNul(pieces: readonly Buffer[]): Buffer {
  return Buffer.concat(pieces.flatMap((piece) => [piece, NUL]));
}
