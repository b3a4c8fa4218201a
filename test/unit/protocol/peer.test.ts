import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CodexError } from '../../../protocol/errors.ts';
import type { MessageSocket } from '../../../protocol/peer.ts';
import { clientPeer, servePeer } from '../../../protocol/peer.ts';
import type { Handlers } from '../../../protocol/rpc.ts';

/** Two sockets joined in memory; what each end sent is kept. */
function socketPair() {
  const make = () => {
    const messages: ((text: string) => void)[] = [];
    const closes: (() => void)[] = [];
    const sent: string[] = [];
    return { messages, closes, sent, closeCode: undefined as number | undefined };
  };
  const a = make();
  const b = make();
  let open = true;
  const end = (own: ReturnType<typeof make>, other: ReturnType<typeof make>): MessageSocket => ({
    send(text) {
      own.sent.push(text);
      queueMicrotask(() => open && other.messages.forEach((listener) => listener(text)));
    },
    onMessage: (listener) => void own.messages.push(listener),
    onClose: (listener) => void own.closes.push(listener),
    close(code) {
      if (!open) return;
      open = false;
      own.closeCode = code;
      for (const listener of [...a.closes, ...b.closes]) listener();
    },
  });
  return { server: end(a, b), client: end(b, a), a, b };
}

function handlersWith(some: Partial<Handlers<AbortSignal>>): Handlers<AbortSignal> {
  const missing = () => Promise.reject(new CodexError('notBuilt'));
  return new Proxy({} as Handlers<AbortSignal>, {
    get: (_, name) => some[name as keyof Handlers<AbortSignal>] ?? missing,
  });
}

function joined(
  some: Partial<Handlers<AbortSignal>>,
  contextOf = (_: string, signal: AbortSignal) => signal,
) {
  const sockets = socketPair();
  const notified: [string, unknown][] = [];
  const logged: unknown[] = [];
  const server = servePeer(sockets.server, handlersWith(some), contextOf, {
    onError: (error) => logged.push(error),
  });
  const client = clientPeer(sockets.client, {
    onNotification: (name, params) => notified.push([name, params]),
  });
  return { ...sockets, server, client, notified, logged };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));
const withCode = (code: string) => (error: unknown) => error instanceof CodexError && error.code === code;

test('a call reaches its handler with defaults filled in, and its result comes back checked', async () => {
  let got: unknown;
  const { client } = joined({
    'task.list': async (params) => {
      got = params;
      return { tasks: [] };
    },
  });
  assert.deepEqual(await client.call('task.list', {}), { tasks: [] });
  assert.deepEqual(got, { limit: 100, archived: false, watch: false });
});

test('wrong parameters are refused at the client already', async () => {
  const { client, b } = joined({});
  await assert.rejects(client.call('task.get', { taskId: '../etc' }), withCode('badRequest'));
  assert.equal(b.sent.length, 0);
});

test('the server checks parameters itself and names the field', async () => {
  const raw = socketPair();
  servePeer(raw.server, handlersWith({}), (_, signal) => signal);
  raw.client.send(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'task.get', params: { taskId: 'NO' } }));
  await settle();
  const answer = JSON.parse(raw.a.sent[0] ?? '') as {
    error: { code: number; data: { code: string; params: object } };
  };
  assert.equal(answer.error.code, -32000);
  assert.equal(answer.error.data.code, 'badRequest');
  assert.equal((answer.error.data.params as { field: string }).field, 'taskId');
});

test('an error keeps its code and parameters over the wire', async () => {
  const { client } = joined({
    'task.get': () => Promise.reject(new CodexError('notFound', { what: 'task' })),
  });
  await assert.rejects(client.call('task.get', { taskId: 'abcdefgh' }), (error: CodexError) => {
    assert.deepEqual(error.wire, { code: 'notFound', retryable: false, params: { what: 'task' } });
    return true;
  });
});

test('an unexpected error tells the client nothing and the log everything', async () => {
  const { client, logged, a } = joined({
    'task.delete': () => Promise.reject(new Error('password=hunter2')),
  });
  await assert.rejects(client.call('task.delete', { taskId: 'abcdefgh' }), withCode('internal'));
  assert.ok(!a.sent.join().includes('hunter2'));
  assert.match(String(logged[0]), /hunter2/);
});

