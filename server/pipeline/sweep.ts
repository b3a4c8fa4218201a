/**
 * Removes the sandboxes that nobody needs any more: parked ones whose time is over, and those whose
 * task has ended without parking them, was archived, or is gone; and the snapshots of prepared
 * environments that have expired, are too many, or belonged to one task. Idempotent; runs at start and
 * then now and again.
 */
import { errorText } from '../../protocol/errors.ts';
import { LIMITS } from '../../protocol/limits.ts';
import type { PreparedEnvironments } from '../environments/prepared.ts';
import type { SandboxDriver, SandboxRef } from '../sandbox/sandbox.ts';

const SWEEP_EVERY_MS = 30_000;

/** `live`: a turn of it is queued or runs. `idle`: its newest turn has ended. `gone`: no such task. */
export type TaskPresence = 'live' | 'idle' | 'gone';

export function isNeeded(ref: SandboxRef, presence: TaskPresence, now: number): boolean {
  switch (presence) {
    case 'live':
      return true;
    case 'idle':
      // Longer than any is parked: the clock was wrong when it was written down.
      return ref.expiresAt !== undefined && ref.expiresAt > now && ref.expiresAt <= now + LIMITS.parkedMs.cap;
    case 'gone':
      return false;
  }
}

export async function sweepOnce(
  driver: Pick<SandboxDriver, 'list' | 'remove'>,
  presenceOf: (taskId: string) => Promise<TaskPresence>,
  now = Date.now(),
): Promise<string[]> {
  const presence = new Map<string, TaskPresence>();
  for (const { taskId } of await driver.list()) presence.set(taskId, await presenceOf(taskId));
  const removed: string[] = [];
  // Listed again: a turn parks its sandbox and then ends, and may have done both meanwhile.
  for (const ref of await driver.list()) {
    if (isNeeded(ref, presence.get(ref.taskId) ?? 'live', now)) continue;
    await driver.remove(ref.name);
    removed.push(ref.name);
  }
  return removed;
}

/** Somebody may be about to start from it, or to write down that it is there. */
const SNAPSHOT_FRESH_MS = 10 * 60_000;
/** Whoever found it before it was forgotten has made a sandbox of it by now; later ones prepare it anew. */
const FORGOTTEN_MS = 5_000;

/** Removes the snapshots that no row names; at once where a row was deleted or its task is gone. */
export async function sweepPrepared(
  driver: Pick<SandboxDriver, 'snapshots' | 'removeSnapshot'>,
  { presenceOf, prepared }: Swept,
  now = Date.now(),
): Promise<string[]> {
  await prepared.trim(now);
  const kept = await prepared.snapshots();
  const removed: string[] = [];
  for (const { id, createdAt, labels } of await driver.snapshots()) {
    if (kept.has(id)) continue;
    const isOld = createdAt <= now - SNAPSHOT_FRESH_MS || prepared.forgotten(id, now - FORGOTTEN_MS);
    const { task } = labels;
    if (!isOld && (task === undefined || (await presenceOf(task)) !== 'gone')) continue;
    if (await driver.removeSnapshot(id)) removed.push(id);
  }
  return removed;
}

/** What the backend knows about what a driver has. */
export interface Swept {
  presenceOf: (taskId: string) => Promise<TaskPresence>;
  prepared: Pick<PreparedEnvironments, 'trim' | 'snapshots' | 'forgotten'>;
}

/** Sweeps until `signal` aborts; a sweep that fails (the engine is away) is tried again at the next. */
export function keepSwept(
  driver: SandboxDriver,
  swept: Swept,
  log: (line: string) => void,
  signal: AbortSignal,
): void {
  let running = false;
  const sweep = async () => {
    if (running) return;
    running = true;
    try {
      for (const name of await sweepOnce(driver, swept.presenceOf)) log(`removed the sandbox ${name}`);
      for (const what of (await driver.sweep?.()) ?? []) log(`removed ${what}`);
      for (const id of await sweepPrepared(driver, swept)) log(`removed the prepared environment ${id}`);
    } catch (error) {
      log(`could not sweep sandboxes: ${errorText(error)}`);
    } finally {
      running = false;
    }
  };
  void sweep();
  const timer = setInterval(() => void sweep(), SWEEP_EVERY_MS);
  timer.unref();
  signal.addEventListener('abort', () => clearInterval(timer), { once: true });
}
