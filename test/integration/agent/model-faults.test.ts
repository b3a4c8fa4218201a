/** What a model's server can do wrong, and what becomes of the turn. */
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { CodexError } from '../../../protocol/errors.ts';
import { checkModel, createModelClient } from '../../../server/model/client.ts';
import { startScriptedModel } from '../../../server/model/scripted/server.ts';
import { stage, type Stage } from './play.ts';

let on: Stage | undefined;

afterEach(async () => {
  await on?.close();
  on = undefined;
});

async function withFault(fault: string, client?: Parameters<typeof stage>[1]): Promise<Stage> {
  return (on = await stage(`turns: [{steps: [{say: hello there, fault: ${fault}}]}]`, client));
}

for (const [name, fault, times] of [
  ['a 429', '{kind: status, status: 429, times: 3}', 3],
  ['a 500', '{kind: status, status: 500, times: 2}', 2],
  ['a 529', '{kind: status, status: 529, times: 1}', 1],
  ['a stream cut before its first item', '{kind: cut, times: 2}', 2],
  ['a stream cut within a message', '{kind: cut, after: text, times: 2}', 2],
  ['a stream cut after a message', '{kind: cut, after: item, times: 1}', 1],
  ['garbage', '{kind: garbage, times: 2}', 2],
  ['a failed response', '{kind: failed, times: 1}', 1],
] as const) {
  test(`after ${name} the request is repeated, and the answer is there once`, async () => {
    const played = await withFault(fault);
    const outcome = await played.run();
    assert.equal(outcome.answer, 'hello there');
    assert.equal(played.server.requests.length, times + 1);
    assert.equal(played.of('warning').filter(({ code }) => code === 'modelRetry').length, times);
    assert.equal(played.of('item.completed').length, 1);
    assert.equal(played.history.items.length, 2);
  });
}

for (const [name, fault, code, requests] of [
  ['a wrong key', '{kind: status, status: 401, times: 99}', 'modelUnauthorized', 1],
  ['a forbidden model', '{kind: status, status: 403, times: 99}', 'modelUnauthorized', 1],
  ['a used-up quota', '{kind: status, status: 429, code: insufficient_quota, times: 99}', 'modelQuota', 1],
  [
    'a request that is refused',
    '{kind: status, status: 400, message: no such thing, times: 99}',
    'modelBadRequest',
    1,
  ],
  [
    'a full context',
    '{kind: status, status: 400, code: context_length_exceeded, times: 99}',
    'modelContextFull',
    1,
  ],
  [
    'a full context within the stream',
    '{kind: failed, code: context_length_exceeded, times: 99}',
    'modelContextFull',
    1,
  ],
  ['an incomplete response', '{kind: incomplete, times: 99}', 'modelBadRequest', 1],
  ['a limit that does not end', '{kind: status, status: 429, times: 99}', 'modelRateLimited', 9],
  ['a server that stays down', '{kind: status, status: 503, times: 99}', 'modelUnavailable', 7],
  ['garbage for ever', '{kind: garbage, times: 99}', 'modelGarbage', 4],
] as const) {
  test(`${name} ends the turn as ${code}`, async () => {
    const played = await withFault(fault);
    await assert.rejects(played.run(), (error) => {
      assert.ok(error instanceof CodexError);
      assert.equal(error.code, code);
      if (code === 'modelBadRequest' && fault.includes('no such thing')) {
        assert.match(String(error.wire.params['message']), /no such thing/);
      }
      return true;
    });
    assert.equal(played.server.requests.length, requests);
  });
}

test('a silent stream is given up after the idle time and tried again', async () => {
  const played = await withFault('{kind: hang, times: 1}', { client: { idleMs: 200 } });
  assert.equal((await played.run()).answer, 'hello there');
  assert.equal(played.of('warning')[0]?.params['reason'], 'timeout');
});

test('Retry-After is waited for, to the millisecond it says', async () => {
  const waited: number[] = [];
  const sleep = async (ms: number) => void waited.push(ms);
  const played = await withFault("{kind: status, status: 429, times: 1, headers: {retry-after: '7'}}", {
    client: { sleep },
  });
  await played.run();
  assert.deepEqual(waited, [7_000]);
});

