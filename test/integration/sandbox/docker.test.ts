import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, describe, test } from 'node:test';
import Docker from 'dockerode';
import { pack } from 'tar-stream';
import { createDriver } from '../../../server/sandbox/index.ts';
import { command, newTask, scratchDir } from './help.ts';
import { isCode, sandboxSuite } from './suite.ts';

/** Longer than who only asks how it is waits. */
const SLOW_MS = 6_000;

sandboxSuite('docker');

describe('Docker that fails', { timeout: 120_000 }, () => {
  const data = scratchDir();
  after(() => data.remove());

  test('no engine: health and open say so', async () => {
    const driver = createDriver({
      kind: 'docker',
      dataDir: data.path,
      dockerOptions: { socketPath: '/no/such.sock' },
    });
    const health = await driver.check();
    assert.equal(health.ok, false);
    assert.match(health.detail, /Docker does not answer/);
    await assert.rejects(driver.open(newTask()), isCode('sandboxUnavailable'));
  });

  test('an engine that is slow to answer is waited for by who opens a sandbox', async () => {
    const socketPath = join(data.path, 'slow.sock');
    const startedAt = Date.now();
    const engine = createServer((here) => {
      const there = connect('/var/run/docker.sock');
      for (const socket of [here, there]) socket.on('error', () => {});
      setTimeout(() => here.pipe(there).pipe(here), Math.max(0, startedAt + SLOW_MS - Date.now()));
    }).listen(socketPath);
    await once(engine, 'listening');
    const driver = createDriver({ kind: 'docker', dataDir: data.path, dockerOptions: { socketPath } });
    const [health, sandbox] = await Promise.all([driver.check(), driver.open(newTask())]);
    assert.deepEqual([health.ok, sandbox.how], [false, 'new']);
    await driver.remove(sandbox.name);
    await driver.close?.();
    engine.close();
  });

  test('an engine that goes away in the middle of a command: the sandbox is lost, in a sentence', async () => {
    const socketPath = join(data.path, 'engine.sock');
    const open = new Set<Socket>();
    const engine = createServer((here) => {
      const there = connect('/var/run/docker.sock');
      for (const socket of [here, there]) {
        open.add(socket);
        socket.on('error', () => {}).once('close', () => open.delete(socket));
      }
      here.pipe(there).pipe(here);
    }).listen(socketPath);
    await once(engine, 'listening');
    const driver = createDriver({ kind: 'docker', dataDir: data.path, dockerOptions: { socketPath } });
    const sandbox = await driver.open(newTask());
    try {
      await assert.rejects(
        sandbox.run(command('echo up; sleep 100'), {
          onOutput: () => {
            engine.close();
            for (const socket of open) socket.destroy();
          },
        }),
        (error) => isCode('sandboxLost')(error) && /Docker does not answer/.test((error as Error).message),
      );
    } finally {
      await createDriver({ kind: 'docker', dataDir: data.path }).remove(sandbox.name);
    }
  });

  test('an image that can’t be a sandbox is named with what it lacks', async () => {
    const docker = new Docker();
    const driver = createDriver({ kind: 'docker', dataDir: data.path });
    const image = { repo: 'codex-tasks-test/misfit', tag: String(process.pid) };
    const name = `${image.repo}:${image.tag}`;
    const tar = pack();
    tar.entry({ name: 'hello' }, 'not an operating system');
    tar.finalize();
    const answer = await docker.importImage(Readable.from(tar), image);
    answer.resume();
    await once(answer, 'end');
    const task = newTask();
    try {
      await assert.rejects(
        driver.open({ ...task, image: name }),
        (error) => isCode('sandboxStartFailed')(error) && /has no \/bin\/sh/.test((error as Error).message),
      );
      assert.deepEqual(await driver.list(), []);
    } finally {
      await docker.getImage(name).remove({ force: true });
    }
    await assert.rejects(driver.open({ ...task, image: 'codex-tasks-test/none:1' }), isCode('imageMissing'));
  });
});
