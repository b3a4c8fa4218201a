/** The stand-in GitHub itself: that it is held to GitHub's description, and does as GitHub does. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { loadDescription } from '../../support/github/openapi.ts';
import { startGitHub, type StandIn } from '../../support/github/index.ts';
import { ask, messages } from './ask.ts';

let github: StandIn;
let token: string;
const REPO = '/repos/octocat/hello';

before(async () => {
  github = await startGitHub();
  await github.addRepo('octocat/hello', { private: true, files: { 'a.txt': 'a\n', 'b.bin': binary(1) } });
  token = github.addToken('octocat').value;
});
after(() => github.close());
beforeEach(() => github.assertNoProblems());

function binary(last: number): Buffer {
  return Buffer.from([0, 1, 2, 255, last]);
}

/** What is found wrong while this runs; forgotten again. */
async function problemsOf(what: () => Promise<unknown>): Promise<string[]> {
  await what();
  return (github.problems as string[]).splice(0);
}

let branches = 0;
async function newPull(files: Parameters<StandIn['commit']>[2] = { 'new.txt': 'new\n' }) {
  const head = `branch-${(branches += 1)}`;
  await github.commit('octocat/hello', head, files);
  const body = { title: `Of ${head}`, body: 'Text', head, base: 'main' };
  const made = await ask(github, `POST ${REPO}/pulls`, { token, body });
  assert.equal(made.status, 201, made.text);
  return { head, number: made.json['number'] as number, made };
}

test('a request that GitHub does not have fails the test', async () => {
  const wrong: [string, unknown?][] = [
    ['DELETE /repos/octocat/hello'],
    ['GET /repos/octocat/hello/pulls?state=merged'],
    ['GET /repos/octocat/hello/pulls?heads=octocat:x'],
    ['GET /repos/octocat/hello/pulls/one'],
    [`POST ${REPO}/pulls`, { title: 'T', base: 'main' }],
    [`POST ${REPO}/pulls`, { title: 1, head: 'x', base: 'main' }],
    [`POST ${REPO}/pulls`, { title: 'T', head: 'x', base: 'main', darft: true }],
    [`POST ${REPO}/pulls`, '{'],
    [`POST ${REPO}/pulls`],
    [`PATCH ${REPO}/pulls/1`, { state: 'merged' }],
  ];
  for (const [request, body] of wrong) {
    const found = await problemsOf(async () => {
      const { status } = await ask(github, request, { token, body });
      assert.ok(status >= 400 && status < 500, `${request}: ${status}`);
      assert.throws(() => github.assertNoProblems(), /Not as GitHub has it/);
    });
    assert.equal(found.length, 1, `${request}: ${found.join('\n')}`);
  }
  const headers = await problemsOf(() =>
    ask(github, 'GET /user', { token, headers: { accept: '*/*', 'x-github-api-version': '' } }),
  );
  assert.match(headers.join('\n'), /accepts \*\/\*/);
});

test('an answer that GitHub would not give fails the test', async () => {
  const description = await loadDescription();
  const found = description.find('GET', '/user')!;
  assert.match(description.answerProblem(found.operation, 200, { login: 'octocat' }) ?? '', /required/);
  assert.match(description.answerProblem(found.operation, 418, {}) ?? '', /418/);
  assert.match(description.answerProblem(found.operation, 401, {}) ?? '', /message/);

  const [issue] = [github.addIssue('octocat/hello', { title: 'An issue', by: 'ann' })];
  (issue as { title: unknown }).title = 1;
  const problems = await problemsOf(() => ask(github, `GET ${REPO}/issues/${issue.number}`, { token }));
  assert.match(problems.join(), /was answered wrongly.*title must be string/);
  issue.title = 'An issue';
});

