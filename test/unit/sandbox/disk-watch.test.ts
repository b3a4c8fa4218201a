import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lookAgainMs, verdict, worthALook } from '../../../server/sandbox/docker/watch.ts';

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;

test('the longer a look takes, the rarer it is, within bounds', () => {
  assert.deepEqual([3, 480, 10_000].map(lookAgainMs), [2_000, 9_600, 60_000]);
});

test('a disk that fills fast is worth a look before its time', () => {
  const of = { limitBytes: 10 * GIB, written: GIB, freeThen: 50 * GIB, freeNow: 50 * GIB };
  assert.equal(worthALook(of), false);
  assert.equal(worthALook({ ...of, freeNow: 49 * GIB }), true);
  assert.equal(worthALook({ ...of, freeNow: 50 * GIB - 100 * MIB }), false);
  const nearly = { ...of, written: 10 * GIB - 50 * MIB };
  assert.equal(worthALook({ ...nearly, freeNow: 50 * GIB - 60 * MIB }), true);
  assert.equal(worthALook({ ...of, freeThen: 200 * MIB, freeNow: 199 * MIB }), true);
  assert.equal(worthALook({ ...of, freeNow: null }), false);
});

test('beyond its limit a sandbox is ended; where nothing is left, one that still writes', () => {
  assert.equal(verdict(GIB, GIB + 1, 0, null), 'limit');
  assert.equal(verdict(GIB, GIB, 5, 10 * GIB), null);
  assert.equal(verdict(GIB, 10 * MIB, 5, 100 * MIB), 'reserve');
  assert.equal(verdict(GIB, 10 * MIB, 0, 100 * MIB), null);
});
