import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { installBackend } from '../../../extension/connection/bundle.ts';
import { backendEnvironment } from '../../../extension/connection/environment.ts';

const network = {
  proxy: '',
  noProxy: [],
  proxySupport: 'override',
  strictSsl: true,
  systemCertificates: true,
};
const plain = { model: '', modelBaseUrl: '', network };

test('a backend gets the person’s environment, without VS Code’s own', () => {
  const env = backendEnvironment(
    {
      PATH: '/bin',
      VSCODE_PID: '1',
      ELECTRON_ENABLE_LOGGING: '1',
      NODE_OPTIONS: '--inspect',
      DOCKER_HOST: 'x',
    },
    plain,
  );
  assert.deepEqual(env, {
    PATH: '/bin',
    DOCKER_HOST: 'x',
    ELECTRON_RUN_AS_NODE: '1',
    NODE_USE_SYSTEM_CA: '1',
  });
});

test('the settings’ model goes before the environment’s', () => {
  const env = backendEnvironment(
    { CODEX_MODEL: 'old' },
    { ...plain, model: 'new', modelBaseUrl: 'http://m/v1' },
  );
  assert.equal(env['CODEX_MODEL'], 'new');
  assert.equal(env['OPENAI_BASE_URL'], 'http://m/v1');
});

test('VS Code’s proxy and certificates hold for a backend, too', () => {
  const env = backendEnvironment(
    {},
    { ...plain, network: { ...network, proxy: 'http://p:3128', noProxy: ['a', 'b'], strictSsl: false } },
  );
  assert.equal(env['HTTPS_PROXY'], 'http://p:3128');
  assert.equal(env['NO_PROXY'], 'a,b');
  assert.equal(env['NODE_USE_ENV_PROXY'], '1');
  assert.equal(env['NODE_TLS_REJECT_UNAUTHORIZED'], '0');
  const off = backendEnvironment(
    {},
    { ...plain, network: { ...network, proxy: 'http://p:3128', proxySupport: 'off' } },
  );
  assert.equal(off['HTTPS_PROXY'], undefined);
});

test('the backend’s files are copied once by version, and old copies go', async () => {
  const base = await mkdtemp(join(tmpdir(), 'codex-bundle-'));
  try {
    const dist = join(base, 'dist');
    const entry = join(dist, 'cli', 'codex-tasks.mjs');
    await mkdir(join(dist, 'cli'), { recursive: true });
    await mkdir(join(dist, 'runner'));
    await writeFile(entry, 'one');
    await writeFile(join(dist, 'runner', 'runner.cjs'), 'r');
    const storage = join(base, 'storage');
    const first = await installBackend(dist, storage, '1.0.0');
    assert.equal(await readFile(first, 'utf8'), 'one');
    assert.equal(await readFile(join(first, '../../runner/runner.cjs'), 'utf8'), 'r');
    assert.equal(await installBackend(dist, storage, '1.0.0'), first);

    for (const version of ['1.0.1', '1.0.2', '1.0.3']) {
      await writeFile(entry, version);
      await utimes(entry, new Date(), new Date());
      await installBackend(dist, storage, version);
    }
    const kept = (await readdir(join(storage, 'backend'))).map((name) => name.split('-')[0]).sort();
    assert.deepEqual(kept, ['1.0.2', '1.0.3']);
  } finally {
    await rm(base, { recursive: true, force: true });
  }
});