test('what one may not see is not there, and what one may not do is forbidden', async () => {
  const none = await ask(github, `GET ${REPO}`);
  assert.equal(none.status, 404);
  const bad = await ask(github, `GET ${REPO}`, { token: 'ghp_nobody' });
  assert.deepEqual([bad.status, bad.json['message']], [401, 'Bad credentials']);
  const stranger = github.addToken('stranger').value;
  assert.equal((await ask(github, `GET ${REPO}`, { token: stranger })).status, 404);

  const reading = github.addToken('octocat', {
    kind: 'fineGrained',
    repos: ['octocat/hello'],
    permissions: { contents: 'read', pull_requests: 'read' },
  }).value;
  assert.equal((await ask(github, `GET ${REPO}/pulls`, { token: reading })).status, 200);
  const body = { title: 'T', head: 'x', base: 'main' };
  const refused = await ask(github, `POST ${REPO}/pulls`, { token: reading, body });
  assert.deepEqual(
    [refused.status, refused.json['message'], refused.headers.get('x-accepted-github-permissions')],
    [403, 'Resource not accessible by personal access token', 'pull_requests=write'],
  );
  assert.equal((await ask(github, `GET ${REPO}/commits/main/check-runs`, { token: reading })).status, 403);

  const ending = github.addToken('octocat', { expiresAt: Date.now() - 1 }).value;
  assert.equal((await ask(github, 'GET /user', { token: ending })).status, 401);
  const user = await ask(github, 'GET /user', { token });
  assert.deepEqual([user.json['login'], user.headers.get('x-oauth-scopes')], ['octocat', 'repo']);
});

test('a pull request is made, found, changed, closed and opened again', async () => {
  const { head, number, made } = await newPull({ 'new.txt': 'new\nfile\n', 'b.bin': binary(2) });
  assert.deepEqual(
    ['state', 'commits', 'additions', 'changed_files', 'mergeable', 'draft'].map((key) => made.json[key]),
    ['open', 1, 2, 2, null, false],
  );
  assert.equal(made.headers.get('location'), `${github.apiUrl}${REPO}/pulls/${number}`);
  assert.equal((await ask(github, `GET ${REPO}/pulls/${number}`, { token })).json['mergeable'], true);

  const numbers = async (query: string) => {
    const list = await ask(github, `GET ${REPO}/pulls?${query}`, { token });
    return (list.json as unknown as { number: number }[]).map((one) => one.number);
  };
  assert.deepEqual(await numbers(`head=octocat:${head}&state=all`), [number]);
  assert.deepEqual(await numbers('head=octocat:nothing'), []);
  assert.ok((await numbers('head=nothing')).includes(number), 'without an owner GitHub does not filter');

  const patch = (body: unknown) => ask(github, `PATCH ${REPO}/pulls/${number}`, { token, body });
  const changed = await patch({ title: 'Another', body: '' });
  assert.deepEqual([changed.json['title'], changed.json['body']], ['Another', '']);
  assert.equal((await patch({ state: 'closed' })).json['state'], 'closed');
  assert.equal((await patch({ state: 'open' })).json['state'], 'open');
  assert.deepEqual(messages(await patch({ title: ' ' })), ['title']);
});

test('a pull request that can not be is refused in the words of GitHub', async () => {
  const { head } = await newPull();
  const create = (body: Record<string, unknown>) =>
    ask(github, `POST ${REPO}/pulls`, { token, body: { title: 'T', base: 'main', ...body } });
  const told = async (body: Record<string, unknown>) => {
    const refused = await create(body);
    assert.deepEqual([refused.status, refused.json['message']], [422, 'Validation Failed']);
    return messages(refused);
  };
  assert.deepEqual(await told({ head }), [`A pull request already exists for octocat:${head}.`]);
  await github.commit('octocat/hello', 'alike', {});
  await github.moveBranch('octocat/hello', 'alike', 'refs/heads/main');
  assert.deepEqual(await told({ head: 'alike' }), ['No commits between main and alike']);
  assert.deepEqual(await told({ head: 'gone', base: 'missing' }), ['base', 'head']);
  await github.commit('octocat/hello', 'alien', { x: 'x' }, { parent: null });
  assert.match(String(await told({ head: 'alien' })), /no history in common/);
  assert.match(String(await told({ head, title: 'x'.repeat(257) })), /title is too long/);
  github.repo('octocat/hello').draftsSupported = false;
  await github.commit('octocat/hello', 'drafty', { x: 'x' });
  assert.match(String(await told({ head: 'drafty', draft: true })), /Draft pull requests are not supported/);
  github.repo('octocat/hello').draftsSupported = true;
});

