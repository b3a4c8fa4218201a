/**
 * A backend of one's own: finds the one that runs on a data folder, or starts it.
 *
 * Order: read `backend.json` → have whatever listens there prove that it knows the token → only then
 * use it. A program that took over the port of a dead backend never gets the token. Starting is
 * detached, logs to a file in the data folder, and hands the model key over by standard input only:
 * neither arguments nor environment hold it, since both can be read by others.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { CodexError } from '../../protocol/errors.ts';
import { PATHS } from '../../protocol/http.ts';
import {
  logFilePath,
  logTail,
  openLog,
  readBackendFile,
  readToken,
  tokenFilePath,
  ensureToken,
} from './folder.ts';

/** First start on a slow disk makes the database, which takes some seconds. */
const START_TIMEOUT_MS = 60_000;
const PROBE_TIMEOUT_MS = 3_000;
const PROBE_EVERY_MS = 50;
const STOP_TIMEOUT_MS = 15_000;

/** `serve` ends with this when another backend works on the data folder (BSD's EX_TEMPFAIL). */
export const EXIT_FOLDER_BUSY = 75;

export interface RunningBackend {
  url: string;
  token: string;
  pid: number;
  version: string;
  dataDir: string;
}

export interface Launch {
  dataDir: string;
  /** The Node to run on. VS Code passes its own and `ELECTRON_RUN_AS_NODE=1` in `env`. */
  node: string;
  /** What stands before the arguments of `serve`: the bundle's path, or flags and `cli/main.ts`. */
  entry: string[];
  /** Further flags of `serve`. */
  args?: string[];
  /** The whole environment of the backend; absent: this process's own. Without the model key. */
  env?: NodeJS.ProcessEnv;
  /** The model's key, over standard input. */
  apiKey?: string;
  /** Ends by itself this long after the last client and task. */
  idleExitMinutes?: number;
  startTimeoutMs?: number;
  signal?: AbortSignal;
}

/** The backend that runs on this data folder and proved it, or null. */
export async function findBackend(dataDir: string): Promise<RunningBackend | null> {
  const file = await readBackendFile(dataDir);
  const token = await readToken(tokenFilePath(dataDir));
  if (!file || !token || !isAlive(file.pid)) return null;
  const url = `http://127.0.0.1:${file.port}`;
  return (await provesToken(url, token))
    ? { url, token, pid: file.pid, version: file.version, dataDir }
    : null;
}

/** The running one, or a new one. `started` tells which. Throws `CodexError` backendStartFailed. */
export async function ensureBackend(launch: Launch): Promise<RunningBackend & { started: boolean }> {
  const running = await findBackend(launch.dataDir);
  if (running) return { ...running, started: false };
  return { ...(await startBackendProcess(launch)), started: true };
}

/**
 * What the backend's Node is started with: without it, what twenty tasks leave behind for a moment grows to
 * 90 MB more before it is looked through. Measured with twenty tasks: 264 to 173 MB, and no slower.
 */
export const BACKEND_NODE_FLAGS = ['--max-semi-space-size=4'];

export async function startBackendProcess(launch: Launch): Promise<RunningBackend> {
  await ensureToken(launch.dataDir);
  const log = await openLog(launch.dataDir);
  let child: ChildProcess;
  try {
    child = spawn(launch.node, serveArgs(launch), {
      cwd: launch.dataDir,
      detached: true,
      windowsHide: true,
      stdio: [launch.apiKey ? 'pipe' : 'ignore', log.handle.fd, log.handle.fd],
      env: withoutKey(launch.env ?? process.env, launch.apiKey !== undefined),
    });
  } finally {
    await log.handle.close();
  }
  const ended = endOf(child);
  if (child.stdin) {
    // A backend that is gone already says so by its exit, not by a broken pipe here.
    child.stdin.on('error', () => undefined);
    child.stdin.end(`${launch.apiKey}\n`);
  }
  child.unref();
  const failed = (reason: string) =>
    failure(launch.dataDir, log.from, reason).then((error) => Promise.reject(error));

  const deadline = Date.now() + (launch.startTimeoutMs ?? START_TIMEOUT_MS);
  for (;;) {
    const end = await Promise.race([ended, sleep(PROBE_EVERY_MS, undefined, { signal: launch.signal })]);
    const running = await findBackend(launch.dataDir);
    if (running) return running;
    // Someone else started one at the same moment: theirs will answer soon.
    if (end && end.code !== EXIT_FOLDER_BUSY) return failed(end.words);
    if (end) await sleep(PROBE_EVERY_MS, undefined, { signal: launch.signal });
    if (Date.now() > deadline) {
      if (!end && child.pid !== undefined) kill(child.pid, 'SIGTERM');
      return failed(
        end ? 'another backend has the data folder but does not answer' : 'it did not answer in time',
      );
    }
  }
}

