import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isUntrusted, storedTrigger, type Trigger } from '../../../server/tasks/trigger.ts';

const TRIGGER: Trigger = {
  host: 'github.test',
  repo: 'acme/shop',
  number: 8,
  commentId: '1',
  author: 'alice',
  fork: false,
};

test('a task is untrusted when a fork’s code is what it works on', () => {
  assert.equal(isUntrusted(null), false);
  assert.equal(isUntrusted(storedTrigger(JSON.stringify(TRIGGER))), false);
  assert.equal(isUntrusted(storedTrigger(JSON.stringify({ ...TRIGGER, fork: true }))), true);
});

test('what started a task and can’t be read is taken for a fork', () => {
  for (const json of ['', '{', '{}', 'null', JSON.stringify({ ...TRIGGER, fork: 'no' })]) {
    assert.equal(isUntrusted(storedTrigger(json)), true, json);
  }
});
