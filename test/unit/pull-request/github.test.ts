/** The requests of a client with the person's own session, against a server that answers as it is told. */
import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { createPullRequest } from '../../../client/pull-request/github.ts';
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
    ...{ number: 7, url: `http://${host}/acme/shop/pull/7`, title: 'Round once', draft: true, base: 'main' },
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

test('refusals are told by status and headers', async (context) => {
  const cases: [Answer, string, string?][] = [
    [{ status: 401 }, 'forgeUnauthorized'],
    [{ status: 403 }, 'forgeForbidden'],
    [{ status: 403, headers: { 'x-ratelimit-remaining': '0' } }, 'forgeRateLimited'],
    [{ status: 403, headers: { 'retry-after': '30' } }, 'forgeRateLimited', '30000'],
    [{ status: 429 }, 'forgeRateLimited'],
    [{ status: 404 }, 'forgeRepoUnknown'],
    [{ status: 301, headers: { location: 'https://evil.example/' } }, 'forgeRepoUnknown'],
    [{ status: 502 }, 'forgeUnavailable'],
    [
      { status: 422, body: { message: 'Validation Failed', errors: [{ message: 'No commits between' }] } },
      'forgeRefused',
      'Validation Failed: No commits between',
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