/** Asks it to stop in order and waits until it has. False: it did not within the time. */
export async function stopBackend(backend: Pick<RunningBackend, 'pid'>): Promise<boolean> {
  kill(backend.pid, 'SIGTERM');
  const deadline = Date.now() + STOP_TIMEOUT_MS;
  while (isAlive(backend.pid)) {
    if (Date.now() > deadline) return false;
    await sleep(PROBE_EVERY_MS);
  }
  return true;
}

/** Whether what listens at `url` knows the token, without showing it the token. */
export async function provesToken(url: string, token: string): Promise<boolean> {
  const nonce = randomBytes(32).toString('hex');
  try {
    const response = await fetch(`${url}${PATHS.proof}?nonce=${nonce}`, {
      redirect: 'error',
      signal: AbortSignal.timeout(PROBE_TIMEOUT_MS),
    });
    if (!response.ok) return false;
    const answer: unknown = await response.json();
    const given = isProof(answer) ? Buffer.from(answer.proof, 'hex') : Buffer.alloc(0);
    const wanted = createHmac('sha256', token).update(nonce).digest();
    return given.length === wanted.length && timingSafeEqual(given, wanted);
  } catch {
    return false;
  }
}

function isProof(answer: unknown): answer is { proof: string } {
  return (
    typeof answer === 'object' && answer !== null && 'proof' in answer && typeof answer.proof === 'string'
  );
}

function serveArgs(launch: Launch): string[] {
  return [
    ...BACKEND_NODE_FLAGS,
    ...launch.entry,
    'serve',
    '--host',
    '127.0.0.1',
    '--port',
    '0',
    '--data',
    launch.dataDir,
    ...(launch.apiKey ? ['--key-stdin'] : []),
    ...(launch.idleExitMinutes === undefined ? [] : ['--idle-exit', String(launch.idleExitMinutes)]),
    ...(launch.args ?? []),
  ];
}

function withoutKey(env: NodeJS.ProcessEnv, overStdin: boolean): NodeJS.ProcessEnv {
  if (!overStdin) return env;
  const rest = { ...env };
  delete rest['OPENAI_API_KEY'];
  return rest;
}

interface End {
  code: number | null;
  words: string;
}

function endOf(child: ChildProcess): Promise<End> {
  return Promise.race([
    once(child, 'error').then(([error]) => ({ code: null, words: (error as Error).message })),
    once(child, 'exit').then(([code, signal]) => ({
      code: code as number | null,
      words: signal ? `it was ended by ${String(signal)}` : `it ended with exit code ${String(code)}`,
    })),
  ]).catch((error: unknown) => ({ code: null, words: String(error) }));
}

async function failure(dataDir: string, from: number, reason: string): Promise<CodexError> {
  const tail = await logTail(dataDir, from);
  const log = logFilePath(dataDir);
  return new CodexError(
    'backendStartFailed',
    { reason, log, tail },
    { detail: `The backend did not start: ${reason}. Its log is ${log}${tail ? `:\n${tail}` : '.'}` },
  );
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Another user's process is alive too; the proof decides.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Gone already: that is what was wanted.
  }
}