test('the diff of a pull request is that of git, and has a limit', async () => {
  const { number } = await newPull({ 'a.txt': 'b\n', 'b.bin': binary(3) });
  const headers = { accept: 'application/vnd.github.diff' };
  const diff = await ask(github, `GET ${REPO}/pulls/${number}`, { token, headers });
  assert.match(diff.headers.get('content-type') ?? '', /^application\/vnd\.github\.diff/);
  assert.match(diff.text, /^diff --git a\/a\.txt b\/a\.txt\n/);
  assert.match(diff.text, /-a\n\+b\n[^]*Binary files a\/b\.bin and b\/b\.bin differ\n$/);
  github.limits.diffLines = 3;
  const refused = await ask(github, `GET ${REPO}/pulls/${number}`, { token, headers });
  assert.equal(refused.status, 406);
  github.limits.diffLines = 20_000;
});

test('a pull request follows its branches', async () => {
  const state = async (number: number) => {
    const { json } = await ask(github, `GET ${REPO}/pulls/${number}`, { token });
    return [json['state'], json['merged'], (json['head'] as { sha: string }).sha];
  };
  const moved = await newPull();
  const sha = await github.commit('octocat/hello', moved.head, { 'more.txt': 'more\n' });
  assert.deepEqual(await state(moved.number), ['open', false, sha]);
  await github.deleteBranch('octocat/hello', moved.head);
  assert.deepEqual(await state(moved.number), ['closed', false, sha]);
  const reopened = await ask(github, `PATCH ${REPO}/pulls/${moved.number}`, {
    token,
    body: { state: 'open' },
  });
  assert.match(String(messages(reopened)), /branch has been deleted/);

  const merged = await newPull({ 'merged.txt': 'merged\n' });
  const commit = await github.merge('octocat/hello', merged.number);
  const { json } = await ask(github, `GET ${REPO}/pulls/${merged.number}`, { token });
  assert.deepEqual([json['state'], json['merged'], json['merge_commit_sha']], ['closed', true, commit]);
  assert.equal(json['changed_files'], 1);

  const byHand = await newPull({ 'hand.txt': 'hand\n' });
  await github.moveBranch('octocat/hello', byHand.head, 'refs/heads/main');
  const onMain = await github.commit('octocat/hello', byHand.head, { 'hand.txt': 'hand\n' });
  await github.moveBranch('octocat/hello', 'main', onMain);
  assert.deepEqual(await state(byHand.number), ['closed', true, onMain]);

  const conflicting = await newPull({ 'a.txt': 'theirs\n' });
  await github.commit('octocat/hello', 'main', { 'a.txt': 'ours\n' });
  const look = () => ask(github, `GET ${REPO}/pulls/${conflicting.number}`, { token });
  assert.deepEqual((await look()).json['mergeable_state'], 'dirty');
});

