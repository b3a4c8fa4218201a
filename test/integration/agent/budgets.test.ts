/** Budgets of a turn: a warning before, an orderly end at the limit. */
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { NO_USAGE } from '../../../protocol/events.ts';
import { resolveLimits } from '../../../protocol/limits.ts';
import { stage, type Stage } from './play.ts';

let on: Stage | undefined;

afterEach(async () => {
  await on?.close();
  on = undefined;
});

const ENDLESS = `turns:\n  - steps:\n${'      - {say: Still at it., run: echo 1}\n'.repeat(30)}`;

test('commands: the person and the model are told once that they are nearly used up, then it ends', async () => {
  on = await stage(ENDLESS);
  const outcome = await on.run({ limits: resolveLimits({ turnCommands: 10 }) });
  assert.deepEqual(outcome.stoppedBy, { code: 'limitReached', limit: 'turnCommands' });
  assert.equal(outcome.answer, 'Still at it.');
  assert.deepEqual(on.of('limit.near'), [{ limit: 'turnCommands', used: 8, value: 10 }]);
  assert.deepEqual(on.of('limit.reached'), [{ limit: 'turnCommands', value: 10 }]);
  const notes = on.history.items.filter((item) => 'role' in item && item.role === 'developer');
  assert.equal(notes.length, 1);
  assert.match(JSON.stringify(notes[0]), /used 8 of 10 commands/);
  assert.equal(on.sandbox.started.length, 10);
  assert.deepEqual(on.server.problems, []);
});

test('tokens: only those that cost are counted, over a crash too', async () => {
  on = await stage(ENDLESS);
  const usageBefore = {
    ...NO_USAGE,
    requests: 3,
    inputTokens: 50_000,
    cachedInputTokens: 20_000,
    outputTokens: 1,
  };
  const limits = resolveLimits({ turnTokens: 30_001 });
  const outcome = await on.run({ limits, usageBefore });
  assert.deepEqual(outcome.stoppedBy, { code: 'limitReached', limit: 'turnTokens' });
  assert.equal(on.server.requests.length, 0);
  assert.deepEqual(outcome.usage, usageBefore);
});

test('every request tells what was used so far, and how full the window is', async () => {
  on = await stage('turns: [{steps: [{run: echo 1}, {say: done}]}]');
  const outcome = await on.run({ model: { ...on.model, windowTokens: 100_000 } });
  const told = on.of('usage.changed');
  assert.equal(told.length, 2);
  assert.deepEqual(told[1]?.usage, outcome.usage);
  assert.equal(told[1]?.windowTokens, 100_000);
  const [first, second] = told;
  const last = (second?.usage.inputTokens ?? 0) - (first?.usage.inputTokens ?? 0);
  assert.ok((second?.contextTokens ?? 0) >= last && last > 0);
});
