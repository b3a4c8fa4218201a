/**
 * Removes the sandboxes that nobody needs any more: parked ones whose time is over, and those whose
 * task has ended without parking them, was archived, or is gone. Idempotent; runs at start and then
 * now and again.
 */
import { errorText } from '../../protocol/errors.ts';
import type { SandboxDriver, SandboxRef } from '../sandbox/sandbox.ts';

const SWEEP_EVERY_MS = 30_000;

/** `live`: a turn of it is queued or runs. `idle`: its newest turn has ended. `gone`: no such task. */
export type TaskPresence = 'live' | 'idle' | 'gone';

export function isNeeded(ref: SandboxRef, presence: TaskPresence, now: number): boolean {
  switch (presence) {
    case 'live':
      return true;
    case 'idle':
      return ref.expiresAt !== undefined && ref.expiresAt > now;
    case 'gone':
      return false;
  }
}

export async function sweepOnce(
  driver: SandboxDriver,
  presenceOf: (taskId: string) => Promise<TaskPresence>,
  now = Date.now(),
): Promise<string[]> {
  const removed: string[] = [];
  for (const ref of await driver.list()) {
    if (isNeeded(ref, await presenceOf(ref.taskId), now)) continue;
    await driver.remove(ref.name);
    removed.push(ref.name);
  }
  return removed;
}

/** Sweeps until `signal` aborts; a sweep that fails (the engine is away) is tried again at the next. */
export function keepSwept(
  driver: SandboxDriver,
  presenceOf: (taskId: string) => Promise<TaskPresence>,
  log: (line: string) => void,
  signal: AbortSignal,
): void {
  let running = false;
  const sweep = async () => {
    if (running) return;
    running = true;
    try {
      for (const name of await sweepOnce(driver, presenceOf)) log(`removed the sandbox ${name}`);
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
