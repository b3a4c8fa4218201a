/** The name of a new branch is judged as git judges it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { branchNameProblem, localBranches } from '../../../client/apply-to/index.ts';
import {
  commitAll,
  git,
  initRepository,
  removeFolder,
  temporaryFolder,
  tryGit,
  write,
} from '../../support/git.ts';

const root = temporaryFolder('codex-branch-name');
before(() => {
  initRepository(root);
  write(root, 'a.txt', 'a\n');
  commitAll(root, 'base');
});
after(() => removeFolder(root));

const PARTS = ['a', 'B', 'ü', '😀', '-', '.', '..', '/', '//', '@', '@{', '{', '}', ' ', '~', '^', ':', '?', '*', '[', ']', '\\', '.lock', 'lock', 'HEAD', '\t', '\x7f', '\x01', "'", '"', '$', '#', '%', '_']; // prettier-ignore

test('what it takes git takes, and what it refuses git refuses', () => {
  const names = [...PARTS, ...PARTS.flatMap((one) => PARTS.map((two) => `${one}${two}`)), 'a/.b', 'a.lock/b', 'a/b/', 'x@y', 'a.b']; // prettier-ignore
  // One process for all: git is asked in a loop of the shell.
  const script = 'for name; do git check-ref-format "refs/heads/$name" && echo yes || echo no; done';
  const { stdout } = spawnSync('sh', ['-c', script, 'sh', ...names], { encoding: 'utf8' });
  const takes = stdout.trimEnd().split('\n');
  assert.equal(takes.length, names.length);
  for (const [index, name] of names.entries()) {
    // Git takes these as refs, and `git branch` does not.
    const isFine = takes[index] === 'yes' && !name.startsWith('-') && name !== 'HEAD' && name !== '@';
    assert.equal(branchNameProblem(name) === null, isFine, JSON.stringify(name));
  }
});

test('it says what is wrong', () => {
  assert.deepEqual(branchNameProblem(''), { kind: 'empty' });
  assert.deepEqual(branchNameProblem('my branch'), { kind: 'holds', part: ' ' });
  assert.deepEqual(branchNameProblem('a\x07'), { kind: 'holds', part: 'control' });
  assert.deepEqual(branchNameProblem('-d'), { kind: 'begins', part: '-' });
  assert.deepEqual(branchNameProblem('x/.y'), { kind: 'begins', part: '.' });
  assert.deepEqual(branchNameProblem('x.lock/y'), { kind: 'ends', part: '.lock' });
  assert.deepEqual(branchNameProblem('HEAD'), { kind: 'reserved' });
});

test('a branch that is there leaves no room for its name, a name below it, or one above', () => {
  git(root, ['branch', 'one/two']);
  const taken = ['one/two'];
  assert.deepEqual(branchNameProblem('one/two', taken), { kind: 'exists', branch: 'one/two' });
  assert.deepEqual(branchNameProblem('one/two/three', taken), { kind: 'below', branch: 'one/two' });
  assert.deepEqual(branchNameProblem('one', taken), { kind: 'above', branch: 'one/two' });
  assert.equal(branchNameProblem('one/twofold', taken), null);
  for (const name of ['one/two', 'one/two/three', 'one'])
    assert.notEqual(tryGit(root, ['branch', name]).code, 0);
});

test('local branches are listed with where they are checked out', async () => {
  git(root, ['branch', 'free']);
  const found = await localBranches(root);
  assert.equal(found.find(({ name }) => name === 'free')?.folder, null);
  assert.deepEqual(
    found.filter(({ folder }) => folder !== null).map(({ folder }) => folder),
    [root],
  );
  assert.ok(found.every(({ at }) => /^[0-9a-f]{40}$/.test(at)));
});
