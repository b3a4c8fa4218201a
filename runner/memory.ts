/**
 * Memory that has run out: how the kernel is told to take a command and not the runner, and how it says
 * that it took one.
 */
import { readFileSync, writeFileSync } from 'node:fs';

const SCORE = '/proc/self/oom_score_adj';
/** The first to go: the runner has the container's score, which is lower. */
const COMMAND_SCORE = '1000';
/** Control groups of the second and of the first kind; both count what was killed since they were made. */
const COUNTERS = ['/sys/fs/cgroup/memory.events', '/sys/fs/cgroup/memory/memory.oom_control'];

/** How many processes of this sandbox the kernel has killed so far; null where it does not say. */
export function killedForMemory(read: (path: string) => string = readText): number | null {
  for (const path of COUNTERS) {
    const count = /^oom_kill (\d+)$/m.exec(tryRead(read, path))?.[1];
    if (count !== undefined) return Number(count);
  }
  return null;
}

export interface Ended {
  /** `killedForMemory` before and after. */
  before: number | null;
  after: number | null;
  exitCode: number;
  /** No other command ran meanwhile. */
  alone: boolean;
}

const KILLED = 137;

/**
 * Whether that was the end of it: something was killed, and the command did not take it in its stride.
 * When several ran, only one that says it was killed is known to be the one.
 */
export function ranOutOfMemory({ before, after, exitCode, alone }: Ended): boolean {
  if (before === null || after === null || after <= before) return false;
  return exitCode === KILLED || (alone && exitCode !== 0);
}

/**
 * Forks with the score of a command. Set before the fork and taken back after it, since a child that is
 * given it later may have forked by then; going back down to what it was needs no privilege.
 */
export function forkedToYield<T>(fork: () => T): T {
  const own = tryRead(readText, SCORE).trim();
  const raised = own !== '' && tryWrite(COMMAND_SCORE);
  try {
    return fork();
  } finally {
    if (raised) tryWrite(own);
  }
}

function readText(path: string): string {
  return readFileSync(path, 'utf8');
}

function tryRead(read: (path: string) => string, path: string): string {
  try {
    return read(path);
  } catch {
    return '';
  }
}

function tryWrite(score: string): boolean {
  try {
    writeFileSync(SCORE, score);
    return true;
  } catch {
    return false;
  }
}
