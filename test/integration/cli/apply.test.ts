/** `apply`, `undo` and `checkpoints`, as a person has them. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { codexTasks, git, ranOnce } from './command-line.ts';

const SCRIPT = String.raw`turns:
  - steps: [{run: 'echo one > one.txt; mkdir -p .vscode; echo "{}" > .vscode/tasks.json'}, {say: 'Done.'}]
`;

test('a result goes into the folder, onto branches, into worktrees and out as a patch, and back', async (t) => {
  const { folder, repo, at, taskId } = await ranOnce(t, SCRIPT, async (made) => {
    git(made, 'config', 'user.name', 'A Person');
    git(made, 'config', 'user.email', 'person@example.org');
  });
  const apply = (...args: string[]) => codexTasks(['apply', taskId, ...at, ...args]).ended;
  const undo = (...args: string[]) => codexTasks(['undo', ...at, ...args]).ended;

  const dry = await apply('--dry-run');
  assert.match(
    dry.stdout,
    /^ {2}refused {2}\.vscode\/tasks\.json: an editor, shell or CI .*\n {2}added {2}one\.txt$/m,
  );
  assert.equal(git(repo, 'status', '--porcelain'), '');

  const [patch, command] = [await apply('--print', 'patch'), await apply('--print', 'command')];
  assert.match(patch.stdout, /^diff --git a\/\.vscode\/tasks\.json/);
  assert.match(command.stdout, /^\(cd .* git apply --whitespace=nowarn - <<'PATCH'\n/);
  const file = join(folder, 'out.patch');
  assert.equal((await apply('-o', file)).code, 0);
  assert.equal(await readFile(file, 'utf8'), patch.stdout);

  const one = await apply('--file', 'one.txt');
  assert.deepEqual([one.code, one.stdout], [0, `Applied 1 file in ${repo}\n`]);
  assert.equal(git(repo, 'status', '--porcelain'), '?? one.txt');
  assert.equal((await apply('--file', 'nowhere')).code, 2);
  await writeFile(join(repo, 'one.txt'), 'mine\n');
  const stale = await undo(taskId);
  assert.equal(stale.code, 1);
  assert.match(stale.stdout, /one\.txt: it changed in the meantime/);
  const forced = await undo(taskId, '--force');
  assert.equal(forced.code, 0, forced.stderr);
  assert.equal(existsSync(join(repo, 'one.txt')), false);
  const kept = /in checkpoint (\w+)\./.exec(forced.stdout)?.[1] ?? '';
  assert.equal((await undo(kept)).code, 0);
  assert.equal(await readFile(join(repo, 'one.txt'), 'utf8'), 'mine\n');
  git(repo, 'clean', '-qfd');

  const branch = await apply('--to', 'new-branch', 'codex/one', '--self-running', '--message', 'Add one', '--co-author', 'Codex <codex@example.org>'); // prettier-ignore
  assert.equal(branch.code, 0, branch.stderr);
  assert.equal(git(repo, 'show', 'codex/one:one.txt'), 'one');
  assert.equal(git(repo, 'show', '-s', '--format=%an|%B', 'codex/one'), 'A Person|Add one\n\nCo-authored-by: Codex <codex@example.org>'); // prettier-ignore
  const again = await apply('--to', 'new-branch', 'codex/one');
  assert.equal(again.code, 1);
  assert.match(again.stderr, /There is a branch “codex\/one” already/);
  const here = await apply('--to', 'branch', git(repo, 'branch', '--show-current'));
  assert.match(here.stderr, /is checked out in/);

  const tree = join(folder, 'tree');
  const worktree = await apply('--to', 'worktree', tree, '--file', 'one.txt');
  assert.equal(worktree.code, 0, worktree.stderr);
  assert.equal(await readFile(join(tree, 'one.txt'), 'utf8'), 'one\n');

  const list = await codexTasks(['checkpoints', ...at]).ended;
  assert.match(list.stdout, /The new worktree is .*tree\./);
  assert.match(list.stdout, /1 file, \S+ \w+, undone {2}\w+ turn 1/);
  assert.match(list.stdout, /2 checkpoints, .* of 2 GiB; each is kept 14 days\.\n$/);
  assert.equal((await undo()).stdout, 'It is taken away.\n');
  assert.equal(existsSync(tree), false);
  assert.equal((await undo()).stdout, 'It is taken away.\n');
  assert.equal(git(repo, 'branch', '--list', 'codex/*'), '');
  const nothing = await undo();
  assert.deepEqual(
    [nothing.code, nothing.stderr],
    [1, 'Nothing was applied from this folder that could be undone.\n'],
  );
  assert.equal((await codexTasks(['checkpoints', ...at, '--delete', kept]).ended).code, 0);
  assert.equal((await undo(kept)).code, 1);
});
