import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answerIsShown, MAX_COMMAND_LINES, type CommandEntry } from '../../../webview/task/attempt.ts';
import { applyDelta, applyEvent, MAX_PAGE_LINES } from '../../../webview/task/model.ts';
import { usageOf } from '../../../webview/task/usage-model.ts';
import { task } from './playback.ts';

test('a turn goes through its phases to its end', () => {
  const { model, put } = task();
  put('task.created', { title: 'T', mode: 'code' });
  put('turn.started', { prompt: 'do', mode: 'code', generation: 1 });
  put('phase.started', { phase: 'checkout' });
  put('phase.finished', { phase: 'checkout', outcome: 'ok', durationMs: 300 });
  put('phase.started', { phase: 'agent' });
  assert.equal(model.title, 'T');
  const [turn] = model.turns;
  assert.equal(turn?.state, 'running');
  assert.deepEqual(
    turn?.attempts[0]?.phases.map(({ phase, durationMs }) => [phase, durationMs]),
    [
      ['checkout', 300],
      ['agent', undefined],
    ],
  );
  const usage = { requests: 1, inputTokens: 10, cachedInputTokens: 0, outputTokens: 5, reasoningTokens: 0 };
  put('turn.finished', { state: 'completed', answer: 'done', durationMs: 5, usage });
  assert.equal(model.turns[0]?.state, 'completed');
  assert.deepEqual(usageOf(model), { ...usage, costUsd: undefined });
});

test('an event that was seen already changes nothing', () => {
  const { model, put } = task();
  put('turn.started', { prompt: 'do', mode: 'code', generation: 1 });
  const event = put('output', { itemId: 'c', offset: 0, text: 'once\n' });
  applyEvent(model, event);
  const entry = model.turns[0]?.attempts[0]?.entries[0] as CommandEntry;
  assert.equal(entry.log.count, 2);
});

test('a command starts, prints and ends in one entry whose rev rises', () => {
  const { model, put, command } = task();
  put('item.started', { item: command('c1') });
  const entry = model.turns[0]?.attempts[0]?.entries[0] as CommandEntry;
  const before = entry.rev;
  put('output', { itemId: 'c1', offset: 0, text: 'hello\n' });
  put('item.completed', { item: command('c1', { end: 'exited', exitCode: 0, durationMs: 4 }) });
  assert.equal(model.turns[0]?.attempts[0]?.entries.length, 1);
  assert.equal(entry.item.exitCode, 0);
  assert.ok(entry.rev > before);
  assert.equal(model.turns[0]?.attempts[0]?.commands, 1);
});

test('output is capped per command and over the page, and says how much is gone', () => {
  const { model, put, command } = task();
  const lines = 'x\n'.repeat(3000);
  for (let at = 0; at < 8; at++) {
    put('item.started', { item: command(`c${at}`) });
    put('output', { itemId: `c${at}`, offset: 0, text: lines });
  }
  const entries = model.turns[0]?.attempts[0]?.entries as CommandEntry[];
  assert.ok(entries.every((entry) => entry.log.lines.length <= MAX_COMMAND_LINES));
  assert.equal(
    entries.reduce((sum, entry) => sum + entry.log.lines.length, 0),
    model.lines,
  );
  assert.equal(model.lines, MAX_PAGE_LINES);
  assert.equal(entries[0]?.dropped, 3001);
  assert.equal(entries.at(-1)?.dropped, 3001 - MAX_COMMAND_LINES);
});

