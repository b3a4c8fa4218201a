/** Which way requests go, what a way costs, and what is learnt from a server once. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, test } from 'node:test';
import { CodexError } from '../../../protocol/errors.ts';
import { createModelClient } from '../../../server/model/client.ts';
import type { ModelHooks, ModelRequest, ResponseItem } from '../../../server/model/model.ts';
import { MAX_OFFLINE_MS, OFFLINE_FIRST_MS, OFFLINE_LAST_MS } from '../../../server/model/retries.ts';
import { startScriptedModel } from '../../../server/model/scripted/server.ts';
import { stage, type Stage, type StageOptions } from './play.ts';

const open: { close(): Promise<void> }[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
});

async function play(script: string, options: StageOptions = {}): Promise<Stage> {
  const played = await stage(`turns:\n${script}`, options);
  open.push(played);
  return played;
}

const THREE_STEPS = '  - steps: [{think: t, run: echo 1}, {say: s, run: echo 2}, {say: done}]\n';
const WEB_SOCKET = { settings: { transport: 'webSocket' as const } };
const vias = (played: Stage) => played.server.requests.map((request) => request.via);
const sent = (played: Stage) =>
  played.server.requests.map(
    (request) => request.sent as { previous_response_id?: string; input: unknown[] },
  );
const request = (input: ResponseItem[] = [{ role: 'user', content: 'hi' }]): ModelRequest => ({
  instructions: 'x',
  input,
  tools: [],
  cacheKey: 'k',
});
const never = new AbortController().signal;

test('over a WebSocket each request sends what is new alone', async () => {
  const played = await play(THREE_STEPS, WEB_SOCKET);
  assert.equal((await played.run()).answer, 'done');
  await played.run({ turn: 2, prompt: 'again' });
  const [first, ...later] = sent(played);
  assert.equal(first?.previous_response_id, undefined);
  for (const message of later) assert.match(String(message.previous_response_id), /^resp_/);
  for (const message of sent(played))
    assert.ok(!('stream' in message), 'what belongs to the other transport is left out');
  assert.deepEqual(
    later.map((message) => message.input.length),
    [1, 1, 1, 1, 1],
  );
  assert.deepEqual(played.server.problems, []);
});

test('what is not the same conversation is sent whole', async () => {
  const played = await play('  - steps: [{say: hello}]\n', WEB_SOCKET);
  await played.model.respond(request(), {}, never);
  await played.model.respond(request([{ role: 'user', content: 'else' }]), {}, never);
  const response = await played.model.respond(
    { ...request([{ role: 'user', content: 'else' }]), instructions: 'y' },
    {},
    never,
  );
  assert.equal(response.items.length, 1);
  assert.ok(sent(played).every((message) => message.previous_response_id === undefined));
});

test('a connection that dies between requests is opened anew, without a failure and without a word', async () => {
  const played = await play(THREE_STEPS, WEB_SOCKET);
  const append = played.history.append.bind(played.history);
  played.history.append = async (items) => {
    if (items.some((item) => item.type === 'function_call_output')) played.server.breakConnections();
    await append(items);
  };
  assert.equal((await played.run()).answer, 'done');
  assert.deepEqual(vias(played), ['webSocket', 'webSocket', 'webSocket']);
  assert.ok(sent(played).every((message) => message.previous_response_id === undefined));
  assert.deepEqual(played.of('warning'), []);
});

test('a response that the server has forgotten is sent again whole, which is no failure', async () => {
  const fault = '{kind: status, status: 400, code: previous_response_not_found}';
  const played = await play(`  - steps: [{run: echo 1}, {say: done, fault: ${fault}}]\n`, WEB_SOCKET);
  assert.equal((await played.run()).answer, 'done');
  assert.deepEqual(
    sent(played).map((message) => message.previous_response_id !== undefined),
    [false, true, false],
  );
  assert.deepEqual(played.of('warning'), []);
});

for (const status of [400, 404, 405, 426]) {
  test(`an upgrade that is refused with ${status} is asked for once`, async () => {
    let upgrades = 0;
    const played = await play(THREE_STEPS, {
      ...WEB_SOCKET,
      server: { refuseUpgrade: status, onUpgrade: () => upgrades++ },
    });
    assert.equal((await played.run()).answer, 'done');
    assert.deepEqual(vias(played), ['http', 'http', 'http']);
    assert.equal(upgrades, 1);
    assert.deepEqual(played.of('warning'), []);
  });
}

test('a server that fails to upgrade is asked again, but not soon', async () => {
  let upgrades = 0;
  const played = await play(THREE_STEPS, {
    ...WEB_SOCKET,
    server: { refuseUpgrade: 503, onUpgrade: () => upgrades++ },
  });
  assert.equal((await played.run()).answer, 'done');
  assert.deepEqual([vias(played), upgrades], [['http', 'http', 'http'], 1]);
});

test('when the tries are used up the request goes over HTTP', async () => {
  const played = await play('  - steps: [{say: done, fault: {kind: cut, after: 1, times: 6}}]\n', WEB_SOCKET);
  assert.equal((await played.run()).answer, 'done');
  assert.deepEqual(new Set(vias(played).slice(0, -1)), new Set(['webSocket']));
  assert.equal(vias(played).at(-1), 'http');
});

test('nobody but OpenAI is asked for a WebSocket unasked', async () => {
  let upgrades = 0;
  const played = await play(THREE_STEPS, { server: { onUpgrade: () => upgrades++ } });
  await played.run();
  assert.equal(upgrades, 0);
});

test('a server without the Responses API is spoken to in Chat Completions from then on', async () => {
  const played = await play(THREE_STEPS, { server: { wires: ['chat'] } });
  assert.equal((await played.run()).answer, 'done');
  assert.deepEqual(vias(played), ['chat', 'chat', 'chat']);
  assert.equal(played.server.missed, 1, 'the Responses API is looked for once');
});

test('where neither is there, what the first said is told', async () => {
  const played = await play(THREE_STEPS, { server: { wires: [] } });
  await assert.rejects(played.run(), (error) => {
    assert.ok(error instanceof CodexError && error.code === 'modelBadRequest');
    assert.match(String(error.wire.params['message']), /no POST \/v1\/responses/);
    return true;
  });
});

test('the effort of a request goes before that of its connection', async () => {
  const played = await play('  - steps: [{say: hi}]\n', { settings: { effort: 'low' } });
  await played.model.respond(request(), {}, never);
  await played.model.respond({ ...request(), effort: 'high' }, {}, never);
  assert.deepEqual(
    played.server.requests.map(({ body }) => (body as { reasoning: unknown }).reasoning),
    [
      { effort: 'low', summary: 'auto' },
      { effort: 'high', summary: 'auto' },
    ],
  );
});

/** A server that refuses a parameter as the real API does, in front of the scripted one. */
async function picky(refused: (body: Record<string, unknown>) => string | null) {
  const real = await startScriptedModel({ script: 'turns: [{steps: [{say: hi}]}]' });
  const bodies: Record<string, unknown>[] = [];
  const server = createServer((incoming, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of incoming as AsyncIterable<Buffer>) chunks.push(chunk);
      const body = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>;
      bodies.push(body);
      const param = refused(body);
      if (param !== null) {
        response.writeHead(400, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ error: { message: 'Unsupported.', param: param || null } }));
        return;
      }
      const path = incoming.url?.replace('/v1', '') ?? '';
      const answer = await fetch(`${real.url}${path}`, { method: 'POST', body: JSON.stringify(body) });
      response.writeHead(answer.status, { 'content-type': 'text/event-stream' });
      response.end(await answer.text());
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push(real, {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  });
  const settings = {
    name: 'm',
    apiKey: 'k',
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
  };
  return { bodies, settings };
}

