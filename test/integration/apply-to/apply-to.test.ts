/** Applying beside the working tree: what appears is the result, and nothing of the person's moves. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { after, beforeEach, test } from 'node:test';
import { openCheckpoints } from '../../../client/apply/index.ts';
import {
  applyTo,
  Deliveries,
  planApplyTo,
  undoApplyTo,
  type ApplyToOptions,
  type Target,
} from '../../../client/apply-to/index.ts';
import { parsePatch } from '../../../client/patch/index.ts';
import { CodexError } from '../../../protocol/errors.ts';
import {
  changedTree,
  diff,
  git as run,
  randomOf,
  randomTree,
  readTree,
  scratch,
  treeId,
  writeTree,
  type Tree,
} from '../apply/trees.ts';

process.env['GIT_CONFIG_GLOBAL'] = '/dev/null';
process.env['GIT_CONFIG_NOSYSTEM'] = '1';

const base = scratch('apply-to');
after(() => fs.rmSync(base, { recursive: true, force: true }));
let root = '';
let count = 0;
const checkpoints = openCheckpoints(`${base}/checkpoints`);

const git = (...args: string[]) => run(root, args).toString().trim();

beforeEach(() => {
  root = `${base}/repository${++count}`;
  fs.mkdirSync(root);
  git('init', '-q', '-b', 'main');
  git('config', 'user.name', 'A Person');
  git('config', 'user.email', 'person@example.org');
  // Any of these that ran would say so.
  for (const hook of ['post-checkout', 'pre-commit', 'commit-msg', 'prepare-commit-msg', 'post-commit', 'reference-transaction', 'post-index-change']) {
    fs.writeFileSync(`${root}/.git/hooks/${hook}`, `#!/bin/sh\necho ${hook} >> '${root}.ran'\n`, { mode: 0o755 });
  }
}); // prettier-ignore

function commitTree(tree: Tree): string {
  const folder = `${base}/scratch`;
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(folder);
  writeTree(folder, tree);
  return git('commit-tree', '-m', 'x', treeId(`${root}/.git`, folder));
}

const file = (text: string, mode: '100644' | '100755' = '100644') => ({ mode, bytes: Buffer.from(text) });

/** A commit for each tree, and the patch between them; the first stays checked out. */
function between(from: Tree, to: Tree): { start: string; target: string; patch: Buffer } {
  const start = commitTree(from);
  const target = git('rev-parse', `${commitTree(to)}^{tree}`);
  git('-c', 'core.hooksPath=/dev/null', 'reset', '-q', '--hard', start);
  return { start, target, patch: diff(root, start, target) };
}

/** Whatever must not move: index, HEAD, files. */
function standing(): unknown {
  return [
    fs.readFileSync(`${root}/.git/index`),
    fs.readFileSync(`${root}/.git/HEAD`, 'utf8'),
    git('rev-parse', 'main'),
    readTree(root),
  ];
}

async function apply(patch: Buffer, target: Target, options: Partial<ApplyToOptions> = {}) {
  const plan = await planApplyTo(root, parsePatch(patch), target);
  return applyTo(plan, { message: 'The result', checkpoints, includeSelfRunning: () => true, ...options });
}

const throws = (code: string) => (error: unknown) => error instanceof CodexError && error.code === code;

test('a random result becomes a new branch whose tree is git’s own, beside a dirty folder', async () => {
  for (let seed = 1; seed <= 3; seed++) {
    const random = randomOf(seed * 31);
    const from = randomTree(random);
    const { start, target, patch } = between(from, changedTree(random, from));
    fs.writeFileSync(`${root}/mine`, 'mine');
    git('add', 'mine');
    const before = standing();
    const { results, made } = await apply(patch, { to: 'newBranch', branch: `codex/result-${seed}`, start });
    assert.ok(
      results.every(({ status }) => status === 'applied'),
      JSON.stringify(results),
    );
    assert.equal(git('rev-parse', `codex/result-${seed}^{tree}`), target, `seed ${seed}`);
    assert.equal(git('rev-parse', `codex/result-${seed}^`), start);
    assert.deepEqual(standing(), before);
    assert.ok(!fs.existsSync(`${root}.ran`) || !fs.readFileSync(`${root}.ran`, 'utf8').includes('commit'));
    await undoApplyTo(made!);
    assert.equal(git('branch', '--list', 'codex/*'), '');
    await undoApplyTo(made!);
  }
});

