/** `Apply To…`: what is asked, what appears, and how it goes away again. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { CodexError } from '../../../../protocol/errors.ts';
import { commitAll, git, write } from '../../../support/git.ts';
import { scene, shown, TASK, workspace } from './scene.ts';

const made = (context: TestContext) =>
  scene(
    context,
    (root) => write(root, 'a.txt', 'one\n'),
    (root) => {
      write(root, 'a.txt', 'ONE\n');
      write(root, 'new.txt', 'new\n');
    },
  );

test('a new branch has the result as a commit; its name is judged while it is typed', async (context) => {
  const { rooms, root, base, git: run, reviews, told } = await made(context);
  run('branch', 'taken');
  shown.picks.push('New Branch');
  shown.typed.push(['', 'a b', 'a..b', 'taken', 'taken/below', 'mine/it']);
  await rooms.applyTo(TASK);
  assert.deepEqual(shown.lists[0]?.labels.map((label) => label.replace(/^\$\(.*\) /, '')), ['Another Branch…', 'New Branch…', 'New Worktree…']); // prettier-ignore
  assert.deepEqual(shown.proposed, ['codex/make-it-better']);
  assert.deepEqual(shown.problems.slice(0, 6), [
    'A branch needs a name.',
    'The name of a branch can’t hold a space.',
    'The name of a branch can’t hold “..”.',
    'There is a branch “taken” already.',
    'There is a branch “taken”, so no name can begin with it and a slash.',
    '',
  ]);
  const tip = run('rev-parse', 'mine/it');
  assert.equal(await told(), `The result is on the new branch mine/it as commit ${tip.slice(0, 7)}.`);
  assert.deepEqual(shown.buttons.at(-1), ['Undo']);
  assert.equal(run('rev-parse', 'mine/it^'), base);
  assert.equal(run('show', 'mine/it:a.txt'), 'ONE');
  assert.match(run('show', '-s', '--format=%an|%B', 'mine/it'), /^A Person\|Make it better\n\nCodex task task0001, turn 1\./); // prettier-ignore
  assert.equal(run('status', '--porcelain'), '');
  assert.equal(readFileSync(join(root, 'a.txt'), 'utf8'), 'one\n');
  assert.deepEqual(reviews, ['applied']);
});

test('another branch gets a commit, and Undo puts it back', async (context) => {
  const { rooms, base, git: run, reviews, reports, told } = await made(context);
  run('branch', 'other');
  shown.picks.push('Another Branch', 'other');
  shown.answers.push('Undo');
  await rooms.applyTo(TASK);
  assert.match(shown.lists[1]?.descriptions.at(-1) ?? '', /^checked out in /);
  // The button's work goes on after its notification.
  while (shown.messages.length < 2 && reports.length === 0)
    await new Promise((resolve) => setImmediate(resolve));
  assert.equal(await told(), `The branch other is back at commit ${base.slice(0, 7)}.`);
  assert.equal(run('rev-parse', 'other'), base);
  assert.deepEqual(reviews, ['applied', 'open']);
});

test('a branch that is checked out is not taken', async (context) => {
  const { rooms, git: run } = await made(context);
  run('branch', 'other');
  shown.picks.push('Another Branch', run('branch', '--show-current'));
  await assert.rejects(
    rooms.applyTo(TASK),
    (thrown) => thrown instanceof CodexError && thrown.code === 'branchCheckedOut',
  );
});

test('a new worktree is beside the repository, named after the task, and can be opened', async (context) => {
  const { rooms, dir, root, told } = await made(context);
  const folder = join(dir, 'work-make-it-better');
  shown.picks.push('New Worktree');
  shown.typed.push(['relative', root, join(root, 'below'), dir, folder], ['']);
  shown.answers.push('Open Worktree');
  await rooms.applyTo(TASK);
  assert.equal(shown.proposed[0], folder, 'named after the task');
  assert.deepEqual(shown.problems.slice(0, 3), [
    'Type the whole path of the folder.',
    'It would lie inside this repository. Choose a folder outside of it.',
    'It would lie inside this repository. Choose a folder outside of it.',
  ]);
  assert.match(shown.problems[3] ?? '', /^There is something at .* already\./);
  assert.match(await told(), /work-make-it-better, not committed yet, on top of commit [0-9a-f]{7}\.$/);
  assert.deepEqual(shown.buttons.at(-1), ['Open Worktree', 'Undo']);
  assert.equal(readFileSync(join(folder, 'new.txt'), 'utf8'), 'new\n');
  assert.equal(git(folder, ['branch', '--show-current']), '');
  const [command, uri, options] = shown.executed.at(-1)! as [string, { path: string }, object];
  assert.deepEqual([command, uri.path, options], ['vscode.openFolder', folder, { forceNewWindow: true }]);
});

test('what is proposed is free', async (context) => {
  const { rooms, dir, git: run } = await made(context);
  run('branch', 'codex/make-it-better');
  write(dir, 'work-make-it-better/file', 'mine');
  shown.picks.push('New Worktree');
  shown.typed.push([], []);
  await rooms.applyTo(TASK);
  assert.deepEqual(shown.proposed, [join(dir, 'work-make-it-better-2'), 'codex/make-it-better-2']);
  assert.equal(run('rev-parse', 'codex/make-it-better-2'), run('rev-parse', 'HEAD'));
});

test('what does not fit is told by path and reason, and nothing is written unless the rest is wanted', async (context) => {
  const { rooms, root, git: run, reviews, told } = await made(context);
  run('checkout', '-q', '-b', 'moved');
  write(root, 'a.txt', 'other\n');
  commitAll(root, 'moved');
  run('checkout', '-q', '-');
  const tip = run('rev-parse', 'moved');
  shown.picks.push('Another Branch', 'moved');
  await assert.rejects(rooms.applyTo(TASK), /dismissed/);
  assert.deepEqual(shown.messages, ['1 of 2 files can be applied.']);
  assert.match(shown.details[0] ?? '', /^Not applied:\n• a\.txt: the lines that it changes/);
  assert.equal(run('rev-parse', 'moved'), tip);
  assert.deepEqual(reviews, []);
  shown.picks.push('Another Branch', 'moved');
  shown.answers.push('Apply the Others');
  await rooms.applyTo(TASK);
  assert.match(await told(), /^The result is on the branch moved as commit .*\. a\.txt: /);
  assert.equal(run('show', 'moved:new.txt'), 'new');
  assert.deepEqual(reviews, ['partly']);
});

test('a folder without git is told so, and an untrusted one is left alone', async (context) => {
  const { rooms, root } = await made(context);
  rmSync(join(root, '.git'), { recursive: true });
  await assert.rejects(rooms.applyTo(TASK), /“work” is no git repository, so it has no branches/);
  workspace.isTrusted = false;
  context.after(() => (workspace.isTrusted = true));
  await assert.rejects(rooms.applyTo(TASK), /not trusted/);
  assert.equal(existsSync(join(root, '.git')), false);
});
