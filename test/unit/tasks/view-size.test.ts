import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TaskView, type TurnView } from '../../../protocol/rpc.ts';
import { fitView } from '../../../server/tasks/view-size.ts';

const MAX_BYTES = 64 * 1024;
const SHA = 'a'.repeat(40);

function turn(of: Partial<TurnView>): TurnView {
  return {
    turn: 1,
    mode: 'code',
    prompt: 'x',
    state: 'completed',
    generation: 1,
    phases: [],
    attempts: [{ attempt: 1, files: [] }],
    createdAt: 0,
    ...of,
  };
}

function task(...turnList: TurnView[]): TaskView {
  return {
    id: 'abcdefgh',
    requestId: 'request-1',
    title: 'A task',
    mode: 'code',
    repo: { repoId: 'abcdefgh', name: 'app', sha: SHA, includesLocal: false },
    attempts: 1,
    turns: turnList.length,
    state: 'completed',
    review: 'open',
    archived: false,
    createdAt: 0,
    updatedAt: 0,
    lastSeq: 1,
    createdBy: 'me',
    turnList,
  };
}

const files = (count: number) =>
  Array.from({ length: count }, (_, index) => ({
    path: { path: `folder/file-${index}.txt` },
    kind: 'added' as const,
    oldMode: '000000',
    newMode: '100644',
    binary: false,
    added: 1,
    removed: 0,
  }));
const bytes = (view: TaskView) => Buffer.byteLength(JSON.stringify(view));

test('a task that fits stays as it is', () => {
  const view = task(turn({ answer: 'done' }));
  assert.equal(fitView(view, MAX_BYTES), view);
});

test('a long list of files ends where the room ends, in its order', () => {
  const view = fitView(
    task(turn({ answer: 'done', attempts: [{ attempt: 1, files: files(50_000) }] })),
    MAX_BYTES,
  );
  assert.ok(bytes(view) <= MAX_BYTES, String(bytes(view)));
  const kept = view.turnList[0]?.attempts[0]?.files ?? [];
  assert.ok(kept.length > 100);
  assert.deepEqual(kept, files(kept.length));
  assert.equal(view.turnList[0]?.answer, 'done');
  TaskView.parse(view);
});

test('long texts are cut with a mark, the newest turn last', () => {
  const long = 'ä\u0001'.repeat(100_000);
  const turns = Array.from({ length: 20 }, (_, index) =>
    turn({ turn: index + 1, prompt: long, answer: long }),
  );
  const view = fitView(task(...turns), MAX_BYTES);
  assert.ok(bytes(view) <= 1.5 * MAX_BYTES, String(bytes(view)));
  assert.deepEqual(
    view.turnList.map((one) => one.turn),
    turns.map((one) => one.turn),
  );
  const [first, last] = [view.turnList[0]?.answer ?? '', view.turnList.at(-1)?.answer ?? ''];
  assert.ok(first.endsWith('… [cut]') && last.endsWith('… [cut]'));
  assert.ok(last.length > 10 * first.length);
  TaskView.parse(view);
});

test('a report is there whole or not at all, and never keeps a task from fitting', () => {
  const followUps = Array.from({ length: 10 }, () => ({ title: 'More', prompt: 'ü'.repeat(3_000) }));
  const report = { followUps, findings: [], checks: [] };
  const small = { followUps: [{ title: 'a', prompt: 'b' }], findings: [], checks: [] };
  const view = task(
    ...Array.from({ length: 20 }, (_, n) => turn({ turn: n + 1, report })),
    turn({ turn: 21, report: small, prompt: 'x'.repeat(MAX_BYTES) }),
  );
  const fitted = fitView(view, MAX_BYTES);
  assert.ok(Buffer.byteLength(JSON.stringify(fitted)) <= MAX_BYTES);
  assert.deepEqual(fitted.turnList.at(-1)?.report, small);
  assert.ok(fitted.turnList.slice(0, -1).every((one) => one.report === undefined));
});

test('of several attempts with long answers each keeps a part, and the whole fits', () => {
  const attempts = [1, 2, 3, 4].map((attempt) => ({
    attempt,
    files: [],
    state: 'completed' as const,
    answer: String(attempt).repeat(MAX_BYTES),
    report: {
      followUps: [],
      findings: [],
      checks: [{ command: 'x'.repeat(900), outcome: 'passed' as const }],
    },
  }));
  const fitted = fitView(task(turn({ answer: 'a'.repeat(MAX_BYTES), attempts })), MAX_BYTES);
  assert.ok(Buffer.byteLength(JSON.stringify(fitted)) <= MAX_BYTES);
  TaskView.parse(fitted);
  for (const one of fitted.turnList[0]?.attempts ?? []) assert.match(one.answer ?? '', /^\d+… \[cut\]$/);
});