test('reviews, comments and checks are as they were set, page by page', async () => {
  const { number, head } = await newPull();
  const { pull } = await github.pull('octocat/hello', number);
  const review = github.review('octocat/hello', number, 'ann', 'CHANGES_REQUESTED', 'Please change');
  github.commentOnLine('octocat/hello', number, 'ann', {
    body: 'Here',
    path: 'new.txt',
    line: 1,
    review: review.id,
  });
  for (let n = 1; n <= 5; n += 1) github.comment('octocat/hello', number, 'ann', `Comment ${n}`);
  github.addCheckRun('octocat/hello', pull.headSha, {
    name: 'build',
    conclusion: 'failure',
    summary: 'It broke',
  });
  github.addCheckRun('octocat/hello', pull.headSha, { name: 'build', status: 'in_progress' });
  github.addStatus('octocat/hello', pull.headSha, 'failure', 'legacy');

  const list = async <T>(path: string) =>
    (await ask(github, `GET ${REPO}${path}`, { token })).json as unknown as T[];
  const [shown] = await list<{ state: string; commit_id: string }>(`/pulls/${number}/reviews`);
  assert.deepEqual([shown?.state, shown?.commit_id], ['CHANGES_REQUESTED', pull.headSha]);
  const [line] = await list<{ path: string; line: number; pull_request_review_id: number }>(
    `/pulls/${number}/comments`,
  );
  assert.deepEqual([line?.path, line?.line, line?.pull_request_review_id], ['new.txt', 1, review.id]);

  const runs = await ask(github, `GET ${REPO}/commits/${pull.headSha}/check-runs`, { token });
  const [run, ...others] = runs.json['check_runs'] as { status: string; conclusion: string | null }[];
  assert.deepEqual([run?.status, run?.conclusion, others.length], ['in_progress', null, 0]);
  const all = await ask(github, `GET ${REPO}/commits/${head}/check-runs?filter=all`, { token });
  assert.equal(all.json['total_count'], 2);
  const combined = await ask(github, `GET ${REPO}/commits/${pull.headSha}/status`, { token });
  assert.equal(combined.json['state'], 'failure');

  const seen: string[] = [];
  let next: string | undefined = `${github.apiUrl}${REPO}/issues/${number}/comments?per_page=2`;
  while (next !== undefined) {
    const one: Awaited<ReturnType<typeof ask>> = await ask(github, `GET ${next}`, { token });
    seen.push(...(one.json as unknown as { body: string }[]).map(({ body }) => body));
    next = /<([^>]+)>; rel="next"/.exec(one.headers.get('link') ?? '')?.[1];
  }
  assert.deepEqual(
    seen,
    [1, 2, 3, 4, 5].map((n) => `Comment ${n}`),
  );

  const said = await ask(github, `POST ${REPO}/issues/${number}/comments`, {
    token,
    body: { body: 'Hello' },
  });
  assert.equal(said.status, 201);
  const id = String(said.json['id']);
  const edited = await ask(github, `PATCH ${REPO}/issues/comments/${id}`, { token, body: { body: 'Bye' } });
  assert.equal(edited.json['body'], 'Bye');
});

test('what did not change is not sent again, and costs nothing', async () => {
  const first = await ask(github, `GET ${REPO}`, { token });
  const again = await ask(github, `GET ${REPO}`, {
    token,
    headers: { 'if-none-match': first.headers.get('etag')! },
  });
  assert.deepEqual([again.status, again.text], [304, '']);
  assert.equal(again.headers.get('x-ratelimit-remaining'), first.headers.get('x-ratelimit-remaining'));
});

test('a renamed repository answers where it is now, an archived one takes nothing', async () => {
  await github.addRepo('octocat/before', { files: { x: 'x' } });
  await github.commit('octocat/before', 'x', { y: 'y' });
  github.rename('octocat/before', 'octo-org/after');
  const mine = github.addToken('octo-org').value;
  const moved = await ask(github, 'GET /repos/octocat/before/branches/x', { token: mine });
  assert.equal(moved.status, 301);
  const there = await ask(github, `GET ${moved.headers.get('location')}`, { token: mine });
  assert.equal(there.json['name'], 'x');
  const body = { title: 'T', head: 'x', base: 'main' };
  const posted = await ask(github, 'POST /repos/octocat/before/pulls', { token: mine, body });
  assert.equal(posted.status, 307);
  const made = await ask(github, `POST ${posted.headers.get('location')}`, { token: mine, body });
  assert.equal(made.status, 201);

  github.archive('octo-org/after');
  const refused = await ask(github, 'POST /repos/octo-org/after/pulls', { token: mine, body });
  assert.deepEqual(
    [refused.status, refused.json['message']],
    [403, 'Repository was archived so is read-only.'],
  );
});

test('who may do what is asked with the right to push', async () => {
  github.allow('octocat/hello', 'wanda', 'maintain');
  const of = async (login: string, as = token) =>
    (await ask(github, `GET ${REPO}/collaborators/${login}/permission`, { token: as })).json;
  assert.deepEqual(
    await Promise.all(['octocat', 'wanda', 'ann'].map(async (login) => (await of(login))['permission'])),
    ['admin', 'write', 'none'],
  );
  github.allow('octocat/hello', 'rea', 'read');
  const reader = github.addToken('rea').value;
  assert.match(String((await of('ann', reader))['message']), /Must have push access/);
  assert.match(String((await of('nobody-at-all'))['message']), /is not a user/);
});
