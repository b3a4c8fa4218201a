import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { after, before, test } from 'node:test';
import { CodexError } from '../../../protocol/errors.ts';
import { PATHS } from '../../../protocol/http.ts';
import type { Backend } from '../../../server/backend.ts';
import { makeLog } from '../../../server/log.ts';
import { backend, client, finished, socket, taskRequest, TOKEN } from './harness.ts';

const logged: string[] = [];
let running: Backend;
before(async () => {
  running = await backend({ log: makeLog('debug', (line) => logged.push(line)) });
});
after(() => running.close());

const withCode = (code: string) => (error: unknown) => error instanceof CodexError && error.code === code;
const bearer = { authorization: `Bearer ${TOKEN}` };

/** `fetch` lets nobody set Host. */
function get(path: string, headers: Record<string, string>): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(running.url);
    const request = httpRequest({ hostname, port, path, headers }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => (body += text));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    request.on('error', reject).end();
  });
}

test('health needs no token and tells no detail', async () => {
  const response = await fetch(`${running.url}${PATHS.health}`);
  assert.equal(response.status, 200);
  assert.deepEqual(await response.json(), { ok: true });
});

test('a proof shows knowledge of the token; a nonce of another shape is refused', async () => {
  const nonce = 'ab'.repeat(32);
  const answer = (await (await fetch(`${running.url}${PATHS.proof}?nonce=${nonce}`)).json()) as object;
  assert.deepEqual(answer, { proof: createHmac('sha256', TOKEN).update(nonce).digest('hex') });
  for (const bad of ['', 'x', 'a'.repeat(10_000), 'a&nonce=b']) {
    assert.equal((await fetch(`${running.url}${PATHS.proof}?nonce=${bad}`)).status, 400);
  }
});

test('proofs are bounded in number', async () => {
  const nonce = 'cd'.repeat(32);
  const answers = await Promise.all(
    Array.from({ length: 120 }, () => get(`${PATHS.proof}?nonce=${nonce}`, {}).then(({ status }) => status)),
  );
  assert.ok(answers.includes(429));
});

test('a missing or wrong token opens no socket and no download', async () => {
  for (const authorization of ['', 'Bearer', 'Bearer wrong', `Basic ${TOKEN}`, `Bearer ${TOKEN}x`]) {
    await assert.rejects(socket(running.url, { authorization }), { status: 401 });
    const { status, body } = await get(PATHS.patch('abcdefgh', 1, 1), { authorization });
    assert.equal(status, 401);
    assert.equal((JSON.parse(body) as { code: string; action: string }).action, 'setToken');
  }
  assert.equal((await get(`${PATHS.git('abcdefgh')}/info/refs`, {})).status, 401);
  assert.equal((await get(`/api/v1/ws?token=${TOKEN}`, {})).status, 401);
});

test('a foreign origin or host is refused, with the right token too', async () => {
  for (const origin of [
    'https://evil.example',
    'null',
    'http://localhost:1',
    `${running.url}.evil.example`,
  ]) {
    await assert.rejects(socket(running.url, { origin }), { status: 403 });
    assert.equal((await get(PATHS.patch('abcdefgh', 1, 1), { ...bearer, origin })).status, 403);
    assert.equal((await get(PATHS.health, { origin })).status, 403);
  }
  for (const host of ['evil.example', 'localhost.evil.example', 'a b', '127.0.0.1@evil.example']) {
    await assert.rejects(socket(running.url, { host }), { status: 403 });
    assert.notEqual((await get(PATHS.health, { host })).status, 200);
  }
  const own = await socket(running.url, { origin: running.url });
  own.close();
});

test('hello comes first, and says which versions can talk', async () => {
  const one = await client(running.url, false);
  await assert.rejects(one.call('task.list', {}), withCode('helloFirst'));
  const hello = (protocol: number) =>
    one.call('server.hello', { protocol, client: { name: 'test', version: '0' } });
  await assert.rejects(hello(0), withCode('protocolTooOld'));
  await assert.rejects(hello(99), withCode('protocolTooNew'));
  await assert.rejects(one.call('task.list', {}), withCode('helloFirst'));
  assert.equal((await hello(1)).server.name, 'codex-tasks');
  assert.ok((await one.call('task.list', {})).tasks);
  one.close();
});

