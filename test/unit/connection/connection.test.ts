import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { CodexError, type ErrorCode } from '../../../protocol/errors.ts';
import type { WireEvent } from '../../../protocol/events.ts';
import { connect } from '../../../client/connection/index.ts';
import type { BackendConnection, ConnectOptions, ConnectionState } from '../../../client/connection/index.ts';
import { FakeBackend, TASK, eventOf } from './fake-backend.ts';

function open(
  test: TestContext,
  backend: FakeBackend,
  options: Partial<ConnectOptions> = {},
): BackendConnection {
  const connection = connect({
    url: 'http://127.0.0.1:1',
    token: async () => 'secret',
    client: { name: 'test', version: '0' },
    openSocket: backend.openSocket,
    callWaitMs: 5_000,
    random: () => 0,
    ...options,
  });
  test.after(() => connection.close());
  return connection;
}

function stateOf(connection: BackendConnection, kind: ConnectionState['kind']): Promise<ConnectionState> {
  const { promise, resolve } = Promise.withResolvers<ConnectionState>();
  const stop = connection.onState((state) => {
    if (state.kind === kind) resolve(state);
  });
  return promise.finally(stop);
}

/** Collects until `last` has come. */
function collector(last: number) {
  const seqs: number[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const onEvents = (events: WireEvent[]) => {
    seqs.push(...events.map((event) => event.seq));
    if (seqs.includes(last)) resolve();
  };
  return { seqs, onEvents, done: promise };
}

const codeOf = (code: ErrorCode) => (error: unknown) => error instanceof CodexError && error.code === code;
const upTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1);

describe('a connection to a backend', () => {
  it('says hello before anything else, with the token in a header and never in the address', async (test) => {
    const backend = new FakeBackend();
    const connection = open(test, backend, { url: 'https://example.test/codex/' });
    assert.equal((await connection.ready()).server.name, 'fake');
    assert.equal(backend.calls[0]?.method, 'server.hello');
    assert.deepEqual(backend.urls, ['wss://example.test/codex/api/v1/ws']);
    assert.deepEqual(backend.headers, [{ authorization: 'Bearer secret' }]);
  });

  it('a wrong token is final until asked again, then the new token is used', async (test) => {
    const backend = new FakeBackend();
    backend.upgrade = 401;
    let token = 'old';
    const connection = open(test, backend, { token: async () => token });
    await assert.rejects(connection.ready(), codeOf('unauthorized'));
    await assert.rejects(connection.call('model.list', {}), codeOf('unauthorized'));
    assert.equal(backend.urls.length, 1);
    backend.upgrade = 'ok';
    token = 'new';
    connection.retryNow();
    await connection.ready();
    assert.equal(backend.headers.at(-1)?.['authorization'], 'Bearer new');
  });

  it('a backend of another protocol is final', async (test) => {
    const backend = new FakeBackend();
    backend.answers['server.hello'] = () => {
      throw new CodexError('protocolTooOld');
    };
    const connection = open(test, backend);
    const state = await stateOf(connection, 'refused');
    assert.equal(state.kind === 'refused' && state.error.action, 'updateClient');
  });

  it('a call made while nobody answers waits for the connection', async (test) => {
    const backend = new FakeBackend();
    backend.upgrade = 'down';
    const connection = open(test, backend);
    const call = connection.call('model.list', {});
    await stateOf(connection, 'awaitingRetry');
    backend.upgrade = 'ok';
    assert.deepEqual(await call, { models: [{ name: 'one' }] });
  });

  it('and fails with a clear error when none comes in time', async (test) => {
    const backend = new FakeBackend();
    backend.upgrade = 'down';
    const connection = open(test, backend, { callWaitMs: 30 });
    await assert.rejects(connection.call('model.list', {}), (error: unknown) => {
      assert.ok(error instanceof CodexError && error.code === 'backendUnreachable');
      assert.equal(error.wire.params['url'], 'http://127.0.0.1:1');
      return true;
    });
  });

  it('a call that was cut off is sent again when that is safe', async (test) => {
    const backend = new FakeBackend();
    const connection = open(test, backend);
    await connection.ready();
    backend.answers['model.list'] = () => {
      delete backend.answers['model.list'];
      backend.cut();
      return new Promise(() => undefined);
    };
    assert.deepEqual(await connection.call('model.list', {}), { models: [{ name: 'one' }] });
  });

  it('a call that could do something twice is not', async (test) => {
    const backend = new FakeBackend();
    const connection = open(test, backend);
    await connection.ready();
    backend.answers['task.retry'] = () => {
      backend.cut();
      return new Promise(() => undefined);
    };
    await assert.rejects(connection.call('task.retry', { taskId: TASK }), codeOf('backendUnreachable'));
    assert.equal(backend.calls.filter((call) => call.method === 'task.retry').length, 1);
  });

  it('a call that waits can be given up', async (test) => {
    const backend = new FakeBackend();
    backend.upgrade = 'down';
    const abort = new AbortController();
    const call = open(test, backend).call('model.list', {}, abort.signal);
    abort.abort();
    await assert.rejects(call, codeOf('cancelled'));
  });

  it('asks for the address before each attempt: a backend may come back on another port', async (test) => {
    const backend = new FakeBackend();
    let port = 1;
    const connection = open(test, backend, { url: async () => `http://127.0.0.1:${port++}` });
    await connection.ready();
    backend.cut();
    await stateOf(connection, 'awaitingRetry');
    await connection.ready();
    assert.deepEqual(backend.urls, ['ws://127.0.0.1:1/api/v1/ws', 'ws://127.0.0.1:2/api/v1/ws']);
  });

  it('watching tasks gives the whole list again after each reconnect', async (test) => {
    const backend = new FakeBackend();
    const connection = open(test, backend);
    const kinds: string[] = [];
    let listed = Promise.withResolvers<void>();
    connection.watchTasks((news) => {
      kinds.push(news.kind);
      if (news.kind === 'list') listed.resolve();
    });
    await listed.promise;
    backend.peer.notify('task.deleted', { taskId: TASK });
    listed = Promise.withResolvers();
    await stateOf(connection, 'connected');
    await new Promise((resolve) => setImmediate(resolve));
    backend.cut();
    await listed.promise;
    assert.deepEqual(kinds, ['list', 'deleted', 'list']);
  });
});

