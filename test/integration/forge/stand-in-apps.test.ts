/** The stand-in's apps, whose signatures count, and its webhooks, which are GitHub's. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { startGitHub, type App, type StandIn } from '../../support/github/index.ts';
import { ask } from './ask.ts';

let github: StandIn;
let app: App;
const NAME = 'octocat/hello';

before(async () => {
  github = await startGitHub();
  await github.addRepo(NAME, { private: true });
  await github.addRepo('octocat/other', { private: true });
  app = github.addApp({ name: 'My App', permissions: { checks: 'read' } });
});
after(async () => {
  await github.close();
  github.assertNoProblems();
});

test('an app speaks for itself with its signature, and with no other', async () => {
  const now = Math.floor(Date.now() / 1000);
  const told = async (token: string) => {
    const { status, json } = await ask(github, 'GET /app', { token });
    return status === 200 ? json['slug'] : `${status} ${String(json['message'])}`;
  };
  assert.equal(await told(github.assertion(app)), 'my-app');
  assert.equal(await told(github.assertion(app, { iss: app.clientId })), 'my-app');
  const other = github.addApp({ name: 'Other' });
  assert.match(String(await told(github.assertion(app, {}, other.privateKey))), /401 .*could not be decoded/);
  assert.match(String(await told(github.assertion(app, { exp: now + 900 }))), /401 .*too far in the future/);
  assert.match(String(await told(github.assertion(app, { exp: now - 1 }))), /401 .*'exp'/);
  assert.match(String(await told(github.assertion(app, { iat: now + 300 }))), /401 .*'iat'/);
  assert.match(String(await told(github.assertion(app, { iss: '0' }))), /404 Integration not found/);
  const installed = await ask(github, `GET /repos/${NAME}/installation`, { token: github.assertion(app) });
  assert.equal(installed.status, 404);
});

test('an installation gives tokens for what it has, and no more', async () => {
  const installation = github.install(app, 'octocat', { repos: [NAME] });
  const token = github.assertion(app);
  const found = await ask(github, `GET /repos/${NAME}/installation`, { token });
  assert.equal(found.json['id'], installation.id);
  const mint = (body?: unknown) =>
    ask(github, `POST /app/installations/${installation.id}/access_tokens`, { token, body });

  const made = await mint({ repositories: ['hello'], permissions: { contents: 'read' } });
  assert.equal(made.status, 201);
  assert.ok(Date.parse(String(made.json['expires_at'])) - Date.now() > 3_500_000);
  const reading = String(made.json['token']);
  assert.equal((await ask(github, `GET /repos/${NAME}`, { token: reading })).status, 200);
  assert.equal((await ask(github, `GET /repos/${NAME}/pulls`, { token: reading })).status, 403);
  assert.equal((await ask(github, 'GET /repos/octocat/other', { token: reading })).status, 404);
  assert.equal((await ask(github, 'GET /user', { token: reading })).status, 403);

  assert.match(String((await mint({ repositories: ['other'] })).json['message']), /at least one repository/);
  assert.match(String((await mint({ permissions: { workflows: 'write' } })).json['message']), /not granted/);
  installation.suspended = true;
  assert.equal((await mint()).status, 403);
  assert.equal((await ask(github, `GET /repos/${NAME}`, { token: reading })).status, 403);
  installation.suspended = false;
});

test('what an app says is by its robot', async () => {
  const issue = github.addIssue(NAME, { title: 'An issue', by: 'ann' });
  const installation = github.install(app, 'octocat', { permissions: { issues: 'write' } });
  const path = `POST /app/installations/${installation.id}/access_tokens`;
  const { json } = await ask(github, path, { token: github.assertion(app) });
  const said = await ask(github, `POST /repos/${NAME}/issues/${issue.number}/comments`, {
    token: String(json['token']),
    body: { body: 'Hello' },
  });
  const { login, type } = said.json['user'] as { login: string; type: string };
  assert.deepEqual([login, type], ['my-app[bot]', 'Bot']);
});

test('a browser makes an app of a manifest, and its code is good once', async () => {
  const manifest = {
    name: 'Made here',
    url: 'https://example.com',
    redirect_url: 'http://127.0.0.1:1/done',
    default_permissions: { contents: 'write' },
    public: false,
  };
  const post = (path: string, fields: Record<string, string>) =>
    fetch(`${github.url}${path}`, { method: 'POST', body: new URLSearchParams(fields), redirect: 'manual' });
  const page = await post('/settings/apps/new?state=abc', { manifest: JSON.stringify(manifest) });
  const html = await page.text();
  assert.match(html, /<button type="submit">Create GitHub App for octocat<\/button>/);
  const fields = [...html.matchAll(/name="(\w+)" value="([^"]*)"/g)].map(([, name = '', value = '']) => [
    name,
    value.replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code))),
  ]);
  const made = await post('/settings/apps/manifest', Object.fromEntries(fields) as Record<string, string>);
  const back = new URL(made.headers.get('location') ?? '');
  assert.equal(back.searchParams.get('state'), 'abc');

  const convert = () => ask(github, `POST /app-manifests/${back.searchParams.get('code')}/conversions`);
  const { status, json } = await convert();
  assert.deepEqual([status, json['name']], [201, 'Made here']);
  assert.match(String(json['pem']), /^-----BEGIN RSA PRIVATE KEY-----/);
  assert.equal((await convert()).status, 404);

  const wrong = await post('/settings/apps/new', { manifest: JSON.stringify({ ...manifest, hooks: {} }) });
  assert.equal(wrong.status, 422);
  assert.match((github.problems as string[]).splice(0).join(), /hooks is no part of it/);
});

test('every webhook is one of GitHub, signed with its secret', async () => {
  const received: { headers: IncomingHttpHeaders; body: Buffer }[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      received.push({ headers: request.headers, body: Buffer.concat(chunks) });
      response.writeHead(202).end('taken');
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const to = { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, secret: 'secret' };

  const token = github.addToken('octocat').value;
  const sha = await github.commit(NAME, 'hooked', { h: 'h' });
  const body = { title: 'T', head: 'hooked', base: 'main' };
  const { json } = await ask(github, `POST /repos/${NAME}/pulls`, { token, body });
  const number = json['number'] as number;
  const comment = github.comment(NAME, number, 'ann', '@codex do it');
  const review = github.review(NAME, number, 'ann', 'APPROVED');
  const line = github.commentOnLine(NAME, number, 'ann', { body: 'Here', path: 'h', line: 1 });
  const run = github.addCheckRun(NAME, sha, { name: 'build', conclusion: 'failure' });
  const { events } = github;
  const payloads: [string, Record<string, unknown>][] = [
    ['ping', events.ping(NAME)],
    ['push', await events.push(NAME, 'hooked', null, sha, 'octocat')],
    ['pull_request', await events.pullRequest('opened', NAME, number)],
    ['pull_request', await events.pullRequest('synchronize', NAME, number)],
    ['pull_request', await events.pullRequest('edited', NAME, number)],
    ['pull_request', await events.pullRequest('closed', NAME, number)],
    ['issue_comment', events.issueComment('created', NAME, number, comment.id)],
    ['pull_request_review', events.pullRequestReview('submitted', NAME, number, review.id)],
    ['pull_request_review_comment', events.pullRequestReviewComment('created', NAME, number, line.id)],
    ['check_run', events.checkRun('completed', NAME, run.id, app)],
  ];
  for (const [event, payload] of payloads) {
    const { id, status } = await github.deliver(event, payload, { to });
    assert.equal(status, 202);
    const last = received.at(-1)!;
    assert.deepEqual(JSON.parse(last.body.toString('utf8')), payload);
    const signature = `sha256=${createHmac('sha256', 'secret').update(last.body).digest('hex')}`;
    assert.deepEqual(
      ['x-github-event', 'x-github-delivery', 'x-hub-signature-256'].map((name) => last.headers[name]),
      [event, id, signature],
    );
    github.assertNoProblems();
  }

  const [, ping] = payloads[0]!;
  await github.deliver('ping', ping, { to, id: 'same', signature: null });
  assert.equal(received.at(-1)?.headers['x-hub-signature-256'], undefined);
  for (const [event, payload] of payloads.slice(1)) {
    const without = { ...payload, repository: undefined };
    await github.deliver(event, without, { to });
    assert.match((github.problems as string[]).splice(0).join(), /none of GitHub's.*repository/, event);
  }
  await github.deliver('pull_request', { action: 'exploded' }, { to });
  assert.match((github.problems as string[]).splice(0).join(), /no webhook pull_request\.exploded/);
  server.close();
  server.closeAllConnections();
});