test('an effort that a server does not take is left out from then on, and that is said', async () => {
  const effort = (body: Record<string, unknown>) => (body['reasoning'] as { effort?: string })?.effort;
  const { bodies, settings } = await picky((body) => (effort(body) === 'xhigh' ? 'reasoning.effort' : null));
  const client = createModelClient({ ...settings, effort: 'xhigh' });
  const refused: string[] = [];
  const hooks: ModelHooks = { onEffortRefused: (one) => refused.push(one) };
  await client.respond(request(), hooks, never);
  await client.respond(request(), hooks, never);
  await client.respond({ ...request(), effort: 'high' }, hooks, never);
  assert.deepEqual(bodies.map(effort), ['xhigh', undefined, undefined, 'high']);
  assert.deepEqual(refused, ['xhigh']);
});

test('a chat that takes the system’s word at its beginning alone gets it later as the user’s', async () => {
  const late = (body: Record<string, unknown>) =>
    (body['messages'] as { role: string }[]).slice(1).some((message) => message.role === 'system');
  const { bodies, settings } = await picky((body) => (late(body) ? '' : null));
  const client = createModelClient({ ...settings, wire: 'chat' });
  const input: ResponseItem[] = [
    { role: 'user', content: 'hi' },
    { type: 'message', role: 'developer', content: 'The sandbox is new.' },
  ];
  await client.respond(request(input), {}, never);
  await client.respond(request(input), {}, never);
  assert.deepEqual(bodies.map(late), [true, false, false]);
  assert.match(
    JSON.stringify(bodies.at(-1)),
    /"role":"user","content":"\[From the system.*The sandbox is new/,
  );
});

test('a server that answered once is waited for as long as it takes, each wait shown', async () => {
  const waits: { delayMs: number; sinceMs: number }[] = [];
  let server = await startScriptedModel({ script: 'turns: [{steps: [{say: back}]}]' });
  const { port, url } = server;
  const client = createModelClient(
    { name: 'm', apiKey: 'k', baseUrl: url },
    {
      sleep: async () => {
        if (waits.length < 7) return;
        server = await startScriptedModel({ script: 'turns: [{steps: [{say: back}]}]', port });
        open.push(server);
      },
    },
  );
  await client.respond(request(), {}, never);
  await server.close();
  const response = await client.respond(request(), { onOffline: (wait) => waits.push(wait) }, never);
  assert.equal(response.items.length, 1);
  assert.deepEqual(
    waits.map((wait) => wait.delayMs),
    [5_000, 10_000, 20_000, 40_000, 60_000, 60_000, 60_000],
  );
  assert.ok(waits.every((wait) => wait.sinceMs >= 0));
  assert.ok(OFFLINE_FIRST_MS < OFFLINE_LAST_MS && OFFLINE_LAST_MS < MAX_OFFLINE_MS);
});

test('a wait for the network ends with the caller', async () => {
  const server = await startScriptedModel({ script: 'turns: [{steps: [{say: hi}]}]' });
  await server.close();
  const cancel = new AbortController();
  const client = createModelClient({ name: 'm', apiKey: 'k', baseUrl: server.url });
  const turn = client.respond(request(), { onOffline: () => cancel.abort() }, cancel.signal);
  await assert.rejects(turn, (error) => error instanceof CodexError && error.code === 'cancelled');
});
