/**
 * Finding and ending processes through /proc: what a command started, wherever it hid, and
 * everything in the sandbox at once. The kernel's numbers are read afresh in every round, since a
 * program that is being ended may still fork.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { KILL_GRACE_MS } from '../protocol/limits.ts';
import { CALL_ID_VARIABLE } from '../protocol/door.ts';
import { environmentsOf, signalEach } from './other-users.ts';
import { PLACES } from './places.ts';
import { everyone, membersOf, pgrepLister, tolerant } from './signalled.ts';
import type { Lister } from './signalled.ts';

const POLL_MS = 20;
/** Rounds of KILL before giving up on what the kernel won't end (a process stuck in the kernel). */
const KILL_ROUNDS = 100;
/** How often in a row what is new is only stopped: a fork may be under way while the others are found. */
const STOP_ROUNDS = 10;
/** Before a sandbox is emptied, a server in it has this long to close its files. */
const STOP_ALL_GRACE_MS = 500;
/** Becomes the parent of what its parent let go. */
const INIT = 1;

export interface Process {
  pid: number;
  parent: number;
  group: number;
  session: number;
  /** In clock ticks since boot: with the pid it names a process for good. */
  startedAt: string;
}

/** Every live process; zombies are dead already. */
export function processes(): Process[] {
  const found: Process[] = [];
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const process = readProcess(Number(entry));
    if (process) found.push(process);
  }
  return found;
}

export function readProcess(pid: number): Process | null {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return null;
  }
  // The name in parentheses may hold anything, so count from the last one.
  const [state, parent, group, session, ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (state === 'Z' || state === 'X' || parent === undefined || group === undefined) return null;
  return {
    pid,
    parent: Number(parent),
    group: Number(group),
    session: Number(session),
    startedAt: rest[15] ?? '',
  };
}

/** The environment a process was started with says which command it belongs to; without one it does not say. */
function callsOf(pids: readonly number[]): Map<number, string> {
  const calls = new Map<number, string>();
  for (const [pid, environment] of environmentsOf(pids)) {
    const entry = environment
      .toString('latin1')
      .split('\0')
      .find((one) => one.startsWith(TAG));
    if (entry !== undefined) calls.set(pid, entry.slice(TAG.length));
  }
  return calls;
}

const TAG = `${CALL_ID_VARIABLE}=`;

const LIST = PLACES.pgrep === undefined ? null : tolerant(pgrepLister(PLACES.pgrep));

/** Call it just before a fork: what `sinceOf` needs where processes don't tell when they started. */
export function beforeFork(): string | null {
  return LIST && everyone(LIST).join(',');
}

/** The moment of this fork, for `endCommand`. */
export function sinceOf(leader: number, before: string | null): string | null {
  return before ?? readProcess(leader)?.startedAt ?? null;
}

/**
 * Ends the command with this leader: its group, its session, its descendants, and what carries its id.
 * `since` (of `sinceOf`) is given when no other command ran meanwhile: then what was started
 * after it, was let go by its parent and hides whose it is, is its own too.
 */
export async function endCommand(leader: number, callId: string, since: string | null): Promise<void> {
  if (LIST) return endListed(LIST, leader, since);
  const seen = new Map<number, string>();
  const members = (): number[] => {
    const all = processes();
    const others = all.filter(({ pid }) => !isOurs(pid));
    const chosen = new Set<number>();
    const unclear: Process[] = [];
    for (const one of others) {
      const belongs = one.group === leader || one.session === leader || seen.get(one.pid) === one.startedAt;
      if (belongs) chosen.add(one.pid);
      else unclear.push(one);
    }
    const calls = callsOf(unclear.map(({ pid }) => pid));
    for (const { pid, parent, startedAt } of unclear) {
      const call = calls.get(pid);
      const isOfCall = call === callId;
      const isLost =
        call === undefined && since !== null && parent === INIT && Number(startedAt) >= Number(since);
      if (isOfCall || isLost) chosen.add(pid);
    }
    addDescendants(all, chosen);
    for (const one of all) if (chosen.has(one.pid)) seen.set(one.pid, one.startedAt);
    return [...chosen];
  };
  await endAll(members, KILL_GRACE_MS);
}

async function endListed(list: Lister, leader: number, since: string | null): Promise<void> {
  const seen = new Set<number>();
  const before = since === null ? null : new Set(since.split(',').map(Number));
  const members = (): number[] => {
    const found = membersOf(list, leader, seen, before);
    for (const pid of found) seen.add(pid);
    return found;
  };
  await endAll(members, KILL_GRACE_MS);
}

/** Ends everything but the runner, its own ancestors, and the door's pump. False when something does not end. */
export async function endEverything(pump: number | undefined): Promise<boolean> {
  const all = LIST
    ? () => everyone(LIST)
    : () =>
        processes()
          .map((one) => one.pid)
          .filter((pid) => !isOurs(pid));
  const members = (): number[] => all().filter((pid) => pid !== pump);
  await endAll(members, STOP_ALL_GRACE_MS);
  return members().length === 0;
}

function isOurs(pid: number): boolean {
  return pid === INIT || pid === process.pid || pid === process.ppid;
}

function addDescendants(all: Process[], chosen: Set<number>): void {
  for (let grown = true; grown;) {
    grown = false;
    for (const one of all) {
      if (!chosen.has(one.pid) && chosen.has(one.parent) && !isOurs(one.pid)) {
        chosen.add(one.pid);
        grown = true;
      }
    }
  }
}

async function endAll(members: () => number[], graceMs: number): Promise<void> {
  const first = members();
  if (first.length === 0) return;
  // A stopped process takes TERM only once it goes on.
  signalEach(first, 'SIGTERM', 'SIGCONT');
  for (const until = Date.now() + graceMs; Date.now() < until;) {
    await pause();
    if (members().length === 0) return;
  }
  await killAll(members);
}

/**
 * Stopped before they are killed: one that is killed makes room for what the others fork, one that is stopped
 * does not. So a bomb can't grow anew while a busy machine lets us wait for our turn.
 */
async function killAll(members: () => number[]): Promise<void> {
  const stopped = new Set<number>();
  let stops = 0;
  for (let round = 0; round < KILL_ROUNDS; round++) {
    const left = members();
    if (left.length === 0) return;
    const moving = left.filter((pid) => !stopped.has(pid));
    if (moving.length > 0 && stops++ < STOP_ROUNDS) {
      signalEach(moving, 'SIGSTOP');
      for (const pid of moving) stopped.add(pid);
      continue;
    }
    stops = 0;
    signalEach(left, 'SIGKILL');
    await pause();
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, POLL_MS));
}
