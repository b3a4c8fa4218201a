/** The requests of a client with the person's own session, against a server that answers as it is told. */
import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { createPullRequest, pullRequestNow } from '../../../client/pull-request/github.ts';
import { CodexError } from '../../../protocol/errors.ts';

interface Answer {
  status?: number;
  headers?: Record<string, string>;
  body?: unknown;
}
interface Asked {
  method: string;
  url: string;
  token: string;
  body: unknown;
}

const WANTED = { title: 'Round once', body: 'Why', head: 'codex/round', base: 'main', draft: true };
const LIMITS_PAGE = 'https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api';
const TOKEN = 'ghp_secret_of_a_person';
const made = (host: string, number = 7) => ({
  number,
  html_url: `http://${host}/acme/shop/pull/${number}`,
  title: 'Round once',
  draft: true,
  base: { ref: 'main' },
  more: 'than is read',
});

async function serve(context: TestContext, answers: (host: string) => Answer[]) {
  const asked: Asked[] = [];
  let left: Answer[] = [];
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const sent = await text(request);
    asked.push({
      ...{ method: request.method ?? '', url: request.url ?? '' },
      token: request.headers.authorization ?? '',
      body: sent === '' ? null : JSON.parse(sent),
    });
    const { status = 200, headers = {}, body = {} } = left.shift() ?? { status: 500 };
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  };
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  context.after(() => server.close());
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  left = answers(host);
  return { asked, host, session: { host, repo: 'acme/shop', apiUrl: `http://${host}/api/v3`, token: TOKEN } };
}

async function failing(promise: Promise<unknown>): Promise<CodexError> {
  const thrown = await promise.then(
    () => assert.fail('it worked'),
    (error: unknown) => error,
  );
  assert.ok(thrown instanceof CodexError);
  assert.ok(!JSON.stringify(thrown.wire).includes(TOKEN) && !thrown.message.includes(TOKEN));
  return thrown;
}

test('a pull request is made with its title, text, branches and draft, and nothing else', async (context) => {
  const { asked, host, session } = await serve(context, (at) => [
    { body: [] },
    { status: 201, body: made(at) },
  ]);
  assert.deepEqual(await createPullRequest(session, WANTED), {
    ...{ repo: 'acme/shop', number: 7, url: `http://${host}/acme/shop/pull/7` },
    ...{ title: 'Round once', draft: true, base: 'main' },
  });
  assert.deepEqual(
    asked.map(({ method, url }) => `${method} ${url}`),
    [
      'GET /api/v3/repos/acme/shop/pulls?head=acme%3Acodex%2Fround&state=open',
      'POST /api/v3/repos/acme/shop/pulls',
    ],
  );
  assert.deepEqual(asked[1]?.body, WANTED);
  assert.ok(asked.every(({ token }) => token === `Bearer ${TOKEN}`));
});

test('an open one of the same branch is taken, so that none is made twice', async (context) => {
  const { asked, session } = await serve(context, (at) => [{ body: [made(at, 5)] }]);
  assert.equal((await createPullRequest(session, WANTED)).number, 5);
  assert.equal(asked.length, 1);
});

test('a server that does not know yet what was pushed is asked again', async (context) => {
  const errors = [{ resource: 'PullRequest', field: 'head', code: 'invalid' }];
  const { asked, session } = await serve(context, (at) => [
    { body: [] },
    { status: 422, body: { message: 'Validation Failed', errors } },
    { status: 201, body: made(at) },
  ]);
  assert.equal((await createPullRequest(session, WANTED)).number, 7);
  assert.equal(asked.length, 3);
});

test('refusals are told by status and headers', async (context) => {
  const cases: [Answer, string, string?][] = [
    [{ status: 401 }, 'forgeUnauthorized'],
    [{ status: 403 }, 'forgeForbidden'],
    [{ status: 403, headers: { 'x-ratelimit-remaining': '0' } }, 'forgeRateLimited'],
    [{ status: 403, headers: { 'retry-after': '30' } }, 'forgeRateLimited', '30000'],
    [{ status: 429 }, 'forgeRateLimited'],
    [
      {
        ...{ status: 403, headers: { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '1700000060' } },
        body: {},
      },
      'forgeRateLimited',
      '0',
    ],
    [
      { status: 403, body: { message: 'You have exceeded a secondary rate limit. Please wait.' } },
      'forgeRateLimited',
    ],
    [
      { status: 403, body: { documentation_url: `${LIMITS_PAGE}#about-secondary-rate-limits` } },
      'forgeRateLimited',
    ],
    [
      { status: 403, headers: { 'x-github-sso': 'required; url=https://github.com/orgs/acme/sso' } },
      'forgeForbidden',
      'singleSignOn',
    ],
    [{ status: 403, body: { message: 'Repository was archived so is read-only.' } }, 'forgeRefused'],
    [{ status: 404 }, 'forgeRepoUnknown'],
    [{ status: 301, headers: { location: 'https://evil.example/' } }, 'forgeRepoUnknown'],
    [{ status: 502 }, 'forgeUnavailable'],
    [
      { status: 422, body: { message: 'Validation Failed', errors: [{ message: 'No commits between' }] } },
      'forgeRefused',
      'Validation Failed: No commits between',
    ],
    [
      {
        status: 422,
        body: {
          message: 'Validation Failed',
          errors: [{ resource: 'PullRequest', field: 'base', code: 'invalid' }],
        },
      },
      'forgeRefused',
      'Validation Failed: PullRequest base invalid',
    ],
    [{ status: 201, body: 'no json' }, 'forgeGarbage'],
    [{ status: 201, body: { number: 'x' } }, 'forgeGarbage'],
    [{ status: 201, body: made('evil.example') }, 'forgeGarbage'],
  ];
  for (const [answer, code, detail] of cases) {
    const { session } = await serve(context, () => [{ body: [] }, answer]);
    const { wire } = await failing(createPullRequest(session, WANTED));
    assert.equal(wire.code, code, JSON.stringify(answer));
    if (detail)
      assert.ok(Object.values(wire.params).map(String).includes(detail), JSON.stringify(wire.params));
  }
});

