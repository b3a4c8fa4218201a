/** GitHub as an app: tokens per repository and purpose, made anew when they end, never more than is needed. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startGitHub, type App, type StandIn } from '../../support/github/index.ts';
import { GitHubApi } from '../../../server/forge/github/api.ts';
import { AppTokens, readAppKey } from '../../../server/forge/github/app.ts';
import { NewCommentAnswer } from '../../../server/forge/github/schemas.ts';
import { failsWith, forgeAt, REPO } from './world.ts';

const MINT = 'POST /app/installations/{installation_id}/access_tokens';

let github: StandIn;
let app: App;
const open = () => forgeAt(github, { how: 'app', id: String(app.id), key: app.privateKey });
before(async () => {
  github = await startGitHub();
  await github.addRepo(REPO, { private: true });
  await github.addRepo('octo/second', { private: true });
  app = github.addApp({ permissions: { issues: 'read', checks: 'read' } });
  github.install(app, 'octo', { repos: [REPO, 'octo/second'] });
});
after(async () => {
  github.assertNoProblems();
  await github.close();
});

const secretsOf = (forge: ReturnType<typeof forgeAt>) =>
  forge.secrets().filter((one) => one !== app.privateKey);

test('the app says who it is and where it is given repositories', async () => {
  const { account, login, installUrl } = await open().whoAmI();
  assert.equal(account, app.name);
  assert.equal(login, app.bot.login);
  assert.match(installUrl ?? '', /\/installations\/new$/);
});

test('however many ask at once, one token is made for a repository and purpose', async () => {
  const forge = open();
  const before = github.asked(MINT);
  const repo = forge.repo(REPO);
  await Promise.all([repo.about(), repo.about(), repo.permissionOf('octo'), repo.findPull('none')]);
  assert.equal(github.asked(MINT) - before, 1);
  const [first, same] = await Promise.all([repo.credential('write'), repo.credential('write')]);
  assert.equal(first.password, same.password);
  assert.equal(github.asked(MINT) - before, 2);
  await forge.repo('octo/second').about();
  assert.equal(github.asked(MINT) - before, 3);
  assert.equal((await repo.about()).mayPush, true);
  assert.equal(secretsOf(forge).length, 3);
});

test('a token has no more than its purpose needs', async () => {
  const forge = open();
  await forge.repo(REPO).about();
  const [token = ''] = secretsOf(forge);
  const mine = forgeAt(github, { how: 'token', token });
  const pull = { title: 'T', body: '', head: 'topic', base: 'main', draft: false };
  await github.commit(REPO, 'topic', { 'a.txt': 'x\n' });
  await failsWith(mine.repo(REPO).createPull(pull), 'forgeForbidden', /pull requests: write/, token);
  await failsWith(mine.repo('octo/second').about(), 'forgeRepoUnknown', /octo\/second/, token);
});

test('an expired token is made anew once, also when many find out at once', async () => {
  const forge = open();
  const repo = forge.repo(REPO);
  await repo.about();
  const [old] = secretsOf(forge);
  github.expireTokens();
  const before = github.asked(MINT);
  await Promise.all([repo.about(), repo.findPull('topic'), repo.permissionOf('octo')]);
  assert.equal(github.asked(MINT) - before, 1);
  assert.ok(old !== undefined && forge.secrets().includes(old), 'it is still kept out of the log');
});

test('a credential that git was refused is made anew', async () => {
  const repo = open().repo(REPO);
  const { password } = await repo.credential('write');
  assert.equal((await repo.credential('write')).password, password);
  const [one, other] = await Promise.all([
    repo.credential('write', password),
    repo.credential('write', password),
  ]);
  assert.notEqual(one.password, password);
  assert.equal(one.password, other.password);
  assert.equal((await repo.credential('write', password)).password, one.password);
});

test('refused again and again, it is told and not tried for ever', async () => {
  const repo = open().repo(REPO);
  const route = 'GET /repos/{owner}/{repo}';
  const refusing = github.fault(
    route,
    { kind: 'answer', status: 401, body: { message: 'Bad credentials' } },
    { times: 9 },
  );
  await failsWith(repo.about(), 'forgeUnauthorized', /does not accept the token/, app.privateKey);
  assert.equal(refusing.hits, 2);
  refusing.off();
});

test('where it is not installed, or has too little, that is said', async () => {
  await github.addRepo('octo/third', { private: true });
  const forge = open();
  await failsWith(forge.repo('octo/third').about(), 'forgeRepoUnknown', /octo\/third/, app.privateKey);
  const meek = github.addApp({ name: 'Meek', permissions: { contents: 'read', pull_requests: 'read' } });
  github.install(meek, 'octo');
  const weak = forgeAt(github, { how: 'app', id: String(meek.id), key: meek.privateKey });
  assert.equal((await weak.repo('octo/third').about()).mayPush, false);
  await failsWith(
    weak.repo('octo/third').credential('write'),
    'forgeForbidden',
    /octo\/third: it needs contents: write, pull requests: write/,
    meek.privateKey,
  );
});

test('an app that lacks a permission is told which, and where its owner gives it', async () => {
  const issue = github.addIssue(REPO, { title: 'Broken', by: 'octo' });
  const settings = `${github.url}/settings/apps/${app.slug}/permissions`.replaceAll('.', '\\.');
  await failsWith(
    open().repo(REPO).comment(issue.number, 'Working on it'),
    'forgeForbidden',
    new RegExp(
      `does not let the app do this in ${REPO}#\\d+: it needs issues: write\\. Give it that at ${settings},`,
    ),
    app.privateKey,
  );
});

test('a clock that goes wrong, ours or theirs, keeps no app out', async () => {
  const { host, url: webUrl, apiUrl } = github;
  const key = readAppKey(app.privateKey, host);
  for (const wrongMs of [-30 * 60_000, 30 * 60_000]) {
    const api = new GitHubApi({ host, apiUrl, loopback: true, hide: (text) => text });
    const now = () => Date.now() + wrongMs;
    const tokens = new AppTokens({ host, webUrl, api, appId: String(app.id), key, now });
    assert.equal((await tokens.about()).name, app.name);
    const before = github.asked(MINT);
    const { token } = await tokens.token(REPO, 'write');
    assert.equal((await tokens.token(REPO, 'write')).token, token);
    assert.equal(github.asked(MINT) - before, 1);
  }
});

test('an app that is suspended, or taken from a repository, is said to be so, whatever token it had', async () => {
  await github.addRepo('eve/tool', { private: true });
  const issue = github.addIssue('eve/tool', { title: 'Broken', by: 'eve' });
  const shut = github.addApp({ name: 'Shut', permissions: { issues: 'write' } });
  const installed = github.install(shut, 'eve');
  const repo = forgeAt(github, { how: 'app', id: String(shut.id), key: shut.privateKey }).repo('eve/tool');
  await repo.comment(issue.number, 'I am here');
  installed.suspended = true;
  const sentence = /does not let the app into eve\/tool#\d+: it has to be installed there, and not suspended/;
  await failsWith(repo.comment(issue.number, 'Still'), 'forgeForbidden', sentence, shut.privateKey);
  installed.suspended = false;
  await repo.comment(issue.number, 'Again');
});

test('who was told to give an app more, and did, can go on soon', async () => {
  await github.addRepo('ada/tool', { private: true });
  const issue = github.addIssue('ada/tool', { title: 'Broken', by: 'ada' });
  const growing = github.addApp({
    name: 'Growing',
    permissions: { contents: 'read', pull_requests: 'read' },
  });
  const installed = github.install(growing, 'ada');
  let now = Date.now();
  const { host, url: webUrl, apiUrl } = github;
  const api = new GitHubApi({ host, apiUrl, loopback: true, hide: (text) => text });
  const key = readAppKey(growing.privateKey, host);
  const tokens = new AppTokens({ host, webUrl, api, appId: String(growing.id), key, now: () => now });
  assert.equal(await tokens.mayPush('ada/tool'), false);
  installed.permissions = { ...installed.permissions, contents: 'write', pull_requests: 'write' };
  assert.equal(await tokens.mayPush('ada/tool'), true, 'it is looked at again');

  const write = tokens.auth('ada/tool', 'write');
  const comment = () =>
    api.json(NewCommentAnswer, {
      ...{ method: 'POST', path: `repos/ada/tool/issues/${issue.number}/comments`, auth: write },
      body: { body: 'Working on it' },
    });
  await failsWith(comment(), 'forgeForbidden', /does not let the app do this/, growing.privateKey);
  installed.permissions = { ...installed.permissions, issues: 'write' };
  now += 61_000;
  assert.match((await comment()).html_url, /ada\/tool/);
});

test('a repository that was renamed still gets its token', async () => {
  await github.addRepo('octo/before', { private: true });
  github.install(app, 'octo');
  github.rename('octo/before', 'octo/after');
  const other = github.addApp({ name: 'Other' });
  github.install(other, 'octo', { repos: ['octo/after'] });
  const forge = forgeAt(github, { how: 'app', id: other.clientId, key: other.privateKey });
  assert.equal((await forge.repo('octo/before').about()).name, 'octo/after');
});

test('a key that is none is refused, and another app’s is not accepted', async () => {
  assert.throws(() => forgeAt(github, { how: 'app', id: '1', key: 'nonsense-key' }), /badRequest/);
  const other = github.addApp({ name: 'Wrong' });
  const wrong = forgeAt(github, { how: 'app', id: String(app.id), key: other.privateKey });
  await failsWith(wrong.whoAmI(), 'forgeUnauthorized', /does not accept the token/, other.privateKey);
});
