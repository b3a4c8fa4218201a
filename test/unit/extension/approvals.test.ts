/** Which questions a window tells of, and how often. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OpenApprovals } from '../../../extension/approvals/open.ts';
import type { OpenApproval } from '../../../protocol/approval.ts';
import type { TaskSummary } from '../../../protocol/rpc.ts';

const question = (taskId: string, approvalId: string): OpenApproval => ({
  ...{
    taskId,
    approvalId,
    turn: 1,
    attempt: 1,
    command: 'rm -rf a',
    cwd: '/w',
    reason: 'deletes',
    createdAt: 0,
  },
});
const waiting = (id: string, lastSeq: number) => ({ id, lastSeq, waiting: 'approval' }) as TaskSummary;
const settled = () => new Promise((resolve) => setImmediate(resolve));

test('each question is told once, whatever is read again, and goes when no task waits', async () => {
  const told: string[] = [];
  let tasks: TaskSummary[] = [];
  let listed: OpenApproval[] = [];
  let reads = 0;
  const open = new OpenApprovals({
    tasks: () => tasks,
    list: async () => (reads++, listed),
    onNew: ({ approvalId }) => told.push(approvalId),
  });
  open.update();
  assert.equal(reads, 0);
  tasks = [waiting('a', 1)];
  listed = [question('a', 'c1')];
  open.update();
  open.update();
  await settled();
  assert.equal(reads, 1);
  tasks = [waiting('a', 2)];
  listed = [question('a', 'c1'), question('a', 'c2')];
  open.update();
  await settled();
  assert.deepEqual(told, ['c1', 'c2']);
  tasks = [];
  open.update();
  assert.deepEqual(open.all, []);
  // A window that lost its connection hears of the same question again.
  tasks = [waiting('a', 2)];
  open.update();
  await settled();
  assert.deepEqual(told, ['c1', 'c2']);
});

test('what could not be read is read again with the next change', async () => {
  let fails = true;
  const open = new OpenApprovals({
    tasks: () => [waiting('a', 1)],
    list: async () => {
      if (fails) throw new Error('lost');
      return [question('a', 'c1')];
    },
    onNew: () => undefined,
  });
  open.update();
  await settled();
  fails = false;
  open.update();
  await settled();
  assert.equal(open.all.length, 1);
});
