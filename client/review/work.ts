/**
 * Work that can pause: a generator that yields at least every few milliseconds. One code serves the
 * command line, which runs it through, and an editor's host, which must not be held up.
 */
import { breather } from '../apply/write.ts';

export type Work<T> = Generator<void, T, void>;

/** Steps of a loop between two pauses: some milliseconds of the simplest step. */
export const STEPS_PER_PAUSE = 200_000;

export function finish<T>(work: Work<T>): T {
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
  }
}

export async function finishInSlices<T>(work: Work<T>): Promise<T> {
  const breathe = breather();
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
    await breathe();
  }
}
