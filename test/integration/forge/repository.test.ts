/** A repository at GitHub, asked and changed with a person's token. The stand-in holds both sides to GitHub's API. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startGitHub, type StandIn } from '../../support/github/index.ts';
import { failsWith, forgeAt, REPO } from './world.ts';

let github: StandIn;
let token = '';
let forge: ReturnType<typeof forgeAt>;
before(async () => {
  github = await startGitHub();
  await github.addRepo(REPO, {
    private: true,
    files: { 'a.txt': 'a\n' },
    roles: { rita: 'write', bob: 'read' },
  });
  await github.commit(REPO, 'feature/ä', { 'a.txt': 'b\n' });
  token = github.addToken('octo').value;
  forge = forgeAt(github, { how: 'token', token });
});
after(async () => {
  github.assertNoProblems();
  await github.close();
});

const REVIEWS = 'GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews';

test('it says who the token is, what the repository is, and where git goes', async () => {
  const who = await forge.whoAmI();
  assert.equal(who.account, 'octo');
  // Whoever shows no address is known by a number.
  assert.match(who.email ?? '', /^\d+\+octo@users\.noreply\.127\.0\.0\.1$/);
  const repo = forge.repo(REPO);
  assert.deepEqual(await repo.about(), {
    name: REPO,
    defaultBranch: 'main',
    private: true,
    archived: false,
    mayPush: true,
    cloneUrl: github.gitUrl(REPO),
  });
  assert.equal(repo.gitUrl, github.gitUrl(REPO));
  assert.deepEqual(await repo.credential('write'), { username: 'x-access-token', password: token });
});

test('a pull request is made, found, changed and read', async () => {
  const repo = forge.repo(REPO);
  assert.equal(await repo.findPull('feature/ä'), null);
  const made = await repo.createPull({
    title: 'Ünicode',
    body: 'Why',
    head: 'feature/ä',
    base: 'main',
    draft: true,
  });
  assert.deepEqual(
    [
      made.number,
      made.title,
      made.body,
      made.draft,
      made.state,
      made.author,
      made.head.branch,
      made.head.repo,
    ],
    [1, 'Ünicode', 'Why', true, 'open', 'octo', 'feature/ä', REPO],
  );
  assert.deepEqual(await repo.findPull('feature/ä', 'main'), made);
  assert.equal(await repo.findPull('feature/ä', 'other'), null);
  const changed = await repo.changePull(1, { title: 'Better', state: 'closed' });
  assert.deepEqual([changed.title, changed.body, changed.state], ['Better', 'Why', 'closed']);
  assert.equal((await repo.findPull('feature/ä'))?.state, 'closed');
  await repo.changePull(1, { state: 'open' });
  assert.equal((await repo.pull(1)).url, `${github.url}/${REPO}/pull/1`);
  await failsWith(
    repo.createPull({ title: 'Again', body: '', head: 'feature/ä', base: 'main', draft: false }),
    'forgeRefused',
    /refused: “Validation Failed: A pull request already exists/,
    token,
  );
});

test('a fork’s branch of the same name is not taken for ours', async () => {
  await github.addRepo('octo/other', { files: { 'x.txt': 'x\n' } });
  const repo = forge.repo('octo/other');
  await github.commit('octo/other', 'topic', { 'x.txt': 'y\n' });
  const ours = await repo.createPull({ title: 'One', body: '', head: 'topic', base: 'main', draft: false });
  assert.equal((await repo.findPull('topic'))?.number, ours.number);
});

test('its diff comes as bytes, and one that is too large is said to be', async () => {
  const repo = forge.repo(REPO);
  assert.match((await repo.pullDiff(1, 100_000)).toString(), /^diff --git a\/a.txt b\/a.txt[^]*-a\n\+b/);
  await failsWith(
    repo.pullDiff(1, 20),
    'forgeLinkTooLarge',
    /octo\/app\/pull\/1\.diff leads to is larger than/,
  );
});

test('what others said comes in order, with its place; the newest word of a reviewer counts', async () => {
  const repo = forge.repo(REPO);
  assert.equal(await repo.verdict(1), null);
  github.review(REPO, 1, 'rita', 'APPROVED', 'Looks good');
  github.comment(REPO, 1, 'bob', 'And me?');
  github.commentOnLine(REPO, 1, 'rita', { body: 'Not here', path: 'a.txt', line: 1 });
  github.review(REPO, 1, 'rita', 'CHANGES_REQUESTED');
  const comments = await repo.comments(1);
  assert.deepEqual(comments.map(({ author, body, path, line }) => [author, body, path, line]).toSorted(), [
    ['bob', 'And me?', undefined, undefined],
    ['rita', 'Looks good', undefined, undefined],
    ['rita', 'Not here', 'a.txt', 1],
  ]);
  assert.equal(new Set(comments.map(({ id }) => id)).size, 3);
  assert.equal(await repo.verdict(1), 'changesRequested');
  github.review(REPO, 1, 'rita', 'APPROVED');
  const asked = github.asked(REVIEWS);
  const [said, verdict] = await Promise.all([repo.comments(1), repo.verdict(1)]);
  assert.deepEqual([said.length, verdict], [3, 'approved']);
  assert.equal(github.asked(REVIEWS), asked + 1, 'both are read off one answer');
  github.review(REPO, 1, 'rita', 'CHANGES_REQUESTED');
  assert.equal(await repo.verdict(1), 'changesRequested', 'which is not kept');
});

test('checks are runs and statuses together', async () => {
  const repo = forge.repo(REPO);
  const { sha } = (await repo.pull(1)).head;
  github.addCheckRun(REPO, sha, { name: 'unit', conclusion: 'failure', title: '2 failed', summary: 'a, b' });
  github.addCheckRun(REPO, sha, { name: 'lint', conclusion: 'skipped' });
  github.addCheckRun(REPO, sha, { name: 'e2e', status: 'in_progress' });
  github.addStatus(REPO, sha, 'pending', 'deploy', 'waits');
  const checks = await repo.checks(sha);
  assert.deepEqual(checks.map(({ name, outcome, summary }) => [name, outcome, summary]).toSorted(), [
    ['deploy', 'running', 'waits'],
    ['e2e', 'running', undefined],
    ['lint', 'passed', undefined],
    ['unit', 'failed', '2 failed\n\na, b'],
  ]);
});

test('a token that may not see checks has none', async () => {
  const { value } = github.addToken('octo', {
    kind: 'fineGrained',
    permissions: { metadata: 'read', contents: 'write', pull_requests: 'write' },
  });
  const repo = forgeAt(github, { how: 'token', token: value }).repo(REPO);
  assert.deepEqual(await repo.checks((await repo.pull(1)).head.sha), []);
});

test('an issue comes with its newest comments, and how many did not fit', async () => {
  const repo = forge.repo(REPO);
  const { number } = github.addIssue(REPO, { title: 'Broken', body: 'It is', by: 'bob', labels: ['bug'] });
  for (const text of ['first', 'second', 'third']) github.comment(REPO, number, 'bob', text);
  const whole = await repo.issue(number, 10_000);
  assert.deepEqual(
    [whole.title, whole.body, whole.author, whole.labels, whole.isPullRequest, whole.commentsLeftOut],
    ['Broken', 'It is', 'bob', ['bug'], false, undefined],
  );
  assert.deepEqual(
    whole.comments.map(({ body }) => body),
    ['first', 'second', 'third'],
  );
  const cut = await repo.issue(number, 'BrokenIt issecondthird'.length);
  assert.deepEqual([cut.comments.map(({ body }) => body), cut.commentsLeftOut], [['second', 'third'], 1]);
  await failsWith(repo.issue(number, 5), 'forgeLinkTooLarge', /issues\/\d+ leads to is larger than/);
  assert.equal((await repo.issue(1, 10_000)).isPullRequest, true);
});

test('of very many comments the newest are read', async () => {
  const { number } = github.addIssue(REPO, { title: 'A flood', by: 'bob' });
  for (let nth = 1; nth <= 1_150; nth++) github.comment(REPO, number, 'bob', `Nr ${nth}`);
  const { comments, commentsLeftOut } = await forge.repo(REPO).issue(number, 1_000_000);
  assert.equal(comments.at(-1)?.body, 'Nr 1150');
  assert.equal(comments.length + (commentsLeftOut ?? 0), 1_150);
  assert.ok(comments.length >= 900);
});

test('a comment is written and changed, and who may write is asked', async () => {
  const repo = forge.repo(REPO);
  const { id, url } = await repo.comment(1, 'Working on it');
  assert.match(url, /pull\/1#issuecomment-\d+/);
  await repo.changeComment(id, 'Done');
  const said = (await repo.comments(1)).find((one) => one.id === id);
  assert.equal(said?.body, 'Done');
  for (const [login, permission] of [
    ['octo', 'admin'],
    ['rita', 'write'],
    ['bob', 'read'],
    ['stranger', 'none'],
    ['no such/name', 'none'],
  ] as const)
    assert.equal(await repo.permissionOf(login), permission, login);
});

test('what did not change is asked for with its ETag', async () => {
  const repo = forge.repo(REPO);
  await repo.pull(1);
  const asked = github.requests.length;
  const again = await repo.pull(1);
  assert.equal(again.number, 1);
  const [last] = github.requests.slice(asked);
  assert.deepEqual([last?.conditional, last?.status], [true, 304]);
  await repo.changePull(1, { title: 'Changed since' });
  assert.equal((await repo.pull(1)).title, 'Changed since');
});

test('a long list is read page by page', async () => {
  const { number } = github.addIssue(REPO, { title: 'Long', by: 'bob' });
  for (let at = 0; at < 230; at++) github.comment(REPO, number, 'bob', `comment ${at}`);
  const { comments } = await forge.repo(REPO).issue(number, 1_000_000);
  assert.equal(comments.length, 230);
  assert.equal(comments.at(-1)?.body, 'comment 229');
});

test('a repository that was renamed answers with its new name, and is still written to', async () => {
  await github.addRepo('octo/old', { private: true });
  await github.commit('octo/old', 'topic', { 'a.txt': 'x\n' });
  github.rename('octo/old', 'octo/new');
  const repo = forge.repo('octo/old');
  assert.equal((await repo.about()).name, 'octo/new');
  const pull = await repo.createPull({ title: 'T', body: '', head: 'topic', base: 'main', draft: false });
  assert.equal(pull.head.repo, 'octo/new');
});

test('what can be no repository is refused before anything is asked', async () => {
  const asked = github.requests.length;
  for (const name of ['octo', 'octo/../secrets', 'a/b/c', 'octo/a?b', '../app'])
    assert.throws(() => forge.repo(name), /forgeRepoUnknown/, name);
  assert.equal(github.requests.length, asked);
});
