import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Gate } from '../../../server/sandbox/gate.ts';

test('so many go at a time, in their order, and one that fails makes room too', async () => {
  const gate = new Gate(2);
  const begun: number[] = [];
  const ends = Array.from({ length: 4 }, () => Promise.withResolvers<void>());
  const went = ends.map(({ promise }, index) =>
    gate.through(() => {
      begun.push(index);
      return promise;
    }),
  );
  assert.deepEqual(begun, [0, 1]);
  ends[1]?.reject(new Error('no'));
  await assert.rejects(went[1] ?? Promise.resolve(), /no/);
  assert.deepEqual(begun, [0, 1, 2]);
  for (const { resolve } of ends) resolve();
  await Promise.all([went[0], went[2], went[3]]);
  assert.deepEqual(begun, [0, 1, 2, 3]);
  assert.equal(await gate.through(async () => 'free again'), 'free again');
});
