/**
 * Processes of other users: root without the KILL and PTRACE capabilities may neither signal them nor read
 * their environment, but may become their user for a moment. Within this process and without a pause, so
 * that nothing else runs meanwhile as somebody else, and no fork is needed where none is to be had.
 */
import { readFileSync } from 'node:fs';

/** False when it is gone, or nobody here may signal it. */
export function signal(pid: number, name: NodeJS.Signals): boolean {
  return (
    attempt(() => process.kill(pid, name)) ??
    asOwnerOf(pid, () => attempt(() => process.kill(pid, name))) ??
    false
  );
}

/** What it was started with; null when it is gone, or hides it. */
export function environmentOf(pid: number): Buffer | null {
  const read = (): Buffer | null => attempt(() => readFileSync(`/proc/${pid}/environ`));
  return read() ?? asOwnerOf(pid, read);
}

function asOwnerOf<T>(pid: number, work: () => T): T | null {
  if (process.geteuid?.() !== 0) return null;
  const owner = ownerOf(pid);
  if (!owner || owner.uid === 0) return null;
  try {
    // The group first: becoming another user gives the right to change groups away.
    process.setegid?.(owner.gid);
    process.seteuid?.(owner.uid);
    return work();
  } catch {
    return null;
  } finally {
    attempt(() => process.seteuid?.(0));
    attempt(() => process.setegid?.(0));
  }
}

/** The real ones: a signal goes by the receiver's real user. */
function ownerOf(pid: number): { uid: number; gid: number } | null {
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
