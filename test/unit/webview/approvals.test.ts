/** A question on the task's page: open, answered, or given up with its turn. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EventCode, EventParams } from '../../../protocol/events.ts';
import type { PageEvent } from '../../../protocol/pages.ts';
import { applyEvent, newTaskModel } from '../../../webview/task/model.ts';

function page() {
  const model = newTaskModel();
  let seq = 0;
  return {
    put: <C extends EventCode>(code: C, params: EventParams<C>) => {
      const event = { taskId: 'aaaaaaaa', attempt: 1, turn: 1, seq: ++seq, at: 0, v: 1, code, params };
      applyEvent(model, event as unknown as PageEvent);
    },
    state: () => model.turns[0]?.state,
    answers: () =>
      model.turns[0]?.attempts[0]?.entries.flatMap((entry) =>
        entry.kind === 'approval' ? [entry.question.answer] : [],
      ),
  };
}

const asked = (approvalId: string) =>
  ({ approvalId, kind: 'command', command: 'rm -rf a', cwd: '/w', reason: 'deletes' }) as const;

test('a turn waits until its last question is answered', () => {
  const { put, state, answers } = page();
  put('phase.started', { phase: 'agent' });
  put('approval.requested', asked('c1'));
  put('approval.requested', asked('c2'));
  put('approval.answered', { approvalId: 'c2', answer: 'once' });
  assert.equal(state(), 'waiting');
  assert.deepEqual(answers(), ['', 'once']);
  put('approval.answered', { approvalId: 'c1', answer: 'never' });
  assert.equal(state(), 'running');
});

test('a question outlives a restart of the backend, and goes with the end of its turn', () => {
  const { put, state, answers } = page();
  put('approval.requested', asked('c1'));
  put('turn.started', { prompt: 'p', mode: 'code', generation: 2 });
  put('phase.started', { phase: 'agent' });
  assert.equal(state(), 'waiting');
  assert.deepEqual(answers(), ['']);
  put('turn.finished', { state: 'cancelled', durationMs: 1 });
  assert.deepEqual(answers(), ['none']);
});
