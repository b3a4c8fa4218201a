import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyOptions } from '../../../cli/apply/options.ts';
import { resultOf } from '../../../cli/apply/result.ts';
import { UsageError } from '../../../cli/usage.ts';
import { CodexError } from '../../../protocol/errors.ts';
import type { TaskView } from '../../../protocol/rpc.ts';

test('a target and its name are two words, wherever the task stands', () => {
  const targetOf = (...args: string[]) => applyOptions(args)?.to;
  assert.deepEqual(targetOf('task1234'), { to: 'folder' });
  assert.deepEqual(targetOf('task1234', '--to', 'folder'), { to: 'folder' });
  assert.deepEqual(targetOf('--to', 'branch', 'a b/c', 'task1234'), { to: 'branch', branch: 'a b/c' });
  assert.deepEqual(targetOf('task1234', '--to', 'new-branch', 'x', '--dry-run'), {
    to: 'newBranch',
    branch: 'x',
  });
  assert.deepEqual(targetOf('task1234', '--to', 'worktree', '../x', '--branch', 'b', '--commit'), {
    to: 'worktree',
    folder: '../x',
    branch: 'b',
    commit: true,
  });
});

test('what does not go together is said in a sentence', () => {
  for (const [args, says] of [
    [[], /one task/],
    [['t', 'u'], /one task/],
    [['t', '--to', 'branch'], /wants a name/],
    [['t', '--to', 'worktree', '--dry-run'], /wants a path/],
    [['t', '--to', 'elsewhere'], /--to is one of folder, branch, new-branch, worktree/],
    [['t', '--commit'], /for a worktree/],
    [['t', '--message', 'x'], /for a branch or a worktree/],
    [['t', '--to', 'branch', 'x', '--base', 'main'], /this one is where it is/],
    [['t', '--print', 'text'], /--print is one of patch, command/],
    [['t', '--print', 'patch', '-o', 'x'], /either/],
    [['t', '--print', 'patch', '--to', 'folder'], /leave --to out/],
    [['t', '--turn', '0'], /--turn is a whole number/],
    [['t', '--to', 'branch', 'x', '--co-author', 'nobody'], /--co-author is/],
  ] as const) {
    assert.throws(
      () => applyOptions([...args]),
      (error: unknown) => error instanceof UsageError && says.test(error.message),
      args.join(' '),
    );
  }
});

const PATCH = { bytes: 9, sha256: 'x', files: 2, added: 1, removed: 1, binaries: 0 };

function taskWith(turns: [number, number[]][], more: Partial<TaskView> = {}): TaskView {
  const turnList = turns.map(([turn, attempts]) => ({
    turn,
    attempts: attempts.map((attempt) => ({ attempt, files: [], patch: PATCH })),
  }));
  return { attempts: 1, turnList, ...more } as unknown as TaskView;
}

test('the newest result counts, of the attempt that was chosen or is the only one', () => {
  const any = { turn: null, attempt: null };
  assert.deepEqual(resultOf(taskWith([[1, [1]], [2, [1]], [3, []]]), any), { turn: 2, attempt: 1 });
  assert.deepEqual(resultOf(taskWith([[1, [1]], [2, [1]]]), { turn: 1, attempt: null }), { turn: 1, attempt: 1 });
  assert.deepEqual(resultOf(taskWith([[1, [1, 2]]], { chosenAttempt: 2 }), any), { turn: 1, attempt: 2 });
  assert.deepEqual(resultOf(taskWith([[1, [1, 2]]]), { turn: null, attempt: 2 }), { turn: 1, attempt: 2 });
  const code = (task: TaskView, wanted: { turn: number | null; attempt: number | null }) => {
    try {
      return resultOf(task, wanted);
    } catch (error) {
      return error instanceof CodexError ? error.code : error;
    }
  };
  assert.equal(code(taskWith([[1, [1, 2]]]), any), 'choiceNeeded');
  assert.equal(code(taskWith([[1, []]]), any), 'choiceEmpty');
  assert.equal(code(taskWith([[1, [1]]]), { turn: 1, attempt: 3 }), 'choiceEmpty');
  assert.equal(code(taskWith([[1, [1]]]), { turn: 2, attempt: null }), 'notFound');
}); // prettier-ignore
