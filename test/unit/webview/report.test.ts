/** What an answer reports, as the page orders and names it; and what several attempts come to. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Finding } from '../../../protocol/report.ts';
import type { TaskSummary } from '../../../protocol/rpc.ts';
import { newAttempt, type AttemptModel } from '../../../webview/task/attempt.ts';
import { answerLine, attemptsOf, choiceIsOpen, mayChoose } from '../../../webview/task/attempts-model.ts';
import { newTaskModel, type TaskModel } from '../../../webview/task/model.ts';
import { byPriority, fixPrompt, followUpId } from '../../../webview/task/report-model.ts';
import { dollars, percent } from '../../../webview/task/usage-model.ts';

function finding(more: Partial<Finding>): Finding {
  return {
    ...{ title: 'T', body: 'B', priority: 2, confidence: 0.5, path: 'a.ts', startLine: 4, endLine: 4 },
    ...more,
  };
}

test('findings stand by what has to be done first, then by what is most certain', () => {
  const findings = [
    finding({ title: 'a', priority: 2 }),
    finding({ title: 'b', priority: 0, confidence: 0.2 }),
    finding({ title: 'c', priority: 0, confidence: 0.9 }),
  ];
  assert.deepEqual(
    byPriority(findings).map(({ title }) => title),
    ['c', 'b', 'a'],
  );
  assert.equal(findings[0]?.title, 'a', 'the report itself is left alone');
});

test('a fix is asked for with the place and the whole text', () => {
  assert.equal(
    fixPrompt(finding({ title: 'Lost', body: 'It is lost.', startLine: 4, endLine: 9 })),
    'Fix this finding of the review, in a.ts:4-9:\n\nLost\n\nIt is lost.',
  );
  assert.equal(fixPrompt(finding({ body: '' })), 'Fix this finding of the review, in a.ts:4:\n\nT');
});

test('a suggestion has one id however often it is started, and another one when it says something else', () => {
  const where = { taskId: 'x'.repeat(40), turn: 12, attempt: 4 };
  const id = followUpId(where, 1, { title: 'T', prompt: 'Do it.' });
  assert.equal(id, followUpId(where, 1, { title: 'Other title', prompt: 'Do it.' }));
  assert.notEqual(id, followUpId(where, 1, { title: 'T', prompt: 'Do it now.' }));
  assert.notEqual(id, followUpId(where, 2, { title: 'T', prompt: 'Do it.' }));
  assert.ok(id.startsWith(`suggested-${where.taskId}-`));
  assert.ok(id.length >= 8 && id.length <= 100, String(id.length));
});

function model(states: AttemptModel['state'][], turns = 1): TaskModel {
  const attempts = states.map((state, at) => ({ ...newAttempt(at + 1, 0), state }));
  const of = (turn: number) => ({
    ...{ turn, mode: 'code' as const, prompt: '', images: [], state: 'completed' as const },
    ...{ startedAt: 0, steers: [], attempts, rev: 0 },
  });
  return { ...newTaskModel(), turns: Array.from({ length: turns }, (_, at) => of(at + 1)) };
}
const task = (more: Partial<TaskSummary>): TaskSummary =>
  ({ id: 'task0001', attempts: 3, turns: 1, state: 'completed', ...more }) as TaskSummary;

test('a choice is open while several completed and nothing went on from one', () => {
  const two = model(['completed', 'completed', 'failed']);
  assert.ok(choiceIsOpen(two, task({})));
  assert.ok(!choiceIsOpen(two, task({ chosenAttempt: 2 })));
  assert.ok(mayChoose(two, task({ chosenAttempt: 2 })), 'it can still be changed');
  assert.ok(!mayChoose(two, task({ state: 'running' })));
  assert.ok(
    !mayChoose(model(['completed', 'failed', 'failed']), task({})),
    'there is nothing to choose from',
  );
  assert.ok(!mayChoose(model(['completed', 'completed'], 2), task({ turns: 2 })));
  assert.ok(!mayChoose(model(['completed']), task({ attempts: 1 })));
});

test('the first turn shows every attempt, heard of or not; a follow-up the one that it goes on from', () => {
  const { turns } = model(['running'], 2);
  const [first, second] = turns;
  assert.ok(first && second);
  assert.deepEqual(
    attemptsOf(first, 3).map(({ attempt, state }) => [attempt, state]),
    [
      [1, 'running'],
      [2, 'queued'],
      [3, 'queued'],
    ],
  );
  assert.equal(attemptsOf(second, 3).length, 1);
});

test('attempts are compared by the first line that says something', () => {
  const attempt = { ...newAttempt(1, 0), answer: '\n---\n## **Rounded** once in `money.ts`\n\nMore.' };
  assert.equal(answerLine(attempt), 'Rounded once in money.ts');
  assert.equal(answerLine({ ...attempt, answer: 'x'.repeat(400) }).length, 160);
  assert.equal(answerLine(newAttempt(1, 0)), '');
});

test('shares and costs are told in round figures', () => {
  assert.deepEqual([percent(1, 3), percent(9, 8), percent(1, 0)], [33, 100, 0]);
  assert.deepEqual(dollars(0.1249), { less: false, text: '$0.12' });
  assert.deepEqual(dollars(0.004), { less: true, text: '$0.01' });
});
