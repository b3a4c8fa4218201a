/**
 * Every call to the forge goes wrong in every way, one after the other; then it works. In between it is asked again
 * and again, as a person would, and in the end there is one branch and one pull request.
 */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import type { CodexError } from '../../../protocol/errors.ts';
import type { PullRequestView } from '../../../protocol/pull-request.ts';
import { git, write } from '../../support/git.ts';
import { openWorld, REPO, type World } from './world.ts';
import { checkError, rowsOf } from './table.ts';

const REPO_GET = 'GET /repos/{owner}/{repo}';
const FIND = 'GET /repos/{owner}/{repo}/pulls';
const CREATE = 'POST /repos/{owner}/{repo}/pulls';
const GET = 'GET /repos/{owner}/{repo}/pulls/{pull_number}';
const CHANGE = 'PATCH /repos/{owner}/{repo}/pulls/{pull_number}';

let world: World;
before(async () => {
  world = await openWorld();
});
after(async () => {
  try {
    assert.ok(!world.logged.join('\n').includes(world.token));
    assert.ok(!JSON.stringify(world.one.events).includes(world.token));
    assert.ok(!JSON.stringify(world.one.notified).includes(world.token));
  } finally {
    await world.close();
  }
});

let count = 0;
let taskId = '';
let branch = '';
beforeEach(async () => {
  count += 1;
  branch = `codex/every-${count}`;
  taskId = (await world.task({ edit: (dir) => write(dir, `file-${count}.txt`, `${count}\n`) })).id;
});

const branches = () =>
  git(world.github.gitDir(REPO), ['for-each-ref', '--format=%(refname:short)', `refs/heads/${branch}*`])
    .split('\n')
    .filter(Boolean);
const pulls = () =>
  world.github
    .repo(REPO)
    .issues.filter(({ pull, title }) => pull !== null && title.startsWith(`Every ${count}`));

/** Of calls that are made in the same way as another that gets all of them. */
const SOME = ['401', '404', '429', '503', 'a page instead of an answer', 'cut before the answer'];

async function goesWrong(
  route: string,
  act: () => Promise<unknown>,
  only?: readonly string[],
): Promise<void> {
  for (const row of rowsOf(route).filter(({ name }) => only?.includes(name) ?? true)) {
    const armed = world.github.fault(route, row.fault(), { times: 10 });
    const error = await act().then(
      () => assert.fail(`${route}, ${row.name}: it worked`),
      (thrown: unknown) => thrown as CodexError,
    );
    assert.ok(armed.hits > 0, `${route}, ${row.name}: ${error.message}`);
    armed.off();
    checkError(error, row, world.token);
    assert.ok(branches().length <= 1, `${route}, ${row.name}`);
    assert.ok(pulls().length <= 1, `${route}, ${row.name}`);
  }
}
async function isWhole(pull: PullRequestView): Promise<void> {
  assert.deepEqual([pull.state, pull.error, pull.branch], ['open', undefined, branch]);
  assert.deepEqual(branches(), [branch]);
  assert.equal(pulls().length, 1);
  assert.equal(world.treeAt(branch), await world.resultTree(taskId));
}

test('making one: whatever breaks at whatever call, asking again makes one', async () => {
  const create = async () =>
    (
      await world.one.call('pullRequest.create', {
        ...{ taskId, title: `Every ${count}`, body: '', branch, base: 'main' },
      })
    ).pullRequest;
  await goesWrong(REPO_GET, create);
  await goesWrong('GET /user', create, SOME);
  await goesWrong('git refs receive-pack', create, SOME);
  await goesWrong('git refs upload-pack', create, SOME);
  await goesWrong('git upload-pack', create, SOME);
  assert.deepEqual(branches(), []);
  // The last of them has pushed.
  await goesWrong('git receive-pack', create);
  await goesWrong(CREATE, create);
  await goesWrong(FIND, create, SOME);
  assert.deepEqual([branches(), pulls().length], [[branch], 0]);
  const { task } = await world.one.call('task.get', { taskId });
  assert.equal(task.pullRequest?.state, 'publishing');
  assert.equal(task.pullRequest?.error?.code, 'forgeUnavailable');
  await isWhole(await create());
});

test('bringing a follow-up: whatever breaks at whatever call, asking again makes one commit', async () => {
  await world.create(taskId, { title: `Every ${count}`, branch });
  await world.followUp(taskId, { edit: (dir) => write(dir, `file-${count}.txt`, 'again\n') });
  const update = async () =>
    (await world.one.call('pullRequest.update', { taskId, title: `Every ${count} and again` })).pullRequest;
  const error = async () => (await world.one.call('task.get', { taskId })).task.pullRequest?.error?.code;
  await goesWrong(GET, update, SOME);
  assert.equal(await error(), 'forgeUnavailable');
  await goesWrong('git refs upload-pack', update, SOME);
  await goesWrong('git upload-pack', update, SOME);
  await goesWrong('git refs receive-pack', update, SOME);
  await goesWrong('git receive-pack', update);
  await goesWrong(CHANGE, update);
  assert.equal(await error(), 'forgeUnavailable');
  const updated = await update();
  assert.equal(updated.turn, 2);
  assert.equal(updated.title, `Every ${count} and again`);
  await isWhole(updated);
  assert.equal(git(world.github.gitDir(REPO), ['rev-list', '--count', `main..${branch}`]), '2');
});

test('looking: what breaks is shown, and gone with the next look', async () => {
  const pull = await world.create(taskId, { title: `Every ${count}`, branch });
  const refresh = async () => (await world.one.call('pullRequest.refresh', { taskId })).pullRequest;
  const number = `${GET.slice('GET '.length)}`;
  const shows = async () => {
    const { task } = await world.one.call('task.get', { taskId });
    assert.equal(task.pullRequest?.error?.code, 'forgeUnavailable');
    assert.equal(task.pullRequest?.number, pull.number);
    await isWhole(await refresh());
  };
  await goesWrong(GET, refresh);
  await shows();
  // They are asked for together, and in the same way.
  const comments = 'GET /repos/{owner}/{repo}/issues/{issue_number}/comments';
  for (const route of [`GET ${number}/comments`, `GET ${number}/reviews`, comments])
    await goesWrong(route, refresh, SOME);
  await shows();
});
