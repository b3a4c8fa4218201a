import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compactionWords, limitNearWords, NEAR_WORDS } from '../../../client/words/index.ts';

test('every budget that comes near is said with its numbers and what happens then', () => {
  for (const limit of Object.keys(NEAR_WORDS)) {
    const words = limitNearWords({ limit, used: 8, value: 10 });
    assert.match(words, /8.*10.*ends with what is there\.$/, limit);
    assert.doesNotMatch(words, /[{}]/, limit);
  }
});

test('a limit of a newer backend is said by its name, with the unit that its name ends in', () => {
  assert.equal(
    limitNearWords({ limit: 'newThing', used: 8, value: 10 }),
    'The limit “newThing” is near: 8 of 10.',
  );
  assert.match(limitNearWords({ limit: 'newBytes', used: 1024, value: 2048 }), /1 KiB of 2 KiB/);
  assert.match(limitNearWords({ limit: 'constructor', used: 1, value: 2 }), /“constructor”/);
});

test('time is told in units, large numbers in groups', () => {
  assert.match(
    limitNearWords({ limit: 'turnTimeoutMs', used: 5_760_000, value: 7_200_000 }),
    /1 h 36 min of its 2 h/,
  );
  assert.match(
    limitNearWords({ limit: 'turnTokens', used: 1_234_567, value: 2_000_000 }),
    /1\u202f234\u202f567/,
  );
});

test('a summary of the conversation says how it went', () => {
  assert.match(compactionWords({ before: 9, after: undefined, running: true }), /nearly full/);
  assert.match(compactionWords({ before: 9, after: undefined, running: false }), /failed/);
  assert.match(
    compactionWords({ before: 241_000, after: 31_800, running: false }),
    /241\u202f000 tokens became/,
  );
});
