/** A branch that is not only here: others push to it, it is gone there, or this clone has lost it. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { pushResult, pushUpdate } from '../../../client/pull-request/own.ts';
import { commitAll, git, write } from '../../support/git.ts';
import { failing, scene } from './scene.ts';

const BRANCH = 'codex/round-once';

/** Published once; `update` brings a file of the second result. */
async function published(context: TestContext) {
  const at = scene(context);
  await pushResult(at.push);
  const second = at.result((folder) => write(folder, 'b.txt', 'new\n'), at.first.target);
  const update = { ...at.push, turn: 2, patch: at.patchOf(at.first.target, second.target) };
  /** What somebody else has pushed on top of the branch, from a clone of their own. */
  const others = (path: string, content: string) => {
    const clone = join(at.dir, 'theirs');
    git(at.dir, ['clone', '-q', '--branch', BRANCH, at.bare, clone]);
    write(clone, path, content);
    const theirs = commitAll(clone, 'theirs');
    git(clone, ['push', '-q', 'origin', BRANCH]);
    return theirs;
  };
  return { ...at, second, update, others };
}

test('what others have pushed stays below ours', async (context) => {
  const { root, update, others, there } = await published(context);
  const theirs = others('theirs.txt', 'of somebody else\n');
  await pushUpdate(update);
  assert.equal(there('rev-parse', `${BRANCH}^`), theirs);
  assert.equal(there('show', `${BRANCH}:theirs.txt`), 'of somebody else');
  assert.equal(there('show', `${BRANCH}:b.txt`), 'new');
  assert.equal(git(root, ['rev-parse', BRANCH]), there('rev-parse', BRANCH));
  assert.equal(git(root, ['status', '--porcelain']), '');
});

test('what conflicts with theirs is named, and nothing is pushed or moved', async (context) => {
  const { root, update, others, there } = await published(context);
  const here = git(root, ['rev-parse', BRANCH]);
  const theirs = others('b.txt', 'theirs\n');
  const { wire } = await failing(pushUpdate(update));
  assert.equal(wire.code, 'forgeConflicts');
  assert.deepEqual(wire.params, { branch: BRANCH, paths: 'b.txt' });
  assert.equal(there('rev-parse', BRANCH), theirs);
  assert.equal(git(root, ['rev-parse', BRANCH]), here);
});

test('where both have gone on, neither is overwritten', async (context) => {
  const { root, update, others, result, there } = await published(context);
  const mine = result((folder) => write(folder, 'mine.txt', 'mine\n'), git(root, ['rev-parse', BRANCH]));
  const theirs = others('theirs.txt', 'theirs\n');
  git(root, ['update-ref', `refs/heads/${BRANCH}`, mine.target]);
  assert.equal((await failing(pushUpdate(update))).code, 'forgeBranchMoved');
  assert.equal(there('rev-parse', BRANCH), theirs);
  assert.equal(git(root, ['rev-parse', BRANCH]), mine.target);
});

test('a branch that this clone has lost is taken from the forge', async (context) => {
  const { root, update, others, there } = await published(context);
  const theirs = others('theirs.txt', 'theirs\n');
  git(root, ['branch', '-q', '-D', BRANCH]);
  await pushUpdate(update);
  assert.equal(there('rev-parse', `${BRANCH}^`), theirs);
  assert.equal(there('show', `${BRANCH}:b.txt`), 'new');
});

test('a branch that was deleted there is not made again: its pull request is closed', async (context) => {
  const { update, there } = await published(context);
  there('update-ref', '-d', `refs/heads/${BRANCH}`);
  assert.equal((await failing(pushUpdate(update))).code, 'forgeBranchGone');
  assert.equal(there('branch', '--list', BRANCH), '');
});