test('the branch of a fork is named with its owner, and two of one owner’s by name', async (context) => {
  const bodies = async (from: string) => {
    const { asked, session } = await serve(context, (at) => [{ body: [] }, { status: 201, body: made(at) }]);
    await createPullRequest(session, { ...WANTED, from });
    return [new URL(asked[0]?.url ?? '', 'http://x').searchParams.get('head'), asked[1]?.body];
  };
  const head = 'ada:codex/round';
  assert.deepEqual(await bodies('ada/shop'), [head, { ...WANTED, head }]);
  const ours = 'acme:codex/round';
  assert.deepEqual(await bodies('Acme/shop-fork'), [
    'Acme:codex/round',
    { ...WANTED, head: 'Acme:codex/round', head_repo: 'shop-fork' },
  ]);
  assert.deepEqual(await bodies('acme/Shop'), [ours, WANTED]);
});

test('a repository that was renamed is followed, on the same server alone', async (context) => {
  const moved = { location: '/api/v3/repositories/1/pulls' };
  const { asked, session, host } = await serve(context, (at) => [
    { status: 301, headers: moved },
    { body: [] },
    { status: 307, headers: moved },
    {
      status: 201,
      body: { ...made(at), base: { ref: 'main', repo: { full_name: 'acme/store' } } },
    },
  ]);
  const pull = await createPullRequest(session, WANTED);
  assert.deepEqual([pull.repo, pull.number], ['acme/store', 7]);
  assert.equal(new URL(pull.url).host, host);
  assert.deepEqual(
    asked.map(({ method, url }) => `${method} ${url}`).filter((one) => one.includes('repositories')),
    ['GET /api/v3/repositories/1/pulls', 'POST /api/v3/repositories/1/pulls'],
  );
  assert.deepEqual(asked[3]?.body, WANTED);

  const other = await serve(context, () => []);
  const away = await serve(context, () => [
    { status: 307, headers: { location: `http://${other.host}/api/v3/x` } },
  ]);
  assert.equal((await failing(createPullRequest(away.session, WANTED))).code, 'forgeRepoUnknown');
  const round = await serve(context, () => Array(9).fill({ status: 301, headers: moved }) as Answer[]);
  assert.equal((await failing(createPullRequest(round.session, WANTED))).code, 'forgeRepoUnknown');
  assert.equal(other.asked.length, 0, 'the token went elsewhere');
});

test('how one stands is asked of the forge: open, merged, closed, and from where', async (context) => {
  const now = async (some: object) => {
    const { session } = await serve(context, (at) => [{ body: { ...made(at), ...some } }]);
    const { state, from } = await pullRequestNow(session, 7);
    return [state, from];
  };
  const head = { repo: { full_name: 'ada/shop' } };
  assert.deepEqual(await now({ state: 'open', merged: false, head }), ['open', 'ada/shop']);
  assert.deepEqual(await now({ state: 'closed', merged: true, head }), ['merged', 'ada/shop']);
  assert.deepEqual(await now({ state: 'closed', merged: false, head: { repo: null } }), ['closed', null]);
});

test('a forge that is not there, and one that is given up, are told apart', async () => {
  const session = { host: 'x', repo: 'acme/shop', apiUrl: 'http://127.0.0.1:1', token: TOKEN };
  assert.equal((await failing(createPullRequest(session, WANTED))).code, 'forgeUnavailable');
  const signal = AbortSignal.abort();
  assert.equal((await failing(createPullRequest({ ...session, signal }, WANTED))).code, 'cancelled');
});

test('an answer without end is cut off', async (context) => {
  const { session } = await serve(context, () => [{ body: `["${'x'.repeat(5 * 1024 * 1024)}"]` }]);
  assert.equal((await failing(createPullRequest(session, WANTED))).code, 'forgeGarbage');
});
