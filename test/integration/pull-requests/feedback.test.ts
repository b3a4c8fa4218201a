/** What others said of a pull request: all of it, and where they said it. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startedText } from '../../../server/pull-requests/command.ts';
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

async function published(title: string): Promise<{ taskId: string; number: number; sha: string }> {
  const task = await world.task({ edit: (dir) => write(dir, `${title}.txt`, '1\n2\n3\n4\n5\n') });
  const pull = await world.create(task.id, { title });
  const sha = git(world.github.gitDir(REPO), ['rev-parse', pull.branch]);
  return { taskId: task.id, number: pull.number ?? 0, sha };
}
async function followedUp(taskId: string, chosen: { comments: string[]; checks: string[] }): Promise<string> {
  const { one } = world;
  world.play({ edit: (dir) => write(dir, 'more.txt', taskId) });
  const { turn } = await one.call('pullRequest.followUp', { taskId, requestId: `f-${taskId}`, ...chosen });
  const started = await one.event(
    (event) => event.taskId === taskId && event.turn === turn && event.code === 'turn.started',
  );
  await one.event(
    (event) => event.taskId === taskId && event.turn === turn && event.code === 'turn.finished',
  );
  return (started.params as { prompt: string }).prompt;
}

test('all that are listed can be followed up on, however many, and what failed is among them', async () => {
  const { one, github } = world;
  const { taskId, number, sha } = await published('many');
  for (let n = 0; n < 150; n++) github.comment(REPO, number, 'hubot', `Remark ${n}.`);
  for (let n = 0; n < 230; n++) github.addCheckRun(REPO, sha, { name: `fine ${n}` });
  github.addCheckRun(REPO, sha, { name: 'broken', conclusion: 'failure' });
  const { feedback } = await one.call('pullRequest.feedback', { taskId });
  assert.equal(feedback.comments.length, 150);
  const failed = feedback.checks.filter(({ outcome }) => outcome === 'failed');
  assert.deepEqual(
    failed.map(({ name }) => name),
    ['broken'],
  );
  const comments = feedback.comments.map(({ id }) => id);
  const prompt = await followedUp(taskId, { comments, checks: failed.map(({ id }) => id) });
  for (let n = 0; n < 150; n++) assert.ok(prompt.includes(`Remark ${n}.`), String(n));
  assert.match(prompt, /Check broken: failed/);
});

test('what we answered there ourselves is nobody’s comment; what quotes it is', async () => {
  const { one, github } = world;
  const { taskId, number } = await published('answered');
  const ours = startedText({ taskId: 'othertask1', url: null });
  github.comment(REPO, number, 'octocat', ours);
  github.comment(REPO, number, 'hubot', ours);
  github.comment(REPO, number, 'octocat', `${ours}\n\nI see.`);
  const { feedback } = await one.call('pullRequest.feedback', { taskId });
  assert.deepEqual(
    feedback.comments.map(({ author }) => author),
    ['hubot', 'octocat'],
  );
  assert.equal((await one.call('pullRequest.refresh', { taskId })).pullRequest.comments, 2);
});

test('a comment says on which lines it is, and when those are of an older state', async () => {
  const { one, github } = world;
  const { taskId, number } = await published('lines');
  const on = { path: 'lines.txt' };
  const suggestion = '```suggestion\none\ntwo\n```';
  github.commentOnLine(REPO, number, 'hubot', { ...on, body: 'One line.', line: 3 });
  github.commentOnLine(REPO, number, 'hubot', { ...on, body: suggestion, line: 4, startLine: 2 });
  github.commentOnLine(REPO, number, 'hubot', { ...on, body: 'Long ago.', wasLine: 9 });
  github.commentOnLine(REPO, number, 'hubot', { ...on, body: 'All of it.' });
  const { feedback } = await one.call('pullRequest.feedback', { taskId });
  assert.deepEqual(
    feedback.comments.map(({ line, startLine, outdated }) => [line, startLine, outdated]),
    [
      [3, undefined, undefined],
      [4, 2, undefined],
      [9, undefined, true],
      [undefined, undefined, undefined],
    ],
  );
  const prompt = await followedUp(taskId, { comments: feedback.comments.map(({ id }) => id), checks: [] });
  assert.match(prompt, /### hubot on lines\.txt, line 3\nOne line\./);
  assert.match(prompt, /### hubot on lines\.txt, lines 2 to 4\n```suggestion\none\ntwo\n```/);
  assert.match(prompt, /### hubot on lines\.txt, line 9 of an older state of the file\nLong ago\./);
  assert.match(prompt, /### hubot on lines\.txt\nAll of it\./);
});
