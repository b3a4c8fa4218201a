/** What others do at the forge between one request of ours and the next. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { errorWords } from '../../../client/words/index.ts';
import type { CodexError, ErrorCode } from '../../../protocol/errors.ts';
import type { PullRequestView } from '../../../protocol/pull-request.ts';
import { git, write } from '../../support/git.ts';
import { openWorld, REPO, type World } from './world.ts';

let world: World;
before(async () => {
  world = await openWorld();
});
after(async () => {
  await world.close();
  world.github.assertNoProblems();
});

let count = 0;
let taskId = '';
let pull: PullRequestView;
const file = () => `file-${count}.txt`;
/** One with a pull request, and a follow-up that is not in it yet. */
beforeEach(async () => {
  count += 1;
  taskId = (await world.task({ edit: (dir) => write(dir, file(), '1\n') })).id;
  pull = await world.create(taskId, { title: `Changed ${count}` });
  await world.followUp(taskId, { edit: (dir) => write(dir, file(), '2\n') });
});

const update = async () => (await world.one.call('pullRequest.update', { taskId })).pullRequest;
const refresh = async () => (await world.one.call('pullRequest.refresh', { taskId })).pullRequest;
const at = (path: string, repo = REPO) => git(world.github.gitDir(repo), ['show', `${pull.branch}:${path}`]);
const refused = async (code: ErrorCode, says: RegExp) => {
  await assert.rejects(update(), (error: CodexError) => {
    const said = errorWords(error.wire).text;
    assert.equal(error.code, code, said);
    assert.match(said, says);
    return true;
  });
};

test('a repository that was renamed, or given to somebody else, is gone on with under its new name', async () => {
  const { github } = world;
  for (const [turn, name] of [
    [2, 'octocat/app-two'],
    [3, 'acme/app-two'],
  ] as const) {
    github.rename(turn === 2 ? REPO : 'octocat/app-two', name);
    github.allow(name, 'octocat', 'admin');
    const updated = await update();
    assert.deepEqual([updated.repo, updated.turn, updated.number], [name, turn, pull.number]);
    assert.equal(at(file(), name), String(turn));
    await world.followUp(taskId, { edit: (dir) => write(dir, file(), `${turn + 1}\n`) });
  }
  // The old name leads there: the same pull request, and webhooks say the new one.
  github.rename('acme/app-two', REPO);
  assert.equal((await refresh()).repo, REPO);
});

test('a branch that was deleted is said, and nothing is pushed in its place', async () => {
  const { github } = world;
  await github.deleteBranch(REPO, pull.branch);
  await assert.rejects(update(), (error: CodexError) => {
    assert.match(errorWords(error.wire).text, /Make a new pull request|Open it again|create a new one/);
    return true;
  });
  assert.throws(() => at(file()));
});

test('one that was closed and opened again is gone on with, and no second one made beside it', async () => {
  const { github } = world;
  const issue = await github.pull(REPO, pull.number ?? 0);
  issue.state = 'closed';
  assert.equal((await refresh()).state, 'closed');
  issue.state = 'open';
  await assert.rejects(world.create(taskId, { title: pull.title }), { code: 'pullRequestExists' });
  issue.state = 'closed';
  await refresh();
  issue.state = 'open';
  assert.equal((await update()).state, 'open');
  assert.equal(at(file()), '2');
});

test('one that asks into another branch by now is shown so', async () => {
  const { github } = world;
  await github.commit(REPO, 'next', { 'next.txt': `${count}\n` });
  (await github.pull(REPO, pull.number ?? 0)).pull.baseBranch = 'next';
  assert.equal((await update()).base, 'next');
});

test('a branch that became protected is said with what there is to do, and goes on after that', async () => {
  const { github } = world;
  github.protect(REPO, pull.branch, { because: 'Only releases here.' });
  await refused('forgePushRefused', /protected at .*Only releases here.*protection lifted there/);
  assert.equal(at(file()), '1');
  github.protect(REPO, pull.branch, null);
  await update();
  assert.equal(at(file()), '2');
});

test('what somebody pushed by force is gone on from, and not undone', async () => {
  const { github } = world;
  const main = git(github.gitDir(REPO), ['rev-parse', 'main']);
  await github.moveBranch(REPO, pull.branch, main);
  await github.commit(REPO, pull.branch, { 'theirs.txt': 'theirs\n' });
  assert.equal((await refresh()).othersPushed, true);
  const theirs = git(github.gitDir(REPO), ['rev-parse', pull.branch]);
  const outcome = await update().then(
    () => 'brought',
    (error: CodexError) => error.code,
  );
  assert.ok(['brought', 'forgeConflicts'].includes(outcome), outcome);
  assert.equal(at('theirs.txt'), 'theirs');
  git(github.gitDir(REPO), ['merge-base', '--is-ancestor', theirs, pull.branch]);
});

test('an archived repository takes nothing: that is said, and not that the token is too weak', async () => {
  const { github } = world;
  github.archive(REPO);
  try {
    await refused('forgeRefused', /refused: .*archived.*try again/);
    const other = await world.task({ edit: (dir) => write(dir, 'archived.txt', 'x\n') });
    await assert.rejects(world.create(other.id, { title: 'Archived' }), (error: CodexError) => {
      assert.equal(error.code, 'forgeRefused');
      return true;
    });
  } finally {
    github.archive(REPO, false);
  }
  assert.equal((await update()).turn, 2);
});

test('a token that may no longer see the repository, or only read it, is told', async () => {
  const { github } = world;
  const repo = github.repo(REPO);
  repo.private = true;
  github.rename(REPO, 'acme/app');
  try {
    github.allow('acme/app', 'octocat', 'read');
    await refused('forgeForbidden', /needs contents: write\. Give it that/);
    repo.roles.delete('octocat');
    await refused('forgeRepoUnknown', /no acme\/app.*give it access or connect/);
  } finally {
    repo.private = false;
    github.rename('acme/app', REPO);
  }
  assert.equal((await update()).turn, 2);
});

test('with another default branch and the person’s own one gone, a new one goes to the default branch', async () => {
  const { github } = world;
  const main = git(github.gitDir(REPO), ['rev-parse', 'main']);
  await github.moveBranch(REPO, 'trunk', main);
  github.repo(REPO).defaultBranch = 'trunk';
  git(github.gitDir(REPO), ['symbolic-ref', 'HEAD', 'refs/heads/trunk']);
  await github.deleteBranch(REPO, 'main');
  try {
    const other = await world.task({ edit: (dir) => write(dir, 'trunk.txt', 'x\n') });
    await assert.rejects(
      world.create(other.id, { title: 'To main', branch: 'codex/to-trunk', base: 'main' }),
      (error: CodexError) => {
        assert.equal(error.code, 'forgeRefused');
        assert.match(errorWords(error.wire).text, /no branch “main” to ask into, so nothing was pushed/);
        return true;
      },
    );
    const { preview } = await world.one.call('pullRequest.preview', { taskId: other.id });
    const made = await world.create(other.id, { title: 'To main', branch: 'codex/to-trunk', base: 'trunk' });
    assert.deepEqual([made.branch, made.base, made.state], ['codex/to-trunk', 'trunk', 'open']);
    assert.equal(preview.base, 'trunk');
  } finally {
    await github.moveBranch(REPO, 'main', main);
    github.repo(REPO).defaultBranch = 'main';
  }
});
