/** Who decides which model a turn works with. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chosenModel } from '../../../server/pipeline/model-choice.ts';

const NOTHING = { model: null, effort: null };

test('the turn wins over the task, the task over the environment', () => {
  const [turn, task, environment] = [{ model: 'c' }, { model: 'b' }, { model: 'a' }];
  assert.equal(chosenModel([turn, task, environment]).model, 'c');
  assert.equal(chosenModel([NOTHING, task, environment]).model, 'b');
  assert.equal(chosenModel([NOTHING, NOTHING, environment]).model, 'a');
  assert.deepEqual(chosenModel([NOTHING, NOTHING, {}]), NOTHING);
});

test('an effort of its own holds with whichever model', () => {
  assert.deepEqual(chosenModel([{ effort: 'low' }, { model: 'b' }, { model: 'a', effort: 'high' }]), {
    model: 'b',
    effort: 'low',
  });
  assert.deepEqual(chosenModel([NOTHING, { model: 'b' }, { effort: 'high' }]), {
    model: 'b',
    effort: 'high',
  });
  assert.deepEqual(chosenModel([{ effort: 'low' }, NOTHING, {}]), { model: null, effort: 'low' });
});

test('an effort that was set along with another model does not go over to this one', () => {
  const environment = { model: 'a', effort: 'xhigh' } as const;
  assert.deepEqual(chosenModel([NOTHING, { model: 'b' }, environment]), { model: 'b', effort: null });
  assert.deepEqual(chosenModel([NOTHING, { model: 'a' }, environment]), { model: 'a', effort: 'xhigh' });
  assert.deepEqual(chosenModel([{ model: 'c' }, { model: 'b', effort: 'low' }, environment]).effort, null);
});
