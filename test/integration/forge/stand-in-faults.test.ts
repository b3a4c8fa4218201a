/** The stand-in misbehaves as it is told, and then no longer. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { commitAll, git, removeFolder, temporaryFolder, write } from '../../support/git.ts';
import {
  garbage,
  rateLimit,
  secondaryRateLimit,
  startGitHub,
  status,
  type StandIn,
} from '../../support/github/index.ts';
import { ask, gitWith, messages } from './ask.ts';

let github: StandIn;
let token: string;
let folder: string;
const PULLS = 'POST /repos/{owner}/{repo}/pulls';
const REPO = 'GET /repos/{owner}/{repo}';

before(async () => {
  folder = temporaryFolder();
  github = await startGitHub();
  await github.addRepo('octocat/hello', { private: true });
  token = github.addToken('octocat').value;
});
after(async () => {
  await github.close();
  github.assertNoProblems();
  removeFolder(folder);
});

const getRepo = () => ask(github, 'GET /repos/octocat/hello', { token });

test('a status comes once, with its headers, and the next request is answered', async () => {
  github.fault(REPO, secondaryRateLimit({ retryAfterS: 7 }));
  const limited = await getRepo();
  assert.deepEqual([limited.status, limited.headers.get('retry-after')], [403, '7']);
  assert.match(String(limited.json['message']), /secondary rate limit/);
  assert.equal((await getRepo()).status, 200);

  github.fault('api', rateLimit({ status: 429, resetInS: 5 }));
  const used = await getRepo();
  assert.deepEqual([used.status, used.headers.get('x-ratelimit-remaining')], [429, '0']);
  github.fault(REPO, secondaryRateLimit({ status: 429, retryAfterS: null }));
  assert.equal((await getRepo()).headers.get('retry-after'), null);
});

test('a fault lasts as often as it is told, or until it is turned off', async () => {
  github.fault(REPO, status(503), { times: 2, skip: 1 });
  const seen = [];
  for (let n = 0; n < 4; n += 1) seen.push((await getRepo()).status);
  assert.deepEqual(seen, [200, 503, 503, 200]);
  const armed = github.fault(/^GET /, status(500), { times: Infinity });
  for (let n = 0; n < 3; n += 1) assert.equal((await getRepo()).status, 500);
  assert.equal(armed.hits, 3);
  armed.off();
  assert.equal((await getRepo()).status, 200);
});

test('an answer is garbage, or cut, or never comes', async () => {
  github.fault(REPO, garbage());
  const page = await getRepo();
  assert.deepEqual([page.status, page.headers.get('content-type')], [200, 'text/html; charset=utf-8']);
  for (const afterBytes of [0, 100]) {
    github.fault(REPO, { kind: 'cutAnswer', afterBytes });
    await assert.rejects(getRepo());
  }
  github.fault(REPO, { kind: 'silence' });
  const giveUp = new AbortController();
  const waiting = fetch(`${github.apiUrl}/repos/octocat/hello`, { signal: giveUp.signal });
  await github.arrival(REPO);
  giveUp.abort();
  await assert.rejects(waiting, { name: 'AbortError' });
  assert.equal((await getRepo()).status, 200);
});

test('a pull request whose answer was lost is there', async () => {
  await github.commit('octocat/hello', 'lost', { lost: 'lost' });
  github.fault(PULLS, { kind: 'cutAnswer', afterBytes: 0 });
  const body = { title: 'T', head: 'lost', base: 'main' };
  const create = () => ask(github, 'POST /repos/octocat/hello/pulls', { token, body });
  await assert.rejects(create());
  assert.deepEqual(messages(await create()), ['A pull request already exists for octocat:lost.']);
  github.fault(PULLS, { kind: 'answer', status: 502, worked: true });
  await github.commit('octocat/hello', 'lost-too', { lost: 'too' });
  body.head = 'lost-too';
  assert.equal((await create()).status, 502);
  assert.equal(github.pulls('octocat/hello').length, 2);
});

test('what is cut on its way in was never asked', async () => {
  await github.commit('octocat/hello', 'cut', { cut: 'cut' });
  const before = github.pulls('octocat/hello').length;
  github.fault(PULLS, { kind: 'cutRequest', afterBytes: 10 });
  const body = { title: 'T', head: 'cut', base: 'main' };
  await assert.rejects(ask(github, 'POST /repos/octocat/hello/pulls', { token, body }));
  assert.equal(github.pulls('octocat/hello').length, before);
});

test('a branch moves, or is gone, between two requests', async () => {
  await github.commit('octocat/hello', 'fleeting', { f: 'f' });
  github.before(PULLS, () => github.deleteBranch('octocat/hello', 'fleeting'));
  const body = { title: 'T', head: 'fleeting', base: 'main' };
  const refused = await ask(github, 'POST /repos/octocat/hello/pulls', { token, body });
  assert.deepEqual(messages(refused), ['head']);
});

test('a push that is cut, in or out, leaves all or nothing', async () => {
  const dir = join(folder, 'clone');
  const url = github.gitUrl('octocat/hello');
  assert.equal((await gitWith(token, folder, 'clone', '--quiet', url, dir)).code, 0);
  const bytes = Buffer.from(Array.from({ length: 400_000 }, (_, n) => (n * n * 31 + (n >> 3)) % 256));
  write(dir, 'big.bin', bytes);
  const head = commitAll(dir);
  const there = () =>
    git(github.gitDir('octocat/hello'), ['for-each-ref', '--format=%(objectname)', 'refs/heads/cut-push']);
  const push = () => gitWith(token, dir, 'push', 'origin', 'HEAD:refs/heads/cut-push');

  const cutIn = github.fault(
    'git receive-pack',
    { kind: 'cutRequest', afterBytes: 1_000 },
    { times: Infinity },
  );
  assert.notEqual((await push()).code, 0);
  cutIn.off();
  assert.equal(there(), '');
  github.fault('git receive-pack', { kind: 'cutAnswer', afterBytes: 10 });
  assert.notEqual((await push()).code, 0);
  assert.equal(there(), head);
  const again = await push();
  assert.equal(again.code, 0, again.stderr);
  assert.match(again.stderr, /Everything up-to-date/);

  github.fault('git upload-pack', { kind: 'cutAnswer', afterBytes: 500 });
  github.fault('git refs upload-pack', { kind: 'delay', ms: 1 });
  const cut = await gitWith(token, folder, 'clone', '--quiet', url, join(folder, 'cut'));
  assert.notEqual(cut.code, 0);
  github.fault('git', status(503));
  assert.match((await gitWith(token, folder, 'ls-remote', url)).stderr, /503/);
});

test('every request is written down, without what opens it', async () => {
  const from = github.requests.length;
  await ask(github, 'GET /repos/octocat/hello/pulls?state=all', { token });
  const [{ at, tookMs, ...entry } = { at: 0, tookMs: 0 }] = github.requests.slice(from);
  assert.ok(at > 0 && tookMs > 0);
  assert.deepEqual(entry, {
    method: 'GET',
    route: 'GET /repos/{owner}/{repo}/pulls',
    path: '/api/v3/repos/octocat/hello/pulls',
    query: 'state=all',
    status: 200,
    conditional: false,
  });
  assert.equal(github.asked('GET /repos/{owner}/{repo}/pulls'), 1);
  assert.ok(!JSON.stringify(github.requests).includes(token));
});

test('an hour has so many requests', async () => {
  github.limits.requestsPerHour = 2;
  const few = github.addToken('octocat').value;
  const statuses = [];
  for (let n = 0; n < 3; n += 1) statuses.push((await ask(github, 'GET /user', { token: few })).status);
  assert.deepEqual(statuses, [200, 200, 403]);
  github.limits.requestsPerHour = 5_000;
});
