/** Two backends on one database: whoever is asked, and however often at once, there is one of everything. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { CodexError } from '../../../protocol/errors.ts';
import { git, removeFolder, temporaryFolder, write } from '../../support/git.ts';
import { postgresPrograms, startPostgres } from '../../load/postgres.lib.ts';
import type { TestClient } from '../gateway/harness.ts';
import { openWorld, plainProject, REPO, type World } from './world.ts';

let world: World;
let two: TestClient;
const folder = temporaryFolder('pull-requests-postgres');
const ends: (() => unknown)[] = [];
before(async () => {
  const programs = postgresPrograms();
  assert.ok(programs, 'Install PostgreSQL: apt-get install postgresql');
  const databaseUrl = await startPostgres(programs, folder, (end) => ends.push(end));
  world = await openWorld(plainProject, { databaseUrl });
  two = await world.second();
});
after(async () => {
  await world.close();
  for (const end of ends) await end();
  removeFolder(folder);
});

const refs = (name: string) =>
  git(world.github.gitDir(REPO), ['for-each-ref', '--format=%(refname:short)', `refs/heads/${name}*`]);
const pulls = (title: string) => world.github.pulls(REPO).filter((one) => one.title.startsWith(title)).length;
const outcomes = async (asked: Promise<unknown>[]) =>
  (await Promise.allSettled(asked)).map((one) =>
    one.status === 'fulfilled' ? 'made' : (one.reason as CodexError).code,
  );

test('made at once by both, with other words and another branch: one', async () => {
  const { id: taskId } = await world.task({ edit: (dir) => write(dir, 'a.txt', 'a\n') });
  const ask = (one: TestClient, nth: number) =>
    one.call('pullRequest.create', {
      ...{ taskId, title: `Both ${nth}`, body: '', branch: `codex/both-${nth}`, base: 'main' },
    });
  const slow = world.github.fault('git receive-pack', { kind: 'delay', ms: 500 }, { times: 4 });
  const all = await outcomes([ask(world.one, 1), ask(two, 2), ask(world.one, 3), ask(two, 4)]);
  slow.off();
  assert.deepEqual(all.toSorted(), ['made', ...Array<string>(3).fill('pullRequestExists')]);
  assert.equal(refs('codex/both-').split('\n').length, 1);
  assert.equal(pulls('Both '), 1);
});

test('brought up to date at once by both: one commit, and nobody is refused', async () => {
  const { id: taskId } = await world.task({ edit: (dir) => write(dir, 'b.txt', '1\n') });
  const pull = await world.create(taskId, { title: 'Update' });
  await world.followUp(taskId, { edit: (dir) => write(dir, 'b.txt', '2\n') });
  const slow = world.github.fault('git receive-pack', { kind: 'delay', ms: 300 }, { times: 4 });
  const ask = (one: TestClient) => one.call('pullRequest.update', { taskId });
  const look = (one: TestClient) => one.call('pullRequest.refresh', { taskId });
  const all = await outcomes([ask(world.one), look(two), ask(two), look(world.one)]);
  slow.off();
  assert.deepEqual(all, Array<string>(4).fill('made'));
  assert.equal(git(world.github.gitDir(REPO), ['rev-list', '--count', `main..${pull.branch}`]), '2');
  assert.equal(world.treeAt(pull.branch), await world.resultTree(taskId));
});

test('what one left when it ended is gone on with by the other', async () => {
  const { id: taskId } = await world.task({ edit: (dir) => write(dir, 'c.txt', '1\n') });
  const asked = { taskId, title: 'Left', body: '', branch: 'codex/left', base: 'main' };
  const silent = world.github.fault('POST /repos/{owner}/{repo}/pulls', { kind: 'silence' }, { times: 9 });
  const arrived = world.github.arrival('POST /repos/{owner}/{repo}/pulls');
  const first = world.one.call('pullRequest.create', asked).catch(() => undefined);
  await arrived;
  const second = two.call('pullRequest.create', asked);
  silent.off();
  await world.restart();
  await first;
  assert.equal((await second).pullRequest.state, 'open');
  assert.equal(refs('codex/left'), 'codex/left');
  assert.equal(pulls('Left'), 1);
});
