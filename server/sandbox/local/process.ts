/**
 * The confined process itself: started so that it outlives the backend, found again by its process
 * id and start time, ended whole. What is kept is the id of the first process of its own process
 * namespace: when that one ends, the kernel ends all others in it.
 */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import type { LocalProcess } from './platform.ts';

const START_TIMEOUT_MS = 10_000;
const END_TIMEOUT_MS = 5_000;
const END_POLL_MS = 10;
const INFO_BYTES = 64 * 1024;
export const INFO_FD = 3;
const OPTIONS_FD = 4;
export const SECCOMP_FD = 5;

export interface ToStart {
  /** What stands before bubblewrap's own arguments: its path, behind what sets limits. */
  launch: string[];
  env: Record<string, string>;
  options: string[];
  command: string[];
  /** What bubblewrap hands to the kernel, on `SECCOMP_FD`. */
  filter: Buffer;
  logPath: string;
}

/**
 * Starts bubblewrap, with what it and the runner say going into the log. Its options go through a
 * pipe: a sandbox can read its first process's arguments, and they name the machine's folders.
 *
 * It does nothing before it has its options, so `known` is told of it while it is still harmless: a
 * backend that dies in between leaves no process that nobody knows.
 */
export async function startProcess(
  { launch, env, options, command, filter, logPath }: ToStart,
  known: (process: LocalProcess) => void,
): Promise<LocalProcess> {
  const log = openSync(logPath, 'w', 0o600);
  const [program = '', ...before] = launch;
  try {
    const child = spawn(program, [...before, '--args', String(OPTIONS_FD), '--', ...command], {
      stdio: ['ignore', log, log, 'pipe', 'pipe', 'pipe'],
      detached: true,
      cwd: '/',
      env,
    });
    child.unref();
    const first = child.pid === undefined ? null : startTime(child.pid);
    if (child.pid !== undefined && first !== null) known({ pid: child.pid, startedAt: first });
    const pipes: readonly unknown[] = child.stdio;
    feed(pipes[SECCOMP_FD] as Writable, filter);
    feed(pipes[OPTIONS_FD] as Writable, options.map((option) => `${option}\0`).join(''));
    const ended = new Promise<never>((_resolve, reject) => {
      child.once('error', reject);
      child.once('exit', () => reject(new Error(readLog(logPath) || 'bubblewrap ended at once')));
    });
    const late = new Promise<never>((_resolve, reject) => {
      setTimeout(() => reject(new Error('bubblewrap did not start in time')), START_TIMEOUT_MS).unref();
    });
    ended.catch(() => {});
    late.catch(() => {});
    const pid = await Promise.race([childPid(pipes[INFO_FD] as Readable), ended, late]);
    const startedAt = startTime(pid);
    if (startedAt === null) throw new Error(readLog(logPath) || 'bubblewrap ended at once');
    return { pid, startedAt };
  } finally {
    closeSync(log);
  }
}

function feed(pipe: Writable, content: string | Buffer): void {
  pipe.on('error', () => {});
  pipe.end(content);
}

/** bubblewrap's `{"child-pid": N, …}`. */
async function childPid(info: Readable): Promise<number> {
  let text = '';
  for await (const chunk of info) {
    text += String(chunk);
    if (text.length > INFO_BYTES) break;
    const pid = /"child-pid"\s*:\s*(\d+)/.exec(text)?.[1];
    if (pid !== undefined && text.includes('}')) {
      info.destroy();
      return Number(pid);
    }
  }
  throw new Error('bubblewrap told no process id');
}

export function isAlive(process: LocalProcess): boolean {
  return startTime(process.pid) === process.startedAt;
}

/** With everything that it started; returns when the kernel is done with it. */
export async function endProcess(local: LocalProcess): Promise<void> {
  if (!isAlive(local)) return;
  // When only bubblewrap itself was known yet, the namespace's first process is its child.
  const all = [...childrenOf(local.pid), local];
  for (const one of all) kill(one);
  for (const until = Date.now() + END_TIMEOUT_MS; all.some(isAlive) && Date.now() < until;) {
    await new Promise((resolve) => setTimeout(resolve, END_POLL_MS));
  }
  if (all.some(isAlive)) throw new Error(`the process ${local.pid} does not end`);
}

function kill(one: LocalProcess): void {
  try {
    if (isAlive(one)) process.kill(one.pid, 'SIGKILL');
  } catch {
    // It ended by itself meanwhile.
  }
}

function childrenOf(pid: number): LocalProcess[] {
  let text = '';
  try {
    text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1');
  } catch {
    return [];
  }
  return text.split(' ').flatMap((word) => {
    const child = Number(word);
    const startedAt = child > 0 ? startTime(child) : null;
    return startedAt === null ? [] : [{ pid: child, startedAt }];
  });
}

/** Null when there is no such process, or only its zombie. */
function startTime(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? null : (fields[19] ?? null);
  } catch {
    return null;
  }
}

export function readLog(logPath: string): string {
  try {
    return readFileSync(logPath, 'utf8').trim().slice(-2_000);
  } catch {
    return '';
  }
}
