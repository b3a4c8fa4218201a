/** Clones of every kind, with everything in them that git would run: a result is pushed byte for byte, and only pushed. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pushResult } from '../../../client/pull-request/own.ts';
import { addSubmodule, fingerprint, git, NOT_UTF8_NAME, write } from '../../support/git.ts';
import { scene } from './scene.ts';

/** What a commit and a push are made of, and nothing else. */
const ofTheBranch = (path: string) => /^\.git\/(objects|refs|logs|packed-refs)/.test(path);
/** Of the person's working tree: none of these is about a branch that nobody has checked out. */
const HOOKS = ['pre-commit', 'prepare-commit-msg', 'commit-msg', 'post-commit', 'post-checkout', 'fsmonitor'];

test('no hook of a commit, no filter and no signing program runs, and index and files stay byte for byte', async (context) => {
  const { dir, root, push, first, there } = scene(context);
  const mark = join(dir, 'ran');
  for (const hook of HOOKS) {
    write(root, `.git/hooks/${hook}`, `#!/bin/sh\necho ${hook} >>"${mark}"\n`);
    chmodSync(join(root, '.git/hooks', hook), 0o755);
  }
  write(root, '.git/info/attributes', '* filter=loud text\n');
  for (const [key, value] of [
    ['core.fsmonitor', join(root, '.git/hooks/fsmonitor')],
    ['filter.loud.clean', `sh -c 'echo clean >>"${mark}"; cat'`],
    ['filter.loud.smudge', `sh -c 'echo smudge >>"${mark}"; cat'`],
    ['core.autocrlf', 'true'],
    ['commit.gpgsign', 'true'],
    ['gpg.program', `${mark}-gpg`],
  ] as const)
    git(root, ['config', key, value]);
  write(root, 'a.txt', 'being edited\r\n');
  write(root, '.git/MERGE_HEAD', `${push.task.repo.sha}\n`);
  write(root, '.git/index.lock', '');
  const before = [...fingerprint(root, ofTheBranch)];
  await pushResult(push);
  assert.deepEqual([...fingerprint(root, ofTheBranch)], before);
  assert.ok(!existsSync(mark));
  assert.equal(there('rev-parse', 'codex/round-once^{tree}'), first.tree);
});

for (const [name, options] of [
  ['partial and sparse', ['--filter=blob:none', '--sparse']],
  ['without trees', ['--filter=tree:0', '--no-checkout']],
  ['shallow', ['--depth=1']],
] as const) {
  test(`from a clone that is ${name}`, async (context) => {
    const { dir, bare, push, first, there } = scene(context);
    const clone = join(dir, 'clone');
    git(bare, ['config', 'uploadpack.allowFilter', 'true']);
    git(dir, ['clone', '-q', ...options, `file://${bare}`, clone]);
    git(clone, ['config', 'user.name', 'Ada']);
    git(clone, ['config', 'user.email', 'ada@example.org']);
    await pushResult({ ...push, root: clone });
    assert.equal(there('rev-parse', 'codex/round-once^{tree}'), first.tree);
  });
}

test('from a linked worktree at no branch, which stays as it is', async (context) => {
  const { dir, root, push, first, there } = scene(context);
  const linked = join(dir, 'linked');
  git(root, ['worktree', 'add', '-q', '--detach', linked]);
  const before = [...fingerprint(linked)];
  await pushResult({ ...push, root: linked });
  assert.deepEqual([...fingerprint(linked)], before);
  assert.equal(there('rev-parse', 'codex/round-once^{tree}'), first.tree);
});

test('strange names and a submodule are in it as they are', async (context) => {
  const { push, first, there } = scene(context, (at) => {
    write(at, NOT_UTF8_NAME, 'x');
    write(at, 'tab\there\nnewline', 'y');
    write(at, '日本/größe.txt', 'z');
    addSubmodule(at, 'module', join(at, '../module'));
  });
  await pushResult({ ...push, confirmed: ['module', '.gitmodules'] });
  assert.equal(there('rev-parse', 'codex/round-once^{tree}'), first.tree);
});
