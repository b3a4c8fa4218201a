/** When a backend is killed: at which step of the plan, and at which moment of it. Pure. */
import type { Random } from '../../support/random.ts';

/**
 * - `start`: while the backend starts
 * - `checkout`: while the sandbox is made or taken over
 * - `request`: before the model has answered
 * - `answer`: about when the calls are stored and started
 * - `command`: about when a command has started, `output`: while it prints
 * - `result`: about when its result is stored
 * - `time`: any time
 * - `patch`: while the result is taken out, or the turn is ended, or right after its end
 */
export type KillKind =
  'start' | 'checkout' | 'request' | 'answer' | 'command' | 'output' | 'result' | 'time' | 'patch';

export interface Kill {
  kind: KillKind;
  /** Not before the model is asked for this one. */
  step: number;
  /** After the moment was seen. */
  delayMs: number;
}

const DELAYS_MS: Record<KillKind, number> = {
  start: 1_500,
  checkout: 600,
  request: 0,
  answer: 80,
  command: 300,
  output: 60,
  result: 30,
  time: 2_500,
  patch: 400,
};

/** Something of the step itself has to be seen: only one of them in a step, and the first. */
const OF_A_STEP: readonly KillKind[] = ['answer', 'command', 'output', 'result', 'answer', 'command', 'time'];
const AT_ANY_TIME: readonly KillKind[] = ['request', 'time', 'checkout', 'start'];

export function scheduleOf(random: Random, kills: number, steps: number): Kill[] {
  const kill = (kind: KillKind, step: number): Kill => ({
    kind,
    step,
    delayMs: Math.floor(random.next() * DELAYS_MS[kind]),
  });
  const patches = Math.min(Math.floor(kills / 6), 4);
  const schedule: Kill[] = [];
  if (kills > 3) schedule.push(kill('checkout', 0));
  for (let step = 0; schedule.length < kills - patches; step = Math.min(step + 1, steps - 1)) {
    const left = kills - patches - schedule.length;
    const isCrowded = left > (steps - step) * 1.2;
    schedule.push(
      kill(step < steps - 1 || left === 1 ? random.pick(OF_A_STEP) : random.pick(AT_ANY_TIME), step),
    );
    if (isCrowded && left > 1) schedule.push(kill(random.pick(AT_ANY_TIME), step));
  }
  for (let index = 0; index < patches; index++) schedule.push(kill('patch', steps));
  return schedule.slice(0, kills);
}