test('deltas write a message that its completed item replaces', () => {
  const { model, put } = task();
  put('turn.started', { prompt: 'do', mode: 'ask', generation: 1 });
  applyDelta(model, { turn: 1, itemId: 'm', text: 'Hel' });
  applyDelta(model, { turn: 1, itemId: 'm', text: 'lo' });
  const [entry] = model.turns[0]?.attempts[0]?.entries ?? [];
  assert.ok(entry?.kind === 'message' && entry.streaming && entry.text === 'Hello');
  put('item.completed', { item: { type: 'message', id: 'm', role: 'assistant', text: 'Hello.' } });
  applyDelta(model, { turn: 1, itemId: 'm', text: ' late' });
  const after = model.turns[0]?.attempts[0]?.entries[0];
  assert.ok(after?.kind === 'message' && !after.streaming);
  assert.equal(after.text, 'Hello.');
});

test('reasoning that streams first as a message ends as reasoning', () => {
  const { model, put } = task();
  put('turn.started', { prompt: 'do', mode: 'ask', generation: 1 });
  applyDelta(model, { turn: 1, itemId: 'r', text: 'think' });
  put('item.completed', { item: { type: 'reasoning', id: 'r', summary: 'thought' } });
  const entries = model.turns[0]?.attempts[0]?.entries ?? [];
  assert.equal(entries.length, 1);
  assert.ok(entries[0]?.kind === 'reasoning' && entries[0].text === 'thought');
});

test('a plan is one entry that changes', () => {
  const { model, put } = task();
  put('item.completed', { item: { type: 'plan', id: 'p1', steps: [{ text: 'a', state: 'pending' }] } });
  put('item.completed', { item: { type: 'plan', id: 'p2', steps: [{ text: 'a', state: 'completed' }] } });
  const plans = model.turns[0]?.attempts[0]?.entries.filter(({ kind }) => kind === 'plan') ?? [];
  assert.equal(plans.length, 1);
  assert.ok(plans[0]?.kind === 'plan' && plans[0].steps[0]?.state === 'completed');
});

test('the answer stands once', () => {
  const { model, put } = task();
  put('item.completed', { item: { type: 'message', id: 'm', role: 'assistant', text: 'It is so.' } });
  put('turn.finished', { state: 'completed', answer: 'It is so.', durationMs: 1 });
  assert.ok(model.turns[0]?.attempts[0] && answerIsShown(model.turns[0].attempts[0]));
  put('turn.finished', { state: 'completed', answer: 'Another.', durationMs: 1 });
  assert.ok(model.turns[0]?.attempts[0] && !answerIsShown(model.turns[0].attempts[0]));
});

test('a retry keeps what was done and forgets how it ended', () => {
  const { model, put, command } = task();
  put('turn.started', { prompt: 'do', mode: 'code', generation: 1 });
  put('item.completed', { item: command('c1', { end: 'exited', exitCode: 0 }) });
  put('turn.finished', {
    state: 'failed',
    durationMs: 1,
    error: { code: 'sandboxLost', retryable: true, params: {} },
  });
  put('turn.started', { prompt: 'do', mode: 'code', generation: 2 });
  const [turn] = model.turns;
  assert.equal(turn?.error, undefined);
  assert.equal(turn?.state, 'preparing');
  assert.equal(turn?.attempts[0]?.entries.length, 1);
});

test('a retry forgets how the failed try was prepared: it is told anew', () => {
  const { model, put, command } = task();
  const unapproved = { code: 'scriptUnapproved', params: { hash: 'h', path: 'p' } };
  put('turn.started', { prompt: 'do', mode: 'code', generation: 1 });
  put('warning', { code: 'notIncluded', params: { path: 'x' } });
  put('warning', unapproved);
  put('item.completed', { item: { ...command('s', { end: 'exited', exitCode: 1 }), by: 'setup' } });
  put('item.completed', { item: command('c1', { end: 'exited', exitCode: 0 }) });
  // Another backend takes it up: nothing is prepared again.
  put('turn.started', { prompt: 'do', mode: 'code', generation: 2 });
  assert.equal(model.turns[0]?.attempts[0]?.entries.length, 4);
  put('turn.finished', { state: 'cancelled', durationMs: 1 });
  put('turn.started', { prompt: 'do', mode: 'code', generation: 3 });
  const kinds = model.turns[0]?.attempts[0]?.entries.map((entry) =>
    entry.kind === 'notice' ? entry.notice.kind : entry.id,
  );
  assert.deepEqual(kinds, ['warning', 'c1']);
  put('warning', unapproved);
  assert.equal(model.turns[0]?.attempts[0]?.entries.length, 3);
});

