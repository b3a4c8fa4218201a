/** What `run` does when a command waits. */
import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { ApprovalAsker } from '../../../cli/run/approvals.ts';
import type { BackendConnection } from '../../../client/connection/index.ts';
import type { WireEvent } from '../../../protocol/events.ts';

let seq = 0;
const event = (code: string, params: Record<string, unknown>): WireEvent => ({
  ...{ taskId: 'aaaaaaaa', attempt: 1, turn: 1, seq: ++seq, at: 0, v: 1 },
  ...{ code, params },
});
const requested = (approvalId: string) =>
  event('approval.requested', {
    ...{ approvalId, kind: 'command', command: 'rm -rf a\n\u001b[2Jls', cwd: '/w', reason: 'deletes' },
  });

function asker(hasTerminal: boolean) {
  const calls: unknown[] = [];
  const warnings: string[] = [];
  const input = new PassThrough();
  const output = new PassThrough();
  const called = Promise.withResolvers<void>();
  const connection = {
    call: async (method: string, params: unknown) => {
      calls.push([method, params]);
      called.resolve();
      return {};
    },
  } as unknown as BackendConnection;
  const made = new ApprovalAsker({
    connection,
    taskId: 'aaaaaaaa',
    terminal: hasTerminal ? { input, output } : null,
    warn: (line) => warnings.push(line),
  });
  return { made, calls, warnings, input, output, called: called.promise };
}

test('without a terminal it says how to answer, with nothing hidden, and answers nothing', () => {
  const { made, calls, warnings } = asker(false);
  made.event(requested('c1'));
  assert.deepEqual(calls, []);
  assert.ok(warnings.includes('Answer it with: codex-tasks approve aaaaaaaa c1 once|task|never'));
  assert.ok(warnings.includes('  $ rm -rf a'));
  assert.ok(!warnings.join('').includes('\u001b'));
});

test('on a terminal it asks until it has an answer', async () => {
  const { made, calls, input, called } = asker(true);
  made.event(requested('c1'));
  await new Promise((resolve) => setImmediate(resolve));
  input.write('yes\n');
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(calls, []);
  input.write('T\n');
  await called;
  assert.deepEqual(calls, [['approval.answer', { taskId: 'aaaaaaaa', approvalId: 'c1', answer: 'task' }]]);
});

test('a question that is answered elsewhere is not asked any more', async () => {
  const { made, calls, output } = asker(true);
  made.event(requested('c1'));
  made.event(requested('c2'));
  made.event(event('approval.answered', { approvalId: 'c1', answer: 'never' }));
  made.event(event('turn.finished', { state: 'cancelled', durationMs: 1 }));
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(calls, []);
  assert.doesNotMatch(String(output.read()), /c2/);
});
