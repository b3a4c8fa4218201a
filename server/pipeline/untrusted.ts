/**
 * A task that works on what a stranger brought: a pull request from a fork. The one place that says what it goes
 * without, in every turn, whatever its environment says or is changed to:
 *
 * - no secret reaches a setup or a maintenance script, and no person's approval of one changes that;
 * - no internet in any phase, the setup included;
 * - nothing that it prepares is kept for others. It may start from what was prepared without any secret: that
 *   was made from the default branch alone, before any agent ran (`setup/index.ts`).
 */
import { DEFAULT_AGENT_ACCESS, type AccessPolicy } from '../../protocol/egress.ts';
import type { OpenSecret } from '../secrets/types.ts';
import { isUntrusted } from '../tasks/trigger.ts';
import type { TurnTask } from '../tasks/turn-context.ts';
import type { Rooms } from './rooms.ts';

type OfTask = Pick<TurnTask, 'trigger'>;

const NO_ACCESS: AccessPolicy = { ...DEFAULT_AGENT_ACCESS, access: 'off' };

/** Those of the environment that its scripts may have as far as the task goes. */
export function secretsFor({ trigger }: OfTask, secrets: OpenSecret[]): OpenSecret[] {
  return isUntrusted(trigger) ? [] : secrets;
}

/** The rooms as this task gets them. */
export function roomsFor({ trigger }: OfTask, rooms: Rooms): Rooms {
  if (!isUntrusted(trigger)) return rooms;
  const { environments, prepared } = rooms;
  return {
    ...rooms,
    environments: {
      get: (name) => environments.get(name),
      policyOf: async () => NO_ACCESS,
      onChange: () => () => {},
    },
    prepared: {
      find: (key) => prepared.find(key),
      forget: (gone) => prepared.forget(gone),
      alone: (...of) => prepared.alone(...of),
      keep: async () => {
        throw new Error('Nothing of an untrusted task is kept for others.');
      },
    },
  };
}
