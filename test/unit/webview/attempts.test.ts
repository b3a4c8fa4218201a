/** What is said while a turn runs, and several attempts at it, in the page's model. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyDelta, shownAttempt, waitingSteers } from '../../../webview/task/model.ts';
import { usageOf } from '../../../webview/task/usage-model.ts';
import { task } from './playback.ts';

test('what a person says while the turn runs waits until the model gets it', () => {
  const { model, put } = task();
  put('turn.started', { prompt: 'do', mode: 'code', generation: 1 });
  put('phase.started', { phase: 'agent' });
  put('turn.steered', { id: 's1', text: 'and JPY' });
  put('turn.steered', { id: 's2', text: 'and EUR' });
  const [turn] = model.turns;
  const [attempt] = turn?.attempts ?? [];
  assert.ok(turn && attempt);
  assert.deepEqual(
    waitingSteers(turn, attempt).map(({ text }) => text),
    ['and JPY', 'and EUR'],
  );
  put('item.completed', { item: { type: 'message', id: 's1', role: 'user', text: 'and JPY' } });
  assert.deepEqual(
    waitingSteers(turn, attempt).map(({ id }) => id),
    ['s2'],
  );
  const [said] = attempt.entries;
  assert.ok(said?.kind === 'said' && said.text === 'and JPY');
});

test('each attempt has its own flow and its own end; the turn ends with the last one', () => {
  const { model, put, command } = task();
  put('turn.started', { prompt: 'do', mode: 'code', generation: 1 });
  const usage = { requests: 1, inputTokens: 10, cachedInputTokens: 4, outputTokens: 5, reasoningTokens: 0 };
  for (const attempt of [1, 2]) {
    put('phase.started', { phase: 'agent' }, { attempt });
    // The same id in both is two commands.
    put('item.started', { item: command('c1') }, { attempt });
    put('output', { itemId: 'c1', offset: 0, text: `out ${attempt}\n` }, { attempt });
    put('usage.changed', { usage, costUsd: 0.01 }, { attempt });
  }
  applyDelta(model, { turn: 1, attempt: 2, itemId: 'm', text: 'second' });
  put('attempt.finished', { state: 'failed', durationMs: 7 }, { attempt: 1 });
  const [turn] = model.turns;
  assert.ok(turn);
  assert.equal(turn.state, 'running');
  assert.deepEqual(
    turn.attempts.map(({ state, commands, entries }) => [state, commands, entries.length]),
    [
      ['failed', 1, 1],
      ['running', 1, 2],
    ],
  );
  put('attempt.finished', { state: 'completed', answer: 'second', durationMs: 9 }, { attempt: 2 });
  put('turn.finished', { state: 'completed', durationMs: 9, answer: 'second' });
  put('attempt.chosen', { attempt: 2 });
  assert.deepEqual(
    turn.attempts.map(({ state, answer, durationMs }) => [state, answer, durationMs]),
    [
      ['failed', undefined, 7],
      ['completed', 'second', 9],
    ],
  );
  assert.equal(model.chosen, 2);
  assert.equal(usageOf(model).inputTokens, 20);
  assert.equal(usageOf(model).costUsd, 0.02);
});

test('a retry runs again only the attempts that had not completed', () => {
  const { model, put } = task();
  put('turn.started', { prompt: 'do', mode: 'code', generation: 1 });
  for (const attempt of [1, 2]) put('phase.started', { phase: 'agent' }, { attempt });
  put('attempt.finished', { state: 'completed', answer: 'a', durationMs: 7 }, { attempt: 1 });
  put('turn.finished', { state: 'cancelled', durationMs: 9 });
  assert.deepEqual(
    model.turns[0]?.attempts.map(({ state }) => state),
    ['completed', 'cancelled'],
  );
  put('turn.started', { prompt: 'do', mode: 'code', generation: 2 });
  assert.deepEqual(
    model.turns[0]?.attempts.map(({ state }) => state),
    ['completed', 'preparing'],
  );
});

test('the attempt to show is the wanted one, else the chosen, else the first', () => {
  const { model, put } = task();
  for (const attempt of [1, 2, 3]) put('phase.started', { phase: 'agent' }, { attempt });
  const all = model.turns[0]?.attempts ?? [];
  assert.equal(shownAttempt(all, 3, 2)?.attempt, 3);
  assert.equal(shownAttempt(all, null, 2)?.attempt, 2);
  assert.equal(shownAttempt(all, 4, undefined)?.attempt, 1);
  assert.equal(shownAttempt([], 1), undefined);
});

test('a follow-up of the chosen attempt has that one alone, whatever number its start carries', () => {
  const { model, put } = task();
  for (const attempt of [1, 2]) put('phase.started', { phase: 'agent' }, { attempt });
  put('turn.started', { prompt: 'more', mode: 'code', generation: 1 }, { turn: 2 });
  put('phase.started', { phase: 'agent' }, { turn: 2, attempt: 2 });
  put('turn.finished', { state: 'completed', answer: 'done', durationMs: 1 }, { turn: 2 });
  assert.deepEqual(
    model.turns[1]?.attempts.map(({ attempt, state, answer }) => [attempt, state, answer]),
    [[2, 'completed', 'done']],
  );
});

test('what comes without the number of an attempt is the first one’s, text that is being written too', () => {
  const { model, put, command } = task();
  put('turn.started', { prompt: 'do', mode: 'code', generation: 1 });
  put('phase.started', { phase: 'agent' });
  put('item.started', { item: command('c1') }, { attempt: 0 });
  applyDelta(model, { turn: 1, itemId: 'm', text: 'one' });
  assert.deepEqual(
    model.turns[0]?.attempts.map(({ attempt, entries }) => [attempt, entries.length]),
    [[1, 2]],
  );
});