test('turns stand in their order', () => {
  const { model, put } = task();
  put('turn.started', { prompt: 'two', mode: 'code', generation: 1 }, { turn: 2 });
  put('turn.started', { prompt: 'one', mode: 'code', generation: 1 }, { turn: 1 });
  assert.deepEqual(
    model.turns.map(({ prompt }) => prompt),
    ['one', 'two'],
  );
});

test('a summary of the conversation is one line that changes, and a limit that comes near is one', () => {
  const { model, put } = task();
  put('item.started', { item: { type: 'compaction', id: 'k', tokensBefore: 9 } });
  put('item.completed', { item: { type: 'compaction', id: 'k', tokensBefore: 9, tokensAfter: 3 } });
  put('limit.near', { limit: 'turnTokens', used: 8, value: 10 });
  put('limit.near', { limit: 'turnTokens', used: 9, value: 10 });
  const notices = model.turns[0]?.attempts[0]?.entries.map((entry) =>
    entry.kind === 'notice' ? entry.notice : entry,
  );
  assert.deepEqual(notices, [
    { kind: 'compaction', before: 9, after: 3, running: false },
    { kind: 'limitNear', limit: 'turnTokens', used: 9, value: 10 },
  ]);
});

test('an answer whose last message carries its report stands once', () => {
  const { model, put } = task();
  const text = 'It is so.\n\n```codex-report\n{"followUps": []}\n```';
  put('item.completed', { item: { type: 'message', id: 'm', role: 'assistant', text } });
  put('turn.finished', { state: 'completed', answer: 'It is so.', durationMs: 1 });
  assert.ok(model.turns[0]?.attempts[0] && answerIsShown(model.turns[0].attempts[0]));
});

test('a title that the model found is the task’s', () => {
  const { model, put } = task();
  put('task.created', { title: 'fix the thing that', mode: 'code' });
  put('task.renamed', { title: 'Fix rounding', by: 'model' });
  assert.equal(model.title, 'Fix rounding');
  assert.equal(model.turns.length, 0);
});

test('an event of a newer backend is shown by its name', () => {
  const { model } = task();
  applyEvent(model, {
    code: 'unknown',
    name: 'future.thing',
    taskId: 't',
    turn: 1,
    attempt: 1,
    seq: 1,
    at: 0,
  });
  const [entry] = model.turns[0]?.attempts[0]?.entries ?? [];
  assert.ok(
    entry?.kind === 'notice' && entry.notice.kind === 'unknown' && entry.notice.name === 'future.thing',
  );
});

test('the same warning again is one line that changes', () => {
  const { model, put } = task();
  put('warning', { code: 'modelRetry', params: { attempt: 1 } });
  put('warning', { code: 'modelRetry', params: { attempt: 2 } });
  put('warning', { code: 'ignoredFiles', params: { count: 3 } });
  assert.equal(model.turns[0]?.attempts[0]?.entries.length, 2);
});

test('10,000 events are put in within a quarter of a second', () => {
  const { model, put, command } = task();
  const start = performance.now();
  for (let at = 0; at < 5000; at++) {
    if (at % 50 === 0) put('item.started', { item: command(`c${at}`) });
    put('output', { itemId: `c${at - (at % 50)}`, offset: 0, text: `line ${at}\n`.repeat(10) });
    put('warning', { code: 'modelRetry', params: { at } });
  }
  assert.ok(performance.now() - start < 1000, `${performance.now() - start} ms`);
  assert.ok(model.lines <= MAX_PAGE_LINES);
});
