import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sweepOnce, sweepPrepared, type Swept, type TaskPresence } from '../../../server/pipeline/sweep.ts';

const NOW = 100 * 60_000;
const MINUTE = 60_000;

/** What goes, of snapshots by name: how old they are, and for which task they were made. */
async function swept(
  snapshots: Record<string, { ageMs: number; task?: string }>,
  known: { kept?: string[]; forgottenAt?: Record<string, number>; tasks?: Record<string, TaskPresence> },
): Promise<string[]> {
  const told: Swept = {
    presenceOf: async (task) => known.tasks?.[task] ?? 'gone',
    prepared: {
      trim: async () => undefined,
      snapshots: async () => new Set(known.kept),
      forgotten: (id, before) => (known.forgottenAt?.[id] ?? Infinity) <= before,
    },
  };
  const driver = {
    snapshots: async () =>
      Object.entries(snapshots).map(([id, { ageMs, task }]) => ({
        id,
        createdAt: NOW - ageMs,
        labels: task === undefined ? {} : { task },
      })),
    removeSnapshot: async (id: string) => id !== 'in use',
  };
  return sweepPrepared(driver, told, NOW);
}

test('what a row names stays, however old; what none names goes when nobody can be about to use it', async () => {
  const old = { ageMs: 11 * MINUTE };
  const fresh = { ageMs: MINUTE };
  assert.deepEqual(await swept({ one: old, two: old, three: fresh, 'in use': old }, { kept: ['one'] }), [
    'two',
  ]);
});

test('what was just forgotten goes a moment later', async () => {
  const fresh = { ageMs: MINUTE };
  const forgottenAt = { one: NOW - 6_000, two: NOW - 1_000 };
  assert.deepEqual(await swept({ one: fresh, two: fresh }, { forgottenAt }), ['one']);
});

test('what was prepared for one task goes with it', async () => {
  const tasks = { a: 'live', b: 'idle' } as const;
  const of = (task: string) => ({ ageMs: MINUTE, task });
  assert.deepEqual(await swept({ one: of('a'), two: of('b'), three: of('c') }, { tasks }), ['three']);
});

test('a clock that was set back keeps what seems to come from the future', async () => {
  assert.deepEqual(await swept({ one: { ageMs: -60 * MINUTE } }, {}), []);
});

test('a sandbox that is parked while it is looked at stays, and one that is made meanwhile too', async () => {
  const ref = { name: 'one', taskId: 'a', attempt: 1, running: true, role: 'agent' as const };
  const left = { ...ref, name: 'left', taskId: 'b' };
  let list = [ref, left];
  const removed = await sweepOnce(
    { list: async () => list, remove: async () => undefined },
    async () => {
      // Its turn ends between the first look at it and this.
      list = [{ ...ref, expiresAt: NOW + 1 } as typeof ref, left, { ...ref, name: 'new', taskId: 'c' }];
      return 'idle';
    },
    NOW,
  );
  assert.deepEqual(removed, ['left']);
});
