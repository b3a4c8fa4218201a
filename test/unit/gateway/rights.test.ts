import assert from 'node:assert/strict';
import { test } from 'node:test';
import { METHODS } from '../../../protocol/rpc.ts';
import { OWNER } from '../../../server/gateway/auth.ts';
import { ACTIONS, mayDo } from '../../../server/gateway/rights.ts';

test('every method has an action, and no action has a method that is gone', () => {
  assert.deepEqual(Object.keys(ACTIONS).sort(), Object.keys(METHODS).sort());
});

test('the owner may everything, nobody else anything', () => {
  for (const action of Object.values(ACTIONS)) {
    assert.ok(mayDo(OWNER, action));
    assert.equal(mayDo({ id: 'somebody' }, action), false);
  }
  assert.equal(mayDo(OWNER, undefined), false, 'a method without an action is nobody’s');
});
