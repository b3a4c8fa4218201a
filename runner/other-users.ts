/**
 * Processes of other users: root without the KILL and PTRACE capabilities may neither signal them nor read
 * their environment, but may become their user for a moment. Within this process and without a pause, so
 * that nothing else runs meanwhile as somebody else, and no fork is needed where none is to be had.
 */
import { readFileSync } from 'node:fs';

/** What is gone, or what nobody here may signal, is passed over. */
export function signalEach(pids: readonly number[], ...names: NodeJS.Signals[]): void {
  forEach(pids, (pid) => {
    for (const name of names) process.kill(pid, name);
  });
}

/** What they were started with, of those that are there and show it. */
export function environmentsOf(pids: readonly number[]): Map<number, Buffer> {
  const found = new Map<number, Buffer>();
  forEach(pids, (pid) => void found.set(pid, readFileSync(`/proc/${pid}/environ`)));
  return found;
}

/**
 * All of a user in one go: to become another user stops every thread of this process until each has agreed,
 * and beside a thousand processes that never rest each of them waits long for its turn.
 */
function forEach(pids: readonly number[], work: (pid: number) => void): void {
  const refused = pids.filter((pid) => attempt(() => (work(pid), true)) === null);
  if (refused.length === 0 || process.geteuid?.() !== 0) return;
  const byOwner = new Map<string, { owner: Owner; pids: number[] }>();
  for (const pid of refused) {
    const owner = ownerOf(pid);
    if (!owner || owner.uid === 0) continue;
    const key = `${owner.uid}:${owner.gid}`;
    const theirs = byOwner.get(key) ?? { owner, pids: [] };
    theirs.pids.push(pid);
    byOwner.set(key, theirs);
  }
  for (const { owner, pids: theirs } of byOwner.values()) {
    asUser(owner, () => {
      for (const pid of theirs) attempt(() => work(pid));
    });
  }
}

interface Owner {
  uid: number;
  gid: number;
}

function asUser({ uid, gid }: Owner, work: () => void): void {
  try {
    // The group first: becoming another user gives the right to change groups away.
    process.setegid?.(gid);
    process.seteuid?.(uid);
    work();
  } catch {
    // It can't be: then nothing is done as that user.
  } finally {
    attempt(() => process.seteuid?.(0));
    attempt(() => process.setegid?.(0));
  }
}

/** The real ones: a signal goes by the receiver's real user. */
function ownerOf(pid: number): Owner | null {
  const status = attempt(() => readFileSync(`/proc/${pid}/status`, 'latin1')) ?? '';
  const uid = /^Uid:\t(\d+)/m.exec(status)?.[1];
  const gid = /^Gid:\t(\d+)/m.exec(status)?.[1];
  return uid === undefined || gid === undefined ? null : { uid: Number(uid), gid: Number(gid) };
}

function attempt<T>(work: () => T): T | null {
  try {
    return work();
  } catch {
    return null;
  }
}