test('a Retry-After beyond reason is not waited for', async () => {
  const played = await withFault("{kind: status, status: 429, times: 9, headers: {retry-after: '86400'}}");
  await assert.rejects(played.run(), (error) => {
    assert.ok(error instanceof CodexError);
    assert.equal(error.code, 'modelRateLimited');
    assert.equal(error.wire.params['retryAfterMs'], 86_400_000);
    return true;
  });
});

test('an address at which nothing ever answered is waited for a minute, shown as such, then told', async () => {
  const waited: number[] = [];
  const played = await withFault('{kind: hang}', {
    client: { sleep: async (ms) => void waited.push(ms) },
  });
  await played.server.close();
  await assert.rejects(played.run(), (error) => {
    assert.ok(error instanceof CodexError && error.code === 'modelUnavailable');
    assert.match(String(error.wire.params['message']), /ECONNREFUSED/);
    return true;
  });
  assert.deepEqual(waited, [5_000, 10_000, 20_000, 40_000]);
  const shown = played.of('warning');
  assert.deepEqual(
    shown.map(({ code, params }) => [code, params['delayMs']]),
    waited.map((ms) => ['modelOffline', ms]),
  );
  assert.match(String(shown[0]?.params['message']), /ECONNREFUSED/);
});

test('a server that echoes the key does not get it into the error', async () => {
  const played = await withFault('{kind: status, status: 400, message: "bad key test-key here"}');
  await assert.rejects(played.run(), (error) => {
    assert.ok(error instanceof CodexError);
    assert.equal(JSON.stringify(error.wire).includes('test-key'), false);
    return true;
  });
});

test('a model that has no reasoning gets its requests without it', async () => {
  const served: Record<string, unknown>[] = [];
  const real = await startScriptedModel({ script: 'turns: [{steps: [{say: hi}]}]' });
  const { createServer } = await import('node:http');
  const strict = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
      const body = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>;
      served.push(body);
      const param = body['reasoning'] ? 'reasoning.summary' : body['include'] ? 'include' : null;
      if (param !== null) {
        response.writeHead(400, { 'content-type': 'application/json' });
        response.end(
          JSON.stringify({ error: { message: 'Unsupported.', param, code: 'unsupported_value' } }),
        );
        return;
      }
      const answer = await fetch(`${real.url}/responses`, { method: 'POST', body: JSON.stringify(body) });
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end(await answer.text());
    })();
  });
  await new Promise<void>((resolve) => strict.listen(0, '127.0.0.1', resolve));
  const address = strict.address();
  assert.ok(typeof address === 'object' && address !== null);
  try {
    const client = createModelClient({
      name: 'plain',
      apiKey: 'k',
      baseUrl: `http://127.0.0.1:${address.port}/v1`,
    });
    const request = {
      instructions: 'x',
      input: [{ type: 'message' as const, role: 'user' as const, content: 'hi' }],
      tools: [],
      cacheKey: 'k',
    };
    await client.respond(request, {}, new AbortController().signal);
    await client.respond(request, {}, new AbortController().signal);
    assert.equal(served.length, 4, 'what was refused once is not tried again');
  } finally {
    strict.closeAllConnections();
    strict.close();
    await real.close();
  }
});

test('checkModel tells a good endpoint, a wrong key and a dead address apart', async () => {
  const server = await startScriptedModel({ script: 'turns: [{steps: [{say: hi}]}]', apiKey: 'right' });
  const settings = { name: 'scripted', baseUrl: server.url };
  assert.equal((await checkModel({ ...settings, apiKey: 'right' })).ok, true);
  const wrong = await checkModel({ ...settings, apiKey: 'wrong' });
  assert.ok(!wrong.ok && wrong.error.code === 'modelUnauthorized');
  await server.close();
  const dead = await checkModel({ ...settings, apiKey: 'right' });
  assert.ok(!dead.ok && dead.error.code === 'modelUnavailable');
});