test('a result that is not of its method never leaves the server', async () => {
  const { client } = joined({ 'task.list': async () => ({ tasks: [{ secret: 1 }] }) as never });
  await assert.rejects(client.call('task.list', {}), withCode('internal'));
});

test('what the context refuses is the answer', async () => {
  const { client } = joined({}, () => {
    throw new CodexError('helloFirst');
  });
  await assert.rejects(client.call('task.list', {}), withCode('helloFirst'));
});

test('cancelling a call aborts its handler', async () => {
  const started = Promise.withResolvers<AbortSignal>();
  const { client } = joined({
    'task.list': (_, signal) => {
      started.resolve(signal);
      return new Promise((_resolve, reject) =>
        signal.addEventListener('abort', () => reject(new CodexError('cancelled'))),
      );
    },
  });
  const abort = new AbortController();
  const call = client.call('task.list', {}, abort.signal);
  const seen = await started.promise;
  abort.abort();
  await assert.rejects(call, withCode('cancelled'));
  assert.equal(seen.aborted, true);
});

test('a call that is open when the socket closes fails at once', async () => {
  const { client, server } = joined({ 'task.list': () => new Promise(() => {}) });
  const call = client.call('task.list', {});
  await settle();
  server.close();
  await assert.rejects(call, withCode('backendUnreachable'));
  await assert.rejects(client.call('task.list', {}), withCode('backendUnreachable'));
});

test('notifications arrive in order; one that is not as agreed ends the connection', async () => {
  const { client, server, notified, b } = joined({});
  server.notify('delta', { taskId: 'abcdefgh', turn: 1, itemId: 'i', text: 'a' });
  server.notify('task.deleted', { taskId: 'abcdefgh' });
  await settle();
  assert.deepEqual(
    notified.map(([name]) => name),
    ['delta', 'task.deleted'],
  );
  const raw = socketPair();
  const strict = clientPeer(raw.client, { onNotification: () => assert.fail('must not arrive') });
  raw.server.send(JSON.stringify({ jsonrpc: '2.0', method: 'somethingNew', params: {} }));
  await settle();
  assert.equal(strict.closed.aborted, false, 'an unknown notification is a newer server');
  raw.server.send(JSON.stringify({ jsonrpc: '2.0', method: 'delta', params: { taskId: 1 } }));
  await settle();
  assert.equal(strict.closed.aborted, true);
  assert.equal(client.closed.aborted, false);
  assert.equal(b.closeCode, undefined);
});

const MALFORMED = [
  'hello',
  '',
  '[]',
  'null',
  '42',
  '{}',
  '{"jsonrpc":"1.0","id":1,"method":"task.list"}',
  '{"jsonrpc":"2.0","id":{},"method":"task.list"}',
  '{"jsonrpc":"2.0","id":null,"method":"task.list"}',
  '{"jsonrpc":"2.0","id":1,"method":7}',
  '{"jsonrpc":"2.0","id":1,"method":"task.list","params":[1,2]}',
  '{"jsonrpc":"2.0","method":"$/cancelRequest"}',
  '{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":null}}',
  '{"jsonrpc":"2.0","id":1,"error":"x"}',
  '['.repeat(500_000),
];

test('a malformed frame is answered with an error, and the next request works', async () => {
  for (const frame of MALFORMED) {
    const raw = socketPair();
    servePeer(raw.server, handlersWith({ 'task.list': async () => ({ tasks: [] }) }), (_, signal) => signal);
    raw.client.send(frame);
    await settle();
    const error = JSON.parse(raw.a.sent[0] ?? 'null') as { error?: { data: { code: string } } } | null;
    assert.equal(error?.error?.data.code, 'badRequest', frame.slice(0, 80));
    raw.client.send(JSON.stringify({ jsonrpc: '2.0', id: 9, method: 'task.list', params: {} }));
    await settle();
    assert.deepEqual(JSON.parse(raw.a.sent[1] ?? ''), { jsonrpc: '2.0', id: 9, result: { tasks: [] } });
  }
});

test('an unknown method is named as such, also when it is a name of Object', async () => {
  for (const method of ['task.explode', 'constructor', '__proto__', 'toString']) {
    const raw = socketPair();
    servePeer(raw.server, handlersWith({}), (_, signal) => signal);
    raw.client.send(JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: {} }));
    await settle();
    const answer = JSON.parse(raw.a.sent[0] ?? '') as { error: { data: { code: string } } };
    assert.equal(answer.error.data.code, 'unknownMethod');
  }
});
