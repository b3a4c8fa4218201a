/** What goes wrong between us and GitHub: what is tried again, what is told, and that no token is in it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, beforeEach, test } from 'node:test';
import {
  garbage,
  rateLimit,
  secondaryRateLimit,
  startGitHub,
  status,
  type StandIn,
} from '../../support/github/index.ts';
import { failsWith, forgeAt, REPO } from './world.ts';

const PULL = 'GET /repos/{owner}/{repo}/pulls/{pull_number}';
const CREATE = 'POST /repos/{owner}/{repo}/pulls';
const NEW = { title: 'T', body: '', head: 'topic', base: 'main', draft: false };

let github: StandIn;
let token = '';
let forge: ReturnType<typeof forgeAt>;
before(async () => {
  github = await startGitHub();
  await github.addRepo(REPO, { private: true });
  await github.commit(REPO, 'topic', { 'a.txt': 'b\n' });
  token = github.addToken('octo').value;
  await forgeAt(github, { how: 'token', token }).repo(REPO).createPull(NEW);
});
beforeEach(() => (forge = forgeAt(github, { how: 'token', token })));
after(() => github.close());

const pull = () => forge.repo(REPO).pull(1);
const asked = async (route: string, act: () => Promise<unknown>) => {
  const earlier = github.asked(route);
  await act();
  return github.asked(route) - earlier;
};

test('a server in trouble is asked again, then said to be away', async () => {
  github.fault(PULL, status(502), { times: 2 });
  assert.equal(await asked(PULL, pull), 3);
  assert.deepEqual(forge.pauses, [500, 2_000]);
  const down = github.fault(PULL, status(503), { times: 10 });
  await failsWith(pull(), 'forgeUnavailable', /can’t be reached \(HTTP 503\)\. Nothing is lost/, token);
  down.off();
});

test('a connection that breaks is tried again for reading alone', async () => {
  github.fault(PULL, { kind: 'cutAnswer', afterBytes: 10 });
  assert.equal(await asked(PULL, pull), 2);
  github.fault(CREATE, { kind: 'cutAnswer', afterBytes: 0 });
  const times = await asked(CREATE, () =>
    failsWith(
      forge.repo(REPO).createPull({ ...NEW, base: 'topic' }),
      'forgeUnavailable',
      /can’t be reached/,
      token,
    ),
  );
  assert.equal(times, 1);
  github.fault(CREATE, status(500));
  assert.equal(
    await asked(CREATE, () =>
      failsWith(forge.repo(REPO).createPull(NEW), 'forgeUnavailable', /HTTP 500/, token),
    ),
    1,
  );
});

test('limits of requests are waited for when that is short, whoever is asked', async () => {
  github.fault(PULL, rateLimit({ resetInS: 2 }));
  github.fault(PULL, secondaryRateLimit({ status: 429, retryAfterS: 3 }), { skip: 1 });
  assert.equal(await asked(PULL, pull), 3);
  assert.equal(forge.pauses.length, 2);
  assert.ok((forge.pauses[0] ?? 0) <= 3_000 && forge.pauses[1] === 3_000);
  github.fault(CREATE, secondaryRateLimit({ retryAfterS: 1 }));
  await failsWith(forge.repo(REPO).createPull(NEW), 'forgeRefused', /already exists/, token);
});

test('a longer wait is told with its time', async () => {
  github.fault(PULL, rateLimit({ resetInS: 600 }));
  const limited = await failsWith(
    pull(),
    'forgeRateLimited',
    /takes no more requests for now\. Try again in/,
    token,
  );
  assert.ok(Number(limited.wire.params['waitMs']) > 590_000);
  for (const fault of [secondaryRateLimit({ retryAfterS: null }), status(429)]) {
    github.fault(PULL, fault);
    assert.equal((await failsWith(pull(), 'forgeRateLimited', /1 min/, token)).wire.params['waitMs'], 60_000);
  }
  const always = github.fault(PULL, secondaryRateLimit({ retryAfterS: 1 }), { times: 100 });
  await failsWith(pull(), 'forgeRateLimited', /Try again in/, token);
  assert.equal(always.hits, 4);
  always.off();
});

test('what the token may not do is said with what it needs', async () => {
  const { value } = github.addToken('octo', {
    kind: 'fineGrained',
    permissions: { metadata: 'read', contents: 'read', pull_requests: 'read' },
  });
  const repo = forgeAt(github, { how: 'token', token: value }).repo(REPO);
  await github.commit(REPO, 'other', { 'a.txt': 'c\n' });
  await failsWith(
    repo.createPull({ ...NEW, head: 'other' }),
    'forgeForbidden',
    /does not let the token do this in octo\/app: it needs pull requests: write/,
    value,
  );
  github.fault(
    PULL,
    status(403, 'Resource protected by organization SAML', { 'x-github-sso': 'required; url=https://x' }),
  );
  await failsWith(pull(), 'forgeForbidden', /single sign-on of the organization/, token);
});

test('what is not there, or not for this token, is said to be so', async () => {
  await failsWith(
    forge.repo('octo/nope').about(),
    'forgeRepoUnknown',
    /has no octo\/nope that the token may see/,
    token,
  );
  await failsWith(forge.repo(REPO).pull(99), 'forgeRepoUnknown', /has no octo\/app#99 /, token);
  const strangers = github.addToken('stranger').value;
  await failsWith(
    forgeAt(github, { how: 'token', token: strangers }).repo(REPO).about(),
    'forgeRepoUnknown',
    /octo\/app/,
    strangers,
  );
});

test('a conflict is told in GitHub’s words, on one line, cut, and without the token', async () => {
  const long = `No:\n ${token} and ${'x'.repeat(2_000)}\u202e`;
  github.fault(PULL, status(409, long));
  const refused = await failsWith(
    pull(),
    'forgeRefused',
    /refused: “No: … and x+…” – nothing is lost/,
    token,
  );
  assert.ok(String(refused.wire.params['reason']).length <= 300);
});

test('an expired token is said to be so', async () => {
  const { value } = github.addToken('octo', { expiresAt: 0 });
  const mine = forgeAt(github, { how: 'token', token: value });
  await failsWith(mine.whoAmI(), 'forgeUnauthorized', /does not accept the token any more/, value);
});

test('what is no answer of GitHub’s is garbage', async () => {
  for (const fault of [
    garbage(),
    { kind: 'answer', status: 200, body: { number: 'one' } },
    { kind: 'answer', status: 200, body: Buffer.from('{"number": 1') },
    { kind: 'answer', status: 304 },
  ] as const) {
    github.fault(PULL, fault);
    await failsWith(pull(), 'forgeGarbage', /answered with something that can’t be understood/, token);
  }
});

async function serverWith(
  listener: RequestListener,
): Promise<{ server: Server; host: string; apiUrl: string }> {
  const server = createServer(listener);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { server, host, apiUrl: `http://${host}/api/v3` };
}

test('the token goes to no other origin, and not round in circles', async (t) => {
  const seen: (string | undefined)[] = [];
  const thief = await serverWith((request, response) => {
    seen.push(request.headers.authorization);
    response.end('{}');
  });
  const away = await serverWith((request, response) => {
    const to = request.url?.endsWith('/user') ? `${thief.apiUrl}/user` : '/api/v3/repos/octo/app';
    response.writeHead(301, { location: to }).end();
  });
  t.after(() => {
    thief.server.close();
    away.server.close();
  });
  const led = forgeAt(away, { how: 'token', token });
  await failsWith(led.whoAmI(), 'forgeGarbage', /can’t be understood/, token);
  await failsWith(led.repo(REPO).about(), 'forgeGarbage', /can’t be understood/, token);
  assert.deepEqual(seen, []);
});

test('an answer without end is cut off, and a list’s next page is not looked for elsewhere', async (t) => {
  let open = 0;
  const endless = await serverWith((request, response) => {
    if (request.url?.includes('/reviews')) {
      response.writeHead(200, { link: '<http://127.0.0.1:1/next>; rel="next"' });
      response.end('[]');
      return;
    }
    open++;
    response.on('close', () => open--);
    const more = () => {
      while (!response.destroyed && response.write('x'.repeat(65_536)));
    };
    response.on('drain', more);
    more();
  });
  t.after(() => {
    endless.server.closeAllConnections();
    endless.server.close();
  });
  const fed = forgeAt(endless, { how: 'token', token });
  await failsWith(fed.whoAmI(), 'forgeGarbage', /can’t be understood/, token);
  await failsWith(fed.repo(REPO).pullDiff(1, 100_000), 'forgeLinkTooLarge', /larger than/, token);
  assert.equal(await fed.repo(REPO).verdict(1), null);
  assert.ok(open <= 1);
});

test('a list goes on where it was asked for, also when the server knows itself by another name', async (t) => {
  const said = (id: number) => ({
    ...{ id, body: 'x', user: { login: 'ada' }, html_url: 'https://git.example/x' },
    created_at: new Date(id).toISOString(),
  });
  const seen: string[] = [];
  const behind = await serverWith((request, response) => {
    seen.push(request.url ?? '');
    const page = Number(new URL(request.url ?? '', 'http://x').searchParams.get('page') ?? 1);
    const next = `<https://git.example/api/v3/repositories/1/issues/1/comments?per_page=100&page=${page + 1}>; rel="next"`;
    response.writeHead(200, page < 3 ? { link: next } : {});
    response.end(JSON.stringify([said(page)]));
  });
  t.after(() => void behind.server.close());
  const comments = await forgeAt(behind, { how: 'token', token }).repo(REPO).commentsBelow(1);
  assert.deepEqual(
    comments.map(({ id }) => id),
    ['comment-1', 'comment-2', 'comment-3'],
  );
  assert.ok(seen.every((url) => url.startsWith('/api/v3/repos/octo/app/issues/1/comments?')));
});

test('nobody there: also what writes is tried again, since it did not arrive', async () => {
  const gone = await serverWith(() => undefined);
  gone.server.close();
  await once(gone.server, 'close');
  const away = forgeAt(gone, { how: 'token', token });
  await failsWith(away.repo(REPO).createPull(NEW), 'forgeUnavailable', /\(ECONNREFUSED\)/, token);
  assert.deepEqual(away.pauses, [200, 1_000]);
});

test('what is under way when the backend stops is broken off', async (t) => {
  const silent = await serverWith(() => undefined);
  t.after(() => {
    silent.server.closeAllConnections();
    silent.server.close();
  });
  const stop = new AbortController();
  const waiting = forgeAt(silent, { how: 'token', token }, { signal: stop.signal }).whoAmI();
  await once(silent.server, 'request');
  stop.abort();
  await failsWith(waiting, 'forgeUnavailable', /can’t be reached/, token);
});
