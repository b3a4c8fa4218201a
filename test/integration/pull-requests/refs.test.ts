/** What pull requests leave in the backend's own repository: nothing, once the task is gone. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import type { TaskSummary } from '../../../protocol/rpc.ts';
import { git, write } from '../../support/git.ts';
import { openWorld, REPO, type World } from './world.ts';

let world: World;
before(async () => {
  world = await openWorld();
});
after(() => world.close());

const dirOf = (task: TaskSummary) => join(world.folder, '..', 'data', 'repos', `${task.repo.repoId}.git`);
const kept = (task: TaskSummary) =>
  git(dirOf(task), ['for-each-ref', '--format=%(refname)', 'refs/codex/pulls', 'refs/codex/forge'])
    .split('\n')
    .filter(Boolean);
const keptFor = (task: TaskSummary) => kept(task).filter((ref) => ref.includes(`/${task.id}/`));
/** The answer to a deletion does not wait for it. */
async function noneLeft(refs: () => string[]): Promise<void> {
  for (const from = Date.now(); refs().length > 0; await wait(20))
    assert.ok(Date.now() - from < 30_000, `left: ${refs().join(', ')}`);
}
const published = async (title: string): Promise<TaskSummary> => {
  const task = await world.task({ edit: (dir) => write(dir, `${title}.txt`, '1\n') });
  await world.create(task.id, { title });
  return task;
};

test('what was made and fetched for a task’s pull request goes with the task, and nobody else’s', async () => {
  const { one, github } = world;
  const task = await published('Mine');
  const other = await published('Others');
  const { pullRequest } = (await one.call('task.get', { taskId: task.id })).task;
  await github.commit(REPO, pullRequest?.branch ?? '', { 'theirs.txt': 'x\n' });
  await world.followUp(task.id, { edit: (dir) => write(dir, 'Mine.txt', '2\n') });
  await one.call('pullRequest.update', { taskId: task.id });
  const fetched = `refs/codex/forge/${task.id}/`;
  assert.ok(keptFor(task).filter((ref) => ref.startsWith(fetched)).length >= 2);
  const others = keptFor(other);
  await one.call('task.delete', { taskId: task.id });
  await noneLeft(() => keptFor(task));
  assert.deepEqual(keptFor(other), others);
});

test('a task that is deleted while it is published leaves nothing', async () => {
  const { one, github } = world;
  const task = await world.task({ edit: (dir) => write(dir, 'midst.txt', '1\n') });
  // Between what the row was read for and the first commit that is made.
  const slow = github.fault('GET /user', { kind: 'delay', ms: 1_500 });
  const arrived = github.arrival('GET /user');
  const { preview } = await one.call('pullRequest.preview', { taskId: task.id });
  const { title, body, branch, base } = preview;
  const asked = one.call('pullRequest.create', { taskId: task.id, title, body, branch, base });
  const refused = assert.rejects(asked, { code: 'notFound' });
  await arrived;
  await one.call('task.delete', { taskId: task.id });
  await refused;
  slow.off();
  await noneLeft(() => keptFor(task));
});

test('what a process that was killed left behind is swept at the next start; what is needed stays', async () => {
  const task = await published('Kept');
  const dir = dirOf(task);
  const sha = task.repo.sha;
  const lost = git(dir, ['rev-parse', kept(task).find((ref) => ref.startsWith('refs/codex/pulls/')) ?? '']);
  const needed = [...keptFor(task), `refs/codex/forge/${sha}`];
  git(dir, ['update-ref', `refs/codex/forge/${sha}`, sha]);
  const gone = ['pulls/goneaaaa', 'forge/goneaaaa'].map((name) => `refs/codex/${name}/${lost}`);
  for (const ref of [...gone, `refs/codex/forge/${lost}`]) git(dir, ['update-ref', ref, lost]);
  await world.restart();
  await noneLeft(() =>
    kept(task).filter((ref) => ref.includes('gone') || ref === `refs/codex/forge/${lost}`),
  );
  for (const ref of needed) assert.ok(kept(task).includes(ref), ref);
});