test('the commit is the person’s, with the message, the co-author, and no signature that was not asked for', async () => {
  const { start, patch } = between(new Map([['f', file('a\n')]]), new Map([['f', file('b\n')]]));
  git('config', 'commit.gpgSign', 'true');
  git('config', 'gpg.program', '/bin/false');
  git('config', 'i18n.commitEncoding', 'latin1');
  fs.rmSync(`${root}.ran`, { force: true });
  await apply(
    patch,
    { to: 'newBranch', branch: 'one', start },
    { message: 'Grüße\r\n\r\nTwo\nlines\n\n', coAuthor: { name: 'Codex <x>\n', email: 'codex@example.org' } },
  );
  assert.equal(
    run(root, ['cat-file', 'commit', 'one'])
      .toString()
      .replace(/\d{9,} [+-]\d{4}/g, 'then'),
    `tree ${git('rev-parse', 'one^{tree}')}\nparent ${start}\nauthor A Person <person@example.org> then\n` +
      'committer A Person <person@example.org> then\n\nGrüße\n\nTwo\nlines\n\nCo-authored-by: Codex x <codex@example.org>\n',
  );
  assert.equal(fs.existsSync(`${root}.ran`), false, 'no hook ran');
  await assert.rejects(
    apply(patch, { to: 'newBranch', branch: 'two', start }, { sign: true }),
    throws('gitFailed'),
  );
  assert.equal(git('branch', '--list', 'two'), '');
});

test('without an identity of the person’s nothing is committed, and it is said', async () => {
  const { start, patch } = between(new Map([['f', file('a\n')]]), new Map([['f', file('b\n')]]));
  git('config', '--unset', 'user.email');
  await assert.rejects(apply(patch, { to: 'newBranch', branch: 'one', start }), throws('identityMissing'));
  assert.equal(git('branch', '--list', 'one'), '');
});

test('another branch gets a commit, keeps its own changes, and goes back with undo', async () => {
  const lines = Array.from({ length: 30 }, (_, index) => `line ${index}\n`).join('');
  const { patch } = between(
    new Map([['f', file(lines)], ['g', file('x\n')]]),
    new Map([['f', file(lines.replace('line 20', 'theirs'))], ['g', file('x\n')]]),
  ); // prettier-ignore
  git('branch', 'other');
  const tip = git('commit-tree', '-p', 'other', '-m', 'mine', run(root, ['mktree'], {}, Buffer.from(
    `100644 blob ${run(root, ['hash-object', '-w', '--stdin'], {}, Buffer.from(`mine\n${lines}`)).toString().trim()}\tf\n`)).toString().trim()); // prettier-ignore
  git('update-ref', 'refs/heads/other', tip);
  const before = standing();
  const { results, made } = await apply(patch, { to: 'branch', branch: 'other' });
  assert.deepEqual(
    results.map(({ status }) => status),
    ['applied-modified'],
  );
  assert.equal(git('show', 'other:f'), `mine\n${lines.replace('line 20', 'theirs')}`.trim());
  assert.deepEqual(standing(), before);
  assert.match(git('reflog', 'other'), /codex-tasks: apply a result/);
  await undoApplyTo(made!);
  assert.equal(git('rev-parse', 'other'), tip);
});

test('a branch that is checked out anywhere, or comes back after a rebase, is refused', async () => {
  const { start, patch } = between(new Map([['f', file('a\n')]]), new Map([['f', file('b\n')]]));
  await assert.rejects(apply(patch, { to: 'branch', branch: 'main' }), throws('branchCheckedOut'));
  git('worktree', 'add', '-q', '-b', 'elsewhere', `${root}-tree`);
  await assert.rejects(apply(patch, { to: 'branch', branch: 'elsewhere' }), throws('branchCheckedOut'));
  git('branch', 'rebased');
  fs.mkdirSync(`${root}/.git/worktrees/repository${count}-tree/rebase-merge`);
  fs.writeFileSync(
    `${root}/.git/worktrees/repository${count}-tree/rebase-merge/head-name`,
    'refs/heads/rebased\n',
  );
  await assert.rejects(apply(patch, { to: 'branch', branch: 'rebased' }), throws('branchCheckedOut'));
  await assert.rejects(apply(patch, { to: 'branch', branch: 'nowhere' }), throws('refUnknown'));
  for (const branch of ['-x', 'a..b', 'HEAD', '@{-1}', 'x.lock', ''])
    await assert.rejects(
      apply(patch, { to: 'newBranch', branch, start }),
      throws('branchNameInvalid'),
      branch,
    );
  await assert.rejects(apply(patch, { to: 'newBranch', branch: 'rebased', start }), throws('branchExists'));
});

