/** What follows a pull request that was merged: the new part alone, on the branch that has the rest by now. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import type { PullRequestView } from '../../../protocol/pull-request.ts';
import { git, write } from '../../support/git.ts';
import { status } from '../../support/github/index.ts';
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
let first: PullRequestView;
const file = () => `merged-${count}.txt`;
beforeEach(async () => {
  count += 1;
  taskId = (await world.task({ edit: (dir) => write(dir, file(), '1\n') })).id;
  first = await world.create(taskId, { title: `Merged ${count}` });
});

const there = (...args: string[]) => git(world.github.gitDir(REPO), args);
const refresh = async () => (await world.one.call('pullRequest.refresh', { taskId })).pullRequest;
const preview = async () => (await world.one.call('pullRequest.preview', { taskId })).preview;
const files = (branch: string) => there('diff', '--name-only', `main...${branch}`);
const mergesCleanly = (branch: string) => there('merge-tree', '--write-tree', 'main', branch);

async function squash(): Promise<void> {
  const { pull } = await world.github.pull(REPO, first.number ?? 0);
  const tree = there('merge-tree', '--write-tree', 'main', pull.headSha);
  const commit = there('commit-tree', tree, '-p', 'main', '-m', 'Squashed');
  there('update-ref', 'refs/heads/main', commit);
  const issue = await world.github.pull(REPO, first.number ?? 0);
  issue.state = 'closed';
  issue.pull.merged = { at: Date.now(), by: issue.author, commit };
}

for (const [how, merge] of [
  ['by a merge', () => world.github.merge(REPO, first.number ?? 0)],
  ['squashed', squash],
] as const) {
  test(`${how}: it has what is new, beside what others have brought meanwhile`, async () => {
    const { github } = world;
    await merge();
    await github.commit(REPO, 'main', { [`others-${count}.txt`]: 'theirs\n' });
    assert.equal((await refresh()).state, 'merged');
    await world.followUp(taskId, { edit: (dir) => write(dir, file(), '2\n') });
    const seen = await preview();
    assert.deepEqual([seen.conflicts, seen.behind, seen.unpushedCommits], [[], 0, 0]);
    assert.deepEqual(
      seen.files.map(({ path }) => path.path),
      [file()],
    );
    const second = await world.create(taskId, { title: `Merged ${count}, again` });
    assert.notEqual(second.number, first.number);
    assert.equal(files(second.branch), file());
    assert.equal(there('show', `${second.branch}:${file()}`), '2');
    assert.equal(there('show', `${second.branch}:others-${count}.txt`), 'theirs');
    mergesCleanly(second.branch);
    await world.followUp(taskId, { edit: (dir) => write(dir, file(), '3\n') });
    await world.one.call('pullRequest.update', { taskId });
    assert.equal(there('show', `${second.branch}:${file()}`), '3');
    assert.equal(there('show', `${second.branch}:others-${count}.txt`), 'theirs');
  });
}

test('with nothing beside, its tree is the sandbox’s byte for byte', async () => {
  await world.github.moveBranch(REPO, 'main', there('rev-parse', `${first.branch}~1`));
  await squash();
  await refresh();
  await world.followUp(taskId, { edit: (dir) => write(dir, file(), '2\n') });
  const second = await world.create(taskId, { title: `Merged ${count}, again` });
  assert.equal(world.treeAt(second.branch), await world.resultTree(taskId));
});

test('without a follow-up there is nothing more to publish', async () => {
  await squash();
  await refresh();
  await assert.rejects(preview(), { code: 'forgeNothingToPublish' });
  await assert.rejects(
    world.one.call('pullRequest.create', { taskId, title: 'Again', body: '', base: 'main' }),
    { code: 'forgeNothingToPublish' },
  );
  const { task } = await world.one.call('task.get', { taskId });
  assert.equal(task.pullRequest?.state, 'merged');
});

for (const [when, route] of [
  ['the push', 'git receive-pack'],
  ['the pull request', 'POST /repos/{owner}/{repo}/pulls'],
] as const) {
  test(`what breaks off at ${when} is gone on with from there`, async () => {
    const { github } = world;
    await squash();
    await github.commit(REPO, 'main', { [`others-${count}.txt`]: 'theirs\n' });
    await refresh();
    await world.followUp(taskId, { edit: (dir) => write(dir, file(), '2\n') });
    const asked = { title: `Merged ${count}, again` };
    const armed = github.fault(route, status(503), { times: 10 });
    await assert.rejects(world.create(taskId, asked));
    armed.off();
    await world.followUp(taskId, { edit: (dir) => write(dir, file(), '3\n') });
    const second = await world.create(taskId, asked);
    assert.equal(files(second.branch), file());
    assert.equal(there('show', `${second.branch}:${file()}`), '3');
    assert.equal(there('show', `${second.branch}:others-${count}.txt`), 'theirs');
    mergesCleanly(second.branch);
  });
}

test('where it conflicts with what others brought it stands where the task began, and that is said', async () => {
  await squash();
  await world.github.commit(REPO, 'main', { [file()]: 'theirs\n' });
  await refresh();
  await world.followUp(taskId, { edit: (dir) => write(dir, file(), '2\n') });
  assert.deepEqual((await preview()).conflicts, [file()]);
  const second = await world.create(taskId, { title: `Merged ${count}, again` });
  assert.equal(world.treeAt(second.branch), await world.resultTree(taskId));
});
