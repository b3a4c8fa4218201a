/** Answers to comments that started tasks, when a forge does not take them at once. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { ANSWER_TRIES } from '../../../protocol/limits.ts';
import type { Forges } from '../../../server/forge/forge.ts';
import { openGitHub } from '../../../server/forge/github/github.ts';
import { NO_LOG } from '../../../server/log.ts';
import { TriggeredTasks } from '../../../server/pull-requests/answers.ts';
import { markOf } from '../../../server/pull-requests/command.ts';
import type { Store } from '../../../server/store/store.ts';
import { startGitHub, status, type StandIn } from '../../support/github/index.ts';
import { openWithTask, TASK, temporaryFolder } from '../store/fixture.ts';

const REPO = 'octocat/app';
const SAY = 'POST /repos/{owner}/{repo}/issues/{issue_number}/comments';
const MINUTE_MS = 60_000;

let github: StandIn;
let store: Store;
let forges: Forges;
let remove: () => Promise<void>;
let issue: number;
let now = 0;
before(async () => {
  github = await startGitHub();
  await github.addRepo(REPO, { files: { 'a.txt': 'a\n' }, roles: { stranger: 'read' } });
  const folder = await temporaryFolder();
  remove = folder.remove;
  store = await openWithTask(folder.dataDir);
  const { host, apiUrl } = github;
  const secret = { how: 'token', token: github.addToken('octocat').value } as const;
  const forge = openGitHub({ host, apiUrl, secret, loopback: true, pause: async () => undefined });
  forges = { get: async () => forge } as unknown as Forges;
});
after(async () => {
  await store.close();
  await remove();
  await github.close();
  github.assertNoProblems();
});
beforeEach(async () => {
  now = Date.now();
  issue = github.addIssue(REPO, { title: 'Help', by: 'stranger' }).number;
  const trigger = { host: github.host, repo: REPO, number: issue, commentId: 'issue-1', author: 'octocat' };
  await set('tasks', { trigger: JSON.stringify({ ...trigger, fork: false }) });
  await set('turns', { state: 'running' });
});

const set = (table: 'tasks' | 'turns', change: object) =>
  store.write((tx) => tx.updateTable(table).set(change).execute());
const said = () =>
  (github.repo(REPO).issues[issue - 1]?.comments ?? []).map(
    ({ author, body }) => [author.login, body] as const,
  );
const ours = () => said().filter(([login, body]) => login === 'octocat' && body.startsWith('Codex '));

function answers(): TriggeredTasks {
  const hub = { watch: () => undefined };
  const deps = { store, hub, forges, log: NO_LOG } as unknown as ConstructorParameters<
    typeof TriggeredTasks
  >[0];
  return new TriggeredTasks(deps, () => now);
}

test('what did not get through is said later, once, and less and less often is it tried', async () => {
  const mine = answers();
  const down = github.fault(SAY, status(403), { times: 1_000 });
  await mine.started(TASK);
  const tries: number[] = [];
  for (let minute = 0; minute < 70; minute++) {
    const before = github.asked(SAY);
    await mine.again();
    if (github.asked(SAY) > before) tries.push(minute);
    now += MINUTE_MS;
  }
  assert.deepEqual(tries, [1, 3, 7, 15, 31, 63]);
  down.off();
  now += 60 * MINUTE_MS;
  await mine.again();
  await mine.again();
  assert.equal(ours().length, 1);
  // The end is said by the same comment, also where that takes two tries.
  await set('turns', { state: 'completed', answer: 'It is mended.' });
  const change = 'PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}';
  github.fault(change, status(403));
  await mine.started(TASK);
  now += MINUTE_MS;
  await mine.again();
  assert.deepEqual(ours().length, 1);
  assert.match(ours()[0]?.[1] ?? '', /is done[^]*It is mended\./);
  mine.stop();
});

test('one whose answer was lost is found, not said twice', async () => {
  const mine = answers();
  github.fault(SAY, { kind: 'cutAnswer', afterBytes: 0 });
  await mine.started(TASK);
  assert.equal(ours().length, 1);
  now += MINUTE_MS;
  await mine.again();
  assert.equal(ours().length, 1);
  mine.stop();
});

test('where our first words were deleted, the result is said anew, once', async () => {
  const mine = answers();
  await mine.started(TASK);
  const { comments } = github.repo(REPO).issues[issue - 1] ?? { comments: [] };
  comments.splice(0, comments.length);
  await set('turns', { state: 'completed', answer: 'Here it is.' });
  await mine.started(TASK);
  await mine.started(TASK);
  now += MINUTE_MS;
  await mine.again();
  assert.equal(ours().length, 1);
  assert.match(ours()[0]?.[1] ?? '', /is done[^]*Here it is\./);
  mine.stop();
});

test('our mark in somebody else’s comment, or quoted in the person’s own, is no answer of ours', async () => {
  github.comment(REPO, issue, 'stranger', `Codex has begun.\n\n${markOf(TASK)}`);
  github.comment(REPO, issue, 'octocat', `> Codex has begun.\n>\n> ${markOf(TASK)}\n\nHas it?`);
  const mine = answers();
  await set('turns', { state: 'completed', answer: 'Here it is.' });
  await mine.start();
  for (const from = Date.now(); ours().length === 0;) {
    assert.ok(Date.now() - from < 30_000, 'it does not come');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await mine.again();
  assert.equal(ours().length, 1);
  assert.equal(said().filter(([, body]) => body.includes('has begun')).length, 2, 'theirs are untouched');
  mine.stop();
});

test('nobody is asked for ever', async () => {
  const mine = answers();
  const down = github.fault(SAY, status(403), { times: 1_000 });
  await mine.started(TASK);
  const before = github.asked(SAY);
  for (let hour = 0; hour < 100; hour++) {
    now += 60 * MINUTE_MS;
    await mine.again();
  }
  assert.equal(github.asked(SAY) - before, ANSWER_TRIES - 1);
  down.off();
  mine.stop();
});
