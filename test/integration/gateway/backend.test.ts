import assert from 'node:assert/strict';
import { readFile, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import type { CodexError } from '../../../protocol/errors.ts';
import { resolveLimits } from '../../../protocol/limits.ts';
import { startBackend } from '../../../server/backend.ts';
import {
  answerAtOnce,
  backend,
  client,
  FAKE_REPOS,
  finished,
  taskRequest,
  temporaryFolder,
  TOKEN,
} from './harness.ts';

test('a second backend on the same data folder is refused, and told who has it', async () => {
  const first = await backend();
  await assert.rejects(backend({ dataDir: first.dataDir }), (error: CodexError) => {
    assert.equal(error.code, 'dataFolderBusy');
    assert.equal(error.wire.params.pid, process.pid);
    assert.equal(error.wire.params.port, first.port);
    assert.match(error.message, /already uses the data folder .*process \d+, port \d+/);
    return true;
  });
  const one = await client(first.url);
  assert.ok((await one.call('task.list', {})).tasks, 'the first one goes on');
  await first.close();
});

test('a taken port is one sentence, and leaves the folder free', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => taken.once('listening', resolve));
  const { port } = taken.address() as AddressInfo;
  const dataDir = await temporaryFolder();
  await assert.rejects(backend({ dataDir, port }), (error: CodexError) => {
    assert.equal(error.code, 'portTaken');
    assert.match(error.message, new RegExp(`Port ${port} .*--port`));
    return true;
  });
  const second = await backend({ dataDir });
  await second.close();
  taken.close();
  await rm(dataDir, { recursive: true });
});

test('it does not listen beyond loopback without a proxy that ends TLS', async () => {
  const dataDir = await temporaryFolder();
  const config = { port: 0, dataDir, token: TOKEN, version: '0', limits: resolveLimits() };
  const parts = {
    repos: FAKE_REPOS,
    runTurn: answerAtOnce,
    sandbox: () => ({ kind: 'none' as const, detail: '' }),
    model: () => ({ name: '', configured: false, scripted: false }),
  };
  await assert.rejects(startBackend({ config: { ...config, host: '0.0.0.0' }, ...parts }), /--behind-proxy/);
  await assert.rejects(startBackend({ config: { ...config, token: 'short' }, ...parts }), /16 characters/);
  await rm(dataDir, { recursive: true });
});

test('the port file names it, for its owner only, and is gone when it has stopped', async () => {
  const dataDir = await temporaryFolder();
  const running = await backend({ dataDir });
  const path = join(dataDir, 'backend.json');
  const content = JSON.parse(await readFile(path, 'utf8')) as { port: number; pid: number };
  assert.equal(content.port, running.port);
  assert.equal(content.pid, process.pid);
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  await running.close();
  await assert.rejects(stat(path), { code: 'ENOENT' });
  await rm(dataDir, { recursive: true });
});

test('a turn that runs when the backend stops is run again by the next one, from a new generation', async () => {
  const dataDir = await temporaryFolder();
  const begun = Promise.withResolvers<void>();
  const first = await backend({
    dataDir,
    runTurn: async (turn) => {
      await turn.history(1).append([{ said: 'before' }]);
      begun.resolve();
      await new Promise((resolve) => turn.signal.addEventListener('abort', resolve));
      assert.equal(turn.signal.reason, 'shutdown');
    },
  });
  const one = await client(first.url);
  const { task } = await one.call('task.create', taskRequest());
  await begun.promise;
  await first.close();

  const seen = Promise.withResolvers<unknown>();
  const second = await backend({
    dataDir,
    runTurn: async (turn) => {
      const { generation, resumed } = turn;
      seen.resolve({ generation, resumed, history: await turn.history(1).load() });
      await answerAtOnce(turn);
    },
  });
  assert.deepEqual(await seen.promise, { generation: 2, resumed: true, history: [{ said: 'before' }] });
  const two = await client(second.url);
  await two.call('task.subscribe', { taskId: task.id, after: 0 });
  await two.event(finished);
  assert.deepEqual(
    two.events.map((event) => `${event.seq} ${event.code}`),
    ['1 task.created', '2 turn.started', '3 turn.started', '4 turn.finished'],
  );
  await second.close();
  await rm(dataDir, { recursive: true });
});

test('a task that is archived while it runs keeps its sandbox until its turn has ended', async () => {
  const running = Promise.withResolvers<void>();
  const mayEnd = Promise.withResolvers<void>();
  const server = await backend({
    runTurn: async (turn) => {
      running.resolve();
      await mayEnd.promise;
      await answerAtOnce(turn);
    },
  });
  try {
    const one = await client(server.url);
    const { task } = await one.call('task.create', taskRequest());
    await running.promise;
    await one.call('task.archive', { taskId: task.id, archived: true });
    assert.equal(await server.presenceOf(task.id), 'live');
    await one.call('task.subscribe', { taskId: task.id, after: 0 });
    mayEnd.resolve();
    await one.event(finished);
    assert.equal(await server.presenceOf(task.id), 'gone');
  } finally {
    mayEnd.resolve();
    await server.close();
  }
});

test('it ends by itself some time after its last client and turn', async () => {
  const running = await backend({ idleExitMs: 300 });
  const one = await client(running.url);
  let ended = false;
  void running.idle.then(() => (ended = true));
  await new Promise((resolve) => setTimeout(resolve, 600));
  assert.equal(ended, false, 'a client is here');
  one.close();
  await running.idle;
  await running.close();
});