test('a malformed frame and an unknown method are answered, and the connection goes on', async () => {
  const ws = await socket(running.url);
  const answers: { error?: { data: { code: string } } }[] = [];
  ws.on('message', (data: Buffer) => answers.push(JSON.parse(data.toString('utf8')) as object));
  for (const frame of ['{', '{"jsonrpc":"2.0","id":7,"method":"no.such","params":{}}']) {
    ws.send(frame);
    await once(ws, 'message');
  }
  assert.deepEqual(
    answers.map((answer) => answer.error?.data.code),
    // The method is looked up before anything else about the connection.
    ['badRequest', 'unknownMethod'],
  );
  assert.equal(ws.readyState, ws.OPEN);
  ws.close();
});

test('a frame of 50 MB closes its own socket with 1009 and nothing else', async () => {
  const bystander = await client(running.url);
  const ws = await socket(running.url);
  ws.on('error', () => {});
  const closed = once(ws, 'close') as Promise<[number]>;
  ws.send(Buffer.alloc(50 * 1024 * 1024, 'a').toString());
  assert.equal((await closed)[0], 1009);
  assert.ok((await bystander.call('task.list', {})).tasks);
  bystander.close();
});

test('the same request is the same task, also when it is sent at once', async () => {
  const one = await client(running.url);
  const request = taskRequest();
  const made = await Promise.all([1, 2, 3].map(() => one.call('task.create', request)));
  assert.equal(new Set(made.map(({ task }) => task.id)).size, 1);
  one.close();
});

test('a task needs a repository and a commit that are there', async () => {
  const one = await client(running.url);
  const { repo } = taskRequest();
  await assert.rejects(
    one.call('task.create', taskRequest({ repo: { ...repo, repoId: 'zzzzzzzz' } })),
    withCode('repoUnknown'),
  );
  await assert.rejects(
    one.call('task.create', taskRequest({ repo: { ...repo, sha: 'b'.repeat(40) } })),
    withCode('commitMissing'),
  );
  one.close();
});

test('watching the list tells every change of a task, and its end', async () => {
  const one = await client(running.url);
  await one.call('task.list', { watch: true });
  const { task } = await one.call('task.create', taskRequest());
  await one.call('task.subscribe', { taskId: task.id, after: 0 });
  await one.event(finished);
  await one.call('task.rename', { taskId: task.id, title: 'Another name' });
  await one.call('task.delete', { taskId: task.id });
  await assert.rejects(one.call('task.get', { taskId: task.id }), withCode('notFound'));
  const changes = one.notified.flatMap(([name, params]) =>
    name === 'task.changed'
      ? [(params as { task: { state: string } }).task.state]
      : name === 'task.deleted'
        ? ['deleted']
        : [],
  );
  assert.equal(changes[0], 'queued');
  assert.deepEqual(changes.slice(-3), ['completed', 'completed', 'deleted']);
  one.close();
});

test('git gets its bodies unread, whatever their type and size', async () => {
  const body = Buffer.alloc(3 * 1024 * 1024);
  const response = await fetch(`${running.url}/git/abcdefgh.git/git-receive-pack`, {
    method: 'POST',
    headers: { ...bearer, 'content-type': 'application/x-git-receive-pack-request' },
    body,
  });
  assert.equal(await response.text(), `/git-receive-pack ${body.length}`);
  assert.equal((await get('/git/nosuchrepo.git/info/refs', bearer)).status, 404);
});

test('nothing of a token or a query is ever logged', () => {
  assert.ok(logged.length > 0);
  const text = logged.join('\n');
  assert.ok(!text.includes(TOKEN));
  assert.ok(!text.includes('nonce='));
});