test('a branch that moves between plan and apply stays where it is', async () => {
  const { patch } = between(new Map([['f', file('a\n')]]), new Map([['f', file('b\n')]]));
  git('branch', 'other');
  const plan = await planApplyTo(root, parsePatch(patch), { to: 'branch', branch: 'other' });
  const moved = git('commit-tree', '-p', 'other', '-m', 'x', 'other^{tree}');
  git('update-ref', 'refs/heads/other', moved);
  await assert.rejects(applyTo(plan, { message: 'm', checkpoints }), throws('branchMoved'));
  assert.equal(git('rev-parse', 'other'), moved);
});

test('a conflict is told by path, and a part is committed only when asked for', async () => {
  const { patch } = between(
    new Map([['f', file('a\n')], ['g', file('a\n')]]),
    new Map([['f', file('b\n')], ['g', file('b\n')]]),
  ); // prettier-ignore
  const start = commitTree(new Map([['f', file('mine\n')], ['g', file('a\n')]])); // prettier-ignore
  const none = await apply(patch, { to: 'newBranch', branch: 'one', start });
  assert.deepEqual(
    none.results.map(({ path, status, reason }) => [path.path, status, reason]),
    [['f', 'conflict', 'contextChanged'], ['g', 'refused', 'allOrNothing']],
  ); // prettier-ignore
  assert.equal(none.made, null);
  assert.equal(git('branch', '--list', 'one'), '');
  const some = await apply(patch, { to: 'newBranch', branch: 'one', start }, { partly: true });
  assert.deepEqual(
    some.results.map(({ status }) => status),
    ['conflict', 'applied'],
  );
  assert.equal(git('show', 'one:g'), 'b');
  assert.equal(git('show', 'one:f'), 'mine');
});

test('a submodule is an entry of a branch, and in a worktree it is told and left', async () => {
  const commits = ['1', '2'].map((digit) => digit.repeat(40));
  const start = commitTree(new Map([['lib/a', file('a\n')], ['f', file('a\n')]])); // prettier-ignore
  const treeWith = (lines: string) => run(root, ['mktree', '--missing'], {}, Buffer.from(lines)).toString().trim();
  const blob = git('rev-parse', `${start}:f`);
  const one = treeWith(`100644 blob ${blob}\tf\n160000 commit ${commits[0]}\tlib\n`);
  const two = treeWith(`100644 blob ${blob}\tf\n160000 commit ${commits[1]}\tlib\n`);
  const none = treeWith(`100644 blob ${blob}\tf\n`);
  const plain = treeWith(`100644 blob ${blob}\tf\n120000 blob ${blob}\tlib\n`);
  const trees = [git('rev-parse', `${start}^{tree}`), one, two, none, plain];
  // A folder, a submodule, another commit of it, nothing, a symlink.
  const pairs = [[0, 1], [1, 0], [1, 2], [1, 3], [3, 1], [1, 4], [4, 1]] as const; // prettier-ignore
  for (const [left, right] of pairs) {
      const [from, to] = [trees[left]!, trees[right]!];
      const at = git('commit-tree', '-m', 'x', from);
      const patch = diff(root, from, to);
      const { results, made } = await apply(patch, { to: 'newBranch', branch: 'sub', start: at });
      assert.ok(results.every(({ status }) => status === 'applied'), JSON.stringify(results));
      assert.equal(git('rev-parse', 'sub^{tree}'), to);
      if (left === 1) {
        const again = await apply(patch, { to: 'newBranch', branch: 'again', start: 'sub' });
        assert.equal(again.made, null, 'all is there');
      }
      await undoApplyTo(made!);
  }
  const stale = await apply(diff(root, one, two), { to: 'newBranch', branch: 'x', start: git('commit-tree', '-m', 'x', two.replace(two, none)) });
  assert.equal(stale.results[0]?.reason, 'missing');
  const inFolder = await apply(diff(root, none, one), {
    to: 'worktree', folder: `${root}-sub`, start, branch: null, commit: false,
  }); // prettier-ignore
  assert.deepEqual(inFolder.results.map(({ reason }) => reason), ['submodule']);
  assert.equal(fs.existsSync(`${root}-sub`), false);
  const inside = await apply(
    Buffer.from('diff --git a/lib/x b/lib/x\nnew file mode 100644\nindex 0000000..7898192\n--- /dev/null\n+++ b/lib/x\n@@ -0,0 +1 @@\n+a\n'),
    { to: 'newBranch', branch: 'x', start: git('commit-tree', '-m', 'x', one) },
  );
  assert.equal(inside.results[0]?.reason, 'nestedRepository');
}); // prettier-ignore