describe('following a task', () => {
  it('replays, then goes live', async (test) => {
    const backend = new FakeBackend();
    backend.log = upTo(3).map(eventOf);
    const connection = open(test, backend);
    const { seqs, onEvents, done } = collector(4);
    const heads: number[] = [];
    connection.follow(TASK, 0, {
      onEvents: (events) => {
        onEvents(events);
        if (seqs.at(-1) === 3) backend.push(4);
      },
      onHead: (head) => heads.push(head),
    });
    await done;
    assert.deepEqual(seqs, [1, 2, 3, 4]);
    assert.deepEqual(heads, [3]);
  });

  it('goes on after a loss from its last seq, without gap or duplicate', async (test) => {
    const backend = new FakeBackend();
    backend.log = upTo(5).map(eventOf);
    const connection = open(test, backend);
    const { seqs, onEvents, done } = collector(9);
    connection.follow(TASK, 2, {
      onEvents: (events) => {
        onEvents(events);
        if (seqs.at(-1) === 5) {
          backend.log = upTo(9).map(eventOf);
          backend.cut();
        }
      },
    });
    await done;
    assert.deepEqual(seqs, [3, 4, 5, 6, 7, 8, 9]);
    const asked = backend.calls.filter((call) => call.method === 'task.subscribe').map((call) => call.params);
    assert.deepEqual(asked, [
      { taskId: TASK, after: 2 },
      { taskId: TASK, after: 5 },
    ]);
  });

  it('what is sent twice is passed on once; a hole is asked for again', async (test) => {
    const backend = new FakeBackend();
    backend.log = upTo(2).map(eventOf);
    const connection = open(test, backend);
    const { seqs, onEvents, done } = collector(6);
    connection.follow(TASK, 0, {
      onEvents: (events) => {
        onEvents(events);
        if (seqs.length === 2) {
          backend.log = upTo(6).map(eventOf);
          backend.push(1, 2, 3);
          backend.push(5, 6);
        }
      },
    });
    await done;
    assert.deepEqual(seqs, [1, 2, 3, 4, 5, 6]);
  });

  it('two followers of one task each get their own past', async (test) => {
    const backend = new FakeBackend();
    backend.log = upTo(4).map(eventOf);
    const connection = open(test, backend);
    const late = collector(4);
    const whole = collector(4);
    connection.follow(TASK, 3, late);
    await late.done;
    connection.follow(TASK, 0, whole);
    await whole.done;
    assert.deepEqual([late.seqs, whole.seqs], [[4], [1, 2, 3, 4]]);
  });

  it('a follower that left hears nothing more, and the last one unsubscribes', async (test) => {
    const backend = new FakeBackend();
    backend.log = upTo(1).map(eventOf);
    const connection = open(test, backend);
    const { seqs, onEvents, done } = collector(1);
    const unsubscribed = Promise.withResolvers<void>();
    backend.answers['task.unsubscribe'] = () => {
      unsubscribed.resolve();
      return {};
    };
    const stop = connection.follow(TASK, 0, { onEvents });
    await done;
    stop();
    await unsubscribed.promise;
    backend.push(2);
    await connection.call('model.list', {});
    assert.deepEqual(seqs, [1]);
  });

  it('a task that is gone ends the following with its error', async (test) => {
    const backend = new FakeBackend();
    backend.answers['task.subscribe'] = () => {
      throw new CodexError('notFound');
    };
    const gone = Promise.withResolvers<string>();
    open(test, backend).follow(TASK, 0, {
      onEvents: () => undefined,
      onError: (error) => gone.resolve(error.code),
    });
    assert.equal(await gone.promise, 'notFound');
  });
});

describe('bytes over HTTP', () => {
  const answering = (response: () => Response) => {
    const asked: { url: string; authorization: string | undefined }[] = [];
    const fetch = async (url: string, init: { headers: Record<string, string> }) => {
      asked.push({ url, authorization: init.headers['authorization'] });
      return response();
    };
    return { asked, fetch };
  };

  it('a patch comes as bytes, with the token in a header', async (test) => {
    const { asked, fetch } = answering(() => new Response(new Uint8Array([0, 255, 10])));
    const connection = open(test, new FakeBackend(), { fetch });
    assert.deepEqual([...(await connection.patch(TASK, 1, 1))], [0, 255, 10]);
    assert.deepEqual(asked, [
      {
        url: `http://127.0.0.1:1/api/v1/tasks/${TASK}/turns/1/attempts/1/patch`,
        authorization: 'Bearer secret',
      },
    ]);
  });

  it('the backend’s own error is thrown, and a status alone is worded by code', async (test) => {
    const wire = { code: 'notFound', retryable: false, params: { what: 'patch' } };
    const own = answering(() => Response.json(wire, { status: 404 }));
    await assert.rejects(open(test, new FakeBackend(), own).log(TASK, 1, 1), codeOf('notFound'));
    const bare = answering(() => new Response('no', { status: 401 }));
    await assert.rejects(open(test, new FakeBackend(), bare).log(TASK, 1, 1), codeOf('unauthorized'));
  });
});
