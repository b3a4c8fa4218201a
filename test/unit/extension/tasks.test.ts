import assert from 'node:assert/strict';
import { test } from 'node:test';
import { english } from '../../../client/words/index.ts';
import { describeRow } from '../../../extension/tasks/describe.ts';
import {
  TaskStore,
  titleOf,
  type Change,
  type PendingTask,
  type Row,
} from '../../../extension/tasks/store.ts';
import type { AccessLevel } from '../../../protocol/egress.ts';
import type { TaskSummary } from '../../../protocol/rpc.ts';

function summary(more: Partial<TaskSummary> = {}): TaskSummary {
  return {
    id: 'task0001',
    requestId: 'request-0001',
    title: 'Fix it',
    mode: 'code',
    repo: { repoId: 'repo0001', name: 'app', sha: '0'.repeat(40), branch: 'main', includesLocal: true },
    attempts: 1,
    turns: 1,
    state: 'running',
    review: 'none',
    archived: false,
    createdAt: 2,
    updatedAt: 2,
    lastSeq: 1,
    createdBy: 'me',
    ...more,
  };
}
const pending: PendingTask = {
  requestId: 'request-0001',
  title: 'Fix it',
  mode: 'code',
  repoName: 'app',
  stage: 'snapshot',
  createdAt: 1,
};
const patch = { bytes: 1, sha256: 'x', files: 3, added: 18, removed: 6, binaries: 1 };
const rows = (store: TaskStore): Row[] => [...store.groups().values()].flat();

test('a submitted task is one row, before and after the backend knows it', () => {
  const store = new TaskStore();
  store.addPending(pending);
  assert.deepEqual(
    rows(store).map(({ kind, key }) => [kind, key]),
    [['pending', 'request-0001']],
  );
  store.changed(summary());
  assert.deepEqual(
    rows(store).map(({ kind, key }) => [kind, key]),
    [['task', 'request-0001']],
  );
  store.addPending(pending);
  assert.equal(rows(store).length, 1);
});

test('a submission that was not accepted takes its row away', () => {
  const store = new TaskStore();
  store.addPending(pending);
  store.dropPending('request-0001');
  assert.deepEqual(rows(store), []);
});

test('an older state never replaces a newer one', () => {
  const store = new TaskStore();
  store.changed(summary({ state: 'completed', lastSeq: 9, updatedAt: 9 }));
  store.changed(summary({ state: 'running', lastSeq: 5, updatedAt: 5 }));
  assert.equal(store.get('task0001')?.state, 'completed');
});

test('a stopped task says so at once, until the backend tells its end', () => {
  const store = new TaskStore();
  const words = () =>
    rows(store).map((row) => {
      const stopping = row.kind === 'task' && store.isStopping(row.task.id);
      const { description, context } = describeRow(
        row,
        { applied: false, stopping, access: 'limited' },
        english,
      );
      return [description, context.includes('cancel')];
    });
  store.changed(summary({ phase: 'agent' }));
  const seen: Change[] = [];
  store.onChange((changes) => seen.push(...changes));
  store.stopping('task0001');
  assert.deepEqual(words(), [['stopping …', false]]);
  assert.deepEqual(
    seen.map(({ after }) => after.id),
    ['task0001'],
  );
  store.changed(summary({ phase: 'patch', lastSeq: 2 }));
  assert.deepEqual(words(), [['stopping …', false]]);
  store.changed(summary({ state: 'cancelled', lastSeq: 3 }));
  assert.deepEqual(words(), [['cancelled', false]]);
  store.changed(summary({ state: 'queued', lastSeq: 4 }));
  assert.deepEqual(words(), [['queued · limited internet', true]]);
});

test('a stop that did not reach the backend is taken back', () => {
  const store = new TaskStore();
  store.changed(summary());
  store.stopping('task0001');
  store.stopFailed('task0001');
  assert.equal(store.isStopping('task0001'), false);
  store.changed(summary({ state: 'completed', lastSeq: 2 }));
  store.stopping('task0001');
  assert.equal(store.isStopping('task0001'), false, 'what has ended can not be stopped');
});

test('a list replaces what was known and tells what changed meanwhile', () => {
  const store = new TaskStore();
  store.changed(summary());
  const seen: Change[] = [];
  store.onChange((changes) => seen.push(...changes));
  store.replaceAll([
    summary({ state: 'failed', lastSeq: 7 }),
    summary({ id: 'task0002', requestId: 'request-0002' }),
  ]);
  assert.deepEqual(
    seen.map(({ before, after }) => [before?.state, after.state]),
    [
      ['running', 'failed'],
      [undefined, 'running'],
    ],
  );
  store.replaceAll([]);
  assert.deepEqual(rows(store), []);
});

test('a title is the first line of the prompt, cut', () => {
  assert.equal(titleOf('  Fix\nmore'), 'Fix');
  assert.equal(titleOf('x'.repeat(200)).length, 80);
});

test('a row says what is next and offers only what can be done', () => {
  const row = (more: Partial<TaskSummary>, applied = false) =>
    describeRow(
      { kind: 'task', key: 'k', task: summary(more) },
      { applied, stopping: false, access: 'off' },
      english,
    );
  assert.deepEqual(row({}).context, ['task', 'cancel']);
  assert.deepEqual(row({ state: 'failed' }).context, ['task', 'retry', 'archive', 'followUp']);
  const review = row({ state: 'completed', review: 'open', patch });
  assert.deepEqual(review.context, ['task', 'archive', 'followUp', 'apply', 'result']);
  assert.equal(review.description, '+18 −6 · 3 files');
  const applied = row({ state: 'completed', review: 'applied', patch }, true);
  assert.ok(applied.context.includes('undo') && !applied.context.includes('apply'));
  assert.equal(row({ phase: 'agent' }).description, 'Agent');
  assert.match(
    row({ state: 'failed', error: { code: 'diskFull', retryable: true, params: {} } }).description,
    /disk/,
  );
  assert.match(row({}).tooltip, /main · with local changes/);
});

test('a row names internet access where there is some, while the task runs', () => {
  const row = (access: AccessLevel, more: Partial<TaskSummary> = {}) =>
    describeRow(
      { kind: 'task', key: 'k', task: summary(more) },
      { applied: false, stopping: false, access },
      english,
    );
  assert.equal(row('off', { phase: 'agent' }).description, 'Agent');
  assert.doesNotMatch(row('off').tooltip, /nternet/);
  assert.equal(row('limited', { phase: 'agent' }).description, 'Agent · limited internet');
  assert.match(row('on').tooltip, /^Internet access: on$/m);
  assert.doesNotMatch(row('on', { state: 'cancelled' }).description, /internet/);
});

test('a task with several attempts says how far they are, then which one is its result', () => {
  const description = (more: Partial<TaskSummary>) =>
    describeRow(
      { kind: 'task', key: 'x', task: summary({ attempts: 3, ...more }) },
      { applied: false, stopping: false, access: 'off' },
      english,
    );
  assert.equal(description({ phase: 'agent', attemptsDone: 2 }).description, 'Agent · 2 of 3 done');
  assert.equal(description({ phase: 'agent' }).description, 'Agent · 3 attempts');
  const ended = description({ state: 'completed', review: 'open', patch });
  assert.equal(ended.description, '+18 −6 · 3 files · 3 attempts');
  assert.ok(ended.context.includes('choose'));
  assert.equal(
    description({ state: 'completed', review: 'open', patch, chosenAttempt: 2 }).description,
    '+18 −6 · 3 files · attempt 2',
  );
  assert.ok(!description({ state: 'completed', turns: 2 }).context.includes('choose'));
});