for (const commit of [false, true]) {
  for (const branch of [null, 'in-worktree']) {
    test(`a new worktree ${branch === null ? 'without' : 'on'} a branch has the result ${commit ? 'as a commit' : 'uncommitted'}, and goes while unchanged`, async () => {
      const random = randomOf(5);
      const from: Tree = new Map([...randomTree(random), ['.gitignore', file('dist\n')]]);
      const to: Tree = new Map([...from, ['dist/x', file('ignored\n')], ['new', file('n\n', '100755')]]);
      const { start, target, patch } = between(from, to);
      const folder = `${root}-tree`;
      const before = standing();
      const { results, made } = await apply(patch, { to: 'worktree', folder, start, branch, commit });
      assert.ok(
        results.every(({ status }) => status === 'applied'),
        JSON.stringify(results),
      );
      assert.deepEqual(standing(), before);
      const there = (...args: string[]) => run(folder, args).toString().trim();
      assert.equal(there('branch', '--show-current'), branch ?? '');
      assert.equal(fs.readFileSync(`${folder}/dist/x`, 'utf8'), 'ignored\n');
      if (commit) assert.equal(there('rev-parse', 'HEAD^{tree}'), target);
      else assert.equal(there('rev-parse', 'HEAD'), start);
      assert.equal(there('status', '--porcelain') === '', commit);

      fs.writeFileSync(`${folder}/dist/mine`, 'ignored, and mine');
      await assert.rejects(undoApplyTo(made!), throws('madeChanged'));
      assert.ok(fs.existsSync(`${folder}/dist/mine`));
      fs.rmSync(`${folder}/dist/mine`);
      await undoApplyTo(made!);
      assert.equal(fs.existsSync(folder), false);
      assert.equal(git('branch', '--list', 'in-worktree'), '');
      assert.equal(git('worktree', 'list').split('\n').length, 1);
      assert.deepEqual(standing(), before);
      await undoApplyTo(made!);
    });
  }
}

test('what the person went on with is not taken away', async () => {
  const { start, patch } = between(new Map([['f', file('a\n')]]), new Map([['f', file('b\n')]]));
  const one = await apply(patch, { to: 'newBranch', branch: 'one', start });
  const next = git('commit-tree', '-p', 'one', '-m', 'mine', 'one^{tree}');
  git('update-ref', 'refs/heads/one', next);
  await assert.rejects(undoApplyTo(one.made!), throws('madeChanged'));
  const two = await apply(patch, { to: 'newBranch', branch: 'two', start });
  git('worktree', 'add', '-q', `${root}-two`, 'two');
  await assert.rejects(undoApplyTo(two.made!), throws('branchCheckedOut'));
  fs.mkdirSync(`${root}-full`);
  fs.writeFileSync(`${root}-full/mine`, 'mine');
  await assert.rejects(
    apply(patch, { to: 'worktree', folder: `${root}-full`, start, branch: null, commit: true }),
    throws('worktreeExists'),
  );
});

test('what was made is found again by another process', async () => {
  const { start, patch } = between(new Map([['f', file('a\n')]]), new Map([['f', file('b\n')]]));
  const { made } = await apply(patch, { to: 'newBranch', branch: 'one', start });
  const { id } = new Deliveries(`${base}/deliveries`).add(made!, { taskId: 't1', turn: 1, label: 'Fix' });
  const again = new Deliveries(`${base}/deliveries`);
  fs.writeFileSync(`${base}/deliveries/zzzzzzzz.json`, '{"what":"nonsense"}');
  assert.deepEqual(
    again.list().map((one) => [one.id, one.made]),
    [[id, made]],
  );
  await undoApplyTo(again.get(id)!.made);
  again.markUndone(id);
  assert.ok(again.get(id)!.undoneAt);
  assert.equal(again.get('../../etc/passwd'), null);
});
