import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  BACKEND_NODE_FLAGS,
  ensureBackend,
  ensureToken,
  findBackend,
  startBackendProcess,
  stopBackend,
  type Launch,
} from '../../../client/backend-process/index.ts';
import { CodexError } from '../../../protocol/errors.ts';

const FAKE = fileURLToPath(new URL('./fake-serve.mjs', import.meta.url));

async function launchFor(test: TestContext, mode: string, rest: Partial<Launch> = {}): Promise<Launch> {
  const dataDir = await mkdtemp(join(tmpdir(), 'codex-tasks-process-'));
  test.after(async () => {
    const running = await readJson(join(dataDir, 'backend.json')).catch(() => null);
    if (running) await stopBackend({ pid: running['pid'] as number });
    await rm(dataDir, { recursive: true, force: true });
  });
  return {
    dataDir,
    node: process.execPath,
    entry: [FAKE],
    env: { ...process.env, FAKE_MODE: mode },
    ...rest,
  };
}

async function readJson(path: string): Promise<Record<string, unknown>> {
  return JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
}

describe('a backend of one’s own', () => {
  it('is started once, found by the next, and stopped', async (test) => {
    const launch = await launchFor(test, 'ok', { idleExitMinutes: 10, args: ['--sandbox', 'local'] });
    assert.equal(await findBackend(launch.dataDir), null);
    const first = await ensureBackend(launch);
    const second = await ensureBackend(launch);
    assert.deepEqual([first.started, second.started, second.pid], [true, false, first.pid]);
    assert.equal(first.version, '1.2.3');
    const { args } = await readJson(join(launch.dataDir, 'started.json'));
    assert.deepEqual((args as string[]).slice(-4), ['--idle-exit', '10', '--sandbox', 'local']);
    assert.equal(await stopBackend(first), true);
    assert.equal(await findBackend(launch.dataDir), null);
  });

  it('gets the model key by standard input, and nowhere else', async (test) => {
    const launch = await launchFor(test, 'ok', { apiKey: 'sk-secret' });
    launch.env = { ...launch.env, OPENAI_API_KEY: 'sk-secret' };
    await startBackendProcess(launch);
    const { args, key, hasKeyInEnv } = await readJson(join(launch.dataDir, 'started.json'));
    assert.deepEqual([key, hasKeyInEnv], ['sk-secret\n', false]);
    assert.doesNotMatch(JSON.stringify(args), /sk-secret/);
  });

  it('proves itself before it is given the token', async (test) => {
    const launch = await launchFor(test, 'ok');
    const { token } = await startBackendProcess(launch);
    const seen = await readFile(join(launch.dataDir, 'seen.json'), 'utf8');
    assert.match(seen, /"authorization":null/);
    assert.equal(seen.includes(token), false);
  });

  it('a program that took over its port is not taken for it', async (test) => {
    const launch = await launchFor(test, 'impostor', { startTimeoutMs: 1_500 });
    await assert.rejects(startBackendProcess(launch), (error: unknown) => {
      return error instanceof CodexError && error.code === 'backendStartFailed';
    });
    assert.equal(await findBackend(launch.dataDir), null);
    assert.doesNotMatch(await readFile(join(launch.dataDir, 'seen.json'), 'utf8'), /Bearer/);
  });

  it('one that dies says why with the tail of its log, not of an older one', async (test) => {
    const launch = await launchFor(test, 'dies');
    await ensureToken(launch.dataDir);
    await rm(join(launch.dataDir, 'logs'), { recursive: true, force: true });
    await assert.rejects(startBackendProcess(launch), (error: unknown) => {
      assert.ok(error instanceof CodexError && error.code === 'backendStartFailed');
      assert.equal(error.wire.params['reason'], 'it ended with exit code 3');
      assert.equal(error.wire.params['tail'], 'it is broken in a way that only its log tells');
      return true;
    });
    await assert.rejects(startBackendProcess(launch), (error: unknown) => {
      return (
        error instanceof CodexError &&
        error.wire.params['tail'] === 'it is broken in a way that only its log tells'
      );
    });
  });

  it('one that never answers is given up, and ended', async (test) => {
    const launch = await launchFor(test, 'silent', { startTimeoutMs: 600 });
    await assert.rejects(startBackendProcess(launch), /did not answer in time/);
  });

  it('two starters at the same moment end up with the same one', async (test) => {
    const launch = await launchFor(test, 'ok');
    const busy: Launch = { ...launch, env: { ...process.env, FAKE_MODE: 'busy' } };
    const [one, other] = await Promise.all([startBackendProcess(launch), startBackendProcess(busy)]);
    assert.equal(one.pid, other.pid);
  });

  it('a port file that is old or damaged names nobody', async (test) => {
    const { dataDir } = await launchFor(test, 'ok');
    await ensureToken(dataDir);
    for (const content of [
      '',
      '{"pid": 1}',
      JSON.stringify({ pid: 2 ** 22 + 1, port: 1, version: '', nonce: '', startedAt: 0 }),
    ]) {
      await writeFile(join(dataDir, 'backend.json'), content);
      assert.equal(await findBackend(dataDir), null);
    }
    await rm(join(dataDir, 'backend.json'));
  });
});

describe('the token of a data folder', () => {
  it('is made once, for its owner only', async (test) => {
    const { dataDir } = await launchFor(test, 'ok');
    const tokens = await Promise.all(Array.from({ length: 8 }, () => ensureToken(dataDir)));
    assert.equal(new Set(tokens).size, 1);
    assert.ok((tokens[0] ?? '').length >= 40);
    if (process.platform !== 'win32') assert.equal((await stat(join(dataDir, 'token'))).mode & 0o777, 0o600);
  });
});

it('starts from a checkout as it does here', async () => {
  const script = fileURLToPath(new URL('../../../scripts/codex-tasks.mjs', import.meta.url));
  const flags = BACKEND_NODE_FLAGS.map((flag) => `'${flag}'`).join(', ');
  assert.ok((await readFile(script, 'utf8')).includes(`[${flags}]`));
});
