/**
 * How much a container has written beside its image, looked at while commands run: most engines don't limit
 * it themselves.
 *
 * Asking the engine makes it walk all that was written (measured: 3 ms for a fresh container, 480 ms for
 * 100,000 files), so it is asked the less often the longer it takes. In between, the free space of the
 * engine's disk is looked at, which costs nothing: when it falls fast, the engine is asked at once.
 */

/** The engine is busy with looking for at most a twentieth of the time. */
const COST_FACTOR = 20;
const LOOK_LEAST_MS = 2_000;
const LOOK_MOST_MS = 60_000;
const GLANCE_MS = 500;
/** So much less free space may be anybody's; more is worth a look. */
const FALL_BYTES = 256 * 1024 * 1024;
/** What the rest of the machine is left with: below it the sandbox that writes is ended, whatever it may have. */
export const RESERVE_BYTES = 512 * 1024 * 1024;
/** An engine that can’t say it so often is asked only now and then. */
const PATIENCE = 5;

export interface WatchOf {
  limitBytes: number;
  /** All that the sandbox has written. */
  written(): Promise<number>;
  /** On the engine's disk; null when that is not known here (an engine elsewhere). */
  free(): Promise<number | null>;
  /** Called once, and the watch is over. `why`: beyond its own limit, or nothing is left for others. */
  onFull(why: 'limit' | 'reserve'): void;
}

export interface Glance {
  limitBytes: number;
  /** At the last look. */
  written: number;
  freeThen: number | null;
  freeNow: number | null;
}

/** Whether so much is gone that the limit may have been reached since the last look. */
export function worthALook({ limitBytes, written, freeThen, freeNow }: Glance): boolean {
  if (freeNow === null || freeThen === null) return false;
  const room = Math.max(limitBytes - written, 0);
  return freeThen - freeNow >= Math.min(room, FALL_BYTES) || freeNow < Math.min(RESERVE_BYTES, freeThen);
}

export function lookAgainMs(costMs: number): number {
  return Math.min(Math.max(costMs * COST_FACTOR, LOOK_LEAST_MS), LOOK_MOST_MS);
}

/** What a look means; a sandbox that has written nothing is not the one that filled the disk. */
export function verdict(limitBytes: number, written: number, grown: number, freeNow: number | null) {
  if (written > limitBytes) return 'limit';
  return freeNow !== null && freeNow < RESERVE_BYTES && grown > 0 ? 'reserve' : null;
}

/** Watches until the function that it returns is called, or until it is full. */
export function watchDisk(of: WatchOf): () => void {
  let over = false;
  let timer: NodeJS.Timeout | undefined;
  let last: { written: number; free: number | null } | undefined;
  let lookAt = 0;
  let failures = 0;

  const look = async (freeNow: number | null): Promise<void> => {
    const began = performance.now();
    const written = await of.written();
    lookAt = performance.now() + lookAgainMs(performance.now() - began);
    const why = verdict(of.limitBytes, written, written - (last?.written ?? 0), freeNow);
    last = { written, free: freeNow };
    failures = 0;
    if (why === null || over) return;
    over = true;
    of.onFull(why);
  };
  const glance = async (): Promise<void> => {
    const freeNow = await of.free().catch(() => null);
    const due =
      performance.now() >= lookAt ||
      (last !== undefined &&
        worthALook({ limitBytes: of.limitBytes, written: last.written, freeThen: last.free, freeNow }));
    if (due && !over) await look(freeNow);
  };
  const goOn = (): void => {
    if (over) return;
    timer = setTimeout(() => {
      glance()
        .catch(() => {
          // An engine that is gone is noticed by the door.
          failures++;
          lookAt = performance.now() + lookAgainMs(failures > PATIENCE ? LOOK_MOST_MS : 0);
        })
        .finally(goOn);
    }, GLANCE_MS);
    timer.unref();
  };
  goOn();
  return () => {
    over = true;
    clearTimeout(timer);
  };
}
