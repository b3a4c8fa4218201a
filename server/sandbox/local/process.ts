/**
 * The confined process itself: started so that it outlives the backend, found again by its process
 * id and start time, ended whole. What is kept is the id of the first process of its own process
 * namespace: when that one ends, the kernel ends all others in it.
 */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';

const START_TIMEOUT_MS = 10_000;
const END_TIMEOUT_MS = 5_000;
const END_POLL_MS = 10;
const INFO_BYTES = 64 * 1024;
export const INFO_FD = 3;
const OPTIONS_FD = 4;

export interface LocalProcess {
  pid: number;
  /** Clock ticks since boot, from /proc: with the pid it names one process for good. */
  startedAt: string;
}

/**
 * Starts bubblewrap, with what it and the runner say going into `logPath`. Its options go through a
 * pipe: a sandbox can read its first process's arguments, and they name the machine's folders.
 */
export async function startProcess(
  bwrap: string,
  options: string[],
  command: string[],
  logPath: string,
): Promise<LocalProcess> {
  const log = openSync(logPath, 'w', 0o600);
  try {
    const child = spawn(bwrap, ['--args', String(OPTIONS_FD), '--', ...command], {
      stdio: ['ignore', log, log, 'pipe', 'pipe'],
      detached: true,
      cwd: '/',
      env: {},
    });
    child.unref();
    const input = child.stdio[OPTIONS_FD] as Writable;
    input.on('error', () => {});
    input.end(options.map((option) => `${option}\0`).join(''));
    const ended = new Promise<never>((_resolve, reject) => {
      child.once('error', reject);
      child.once('exit', () => reject(new Error(readLog(logPath) || 'bubblewrap ended at once')));
    });
    const late = new Promise<never>((_resolve, reject) => {
      setTimeout(() => reject(new Error('bubblewrap did not start in time')), START_TIMEOUT_MS).unref();
    });
    ended.catch(() => {});
    late.catch(() => {});
    const pid = await Promise.race([childPid(child.stdio[INFO_FD] as Readable), ended, late]);
    const startedAt = startTime(pid);
    if (startedAt === null) throw new Error(readLog(logPath) || 'bubblewrap ended at once');
    return { pid, startedAt };
  } finally {
    closeSync(log);
  }
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
  process.kill(local.pid, 'SIGKILL');
  for (const until = Date.now() + END_TIMEOUT_MS; isAlive(local) && Date.now() < until;) {
    await new Promise((resolve) => setTimeout(resolve, END_POLL_MS));
  }
  if (isAlive(local)) throw new Error(`the process ${local.pid} does not end`);
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
