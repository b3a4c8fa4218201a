import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { LIMITS } from '../../../protocol/limits.ts';
import { CONFIG_FILE, limitVariable, readSettings } from '../../../server/config.ts';

let dir = '';
before(async () => (dir = await mkdtemp(join(tmpdir(), 'codex-config-'))));
after(() => rm(dir, { recursive: true }));
const write = (text: string) => writeFile(join(dir, CONFIG_FILE), text);

test('without a file the defaults hold', async () => {
  const settings = await readSettings(join(dir, 'nothing-here'), {});
  assert.equal(settings.limits.patchBytes, LIMITS.patchBytes.default);
  assert.equal(settings.logLevel, 'info');
  assert.equal(settings.databaseUrl, undefined);
});

test('a variable goes before the file, and the cap before both', async () => {
  await write(
    'limits:\n  parallelTurns: 2\n  patchBytes: 9000000000000\nlog: warn\nallowedHosts: [codex.example]\n',
  );
  assert.equal(limitVariable('parallelTurns'), 'CODEX_PARALLEL_TURNS');
  const fromFile = await readSettings(dir, {});
  assert.equal(fromFile.limits.parallelTurns, 2);
  assert.equal(fromFile.limits.patchBytes, LIMITS.patchBytes.cap);
  assert.deepEqual(fromFile.allowedHosts, ['codex.example']);
  const fromEnv = await readSettings(dir, {
    CODEX_PARALLEL_TURNS: '3',
    CODEX_LOG: 'debug',
    DATABASE_URL: 'postgres://x',
  });
  assert.equal(fromEnv.limits.parallelTurns, 3);
  assert.equal(fromEnv.logLevel, 'debug');
  assert.equal(fromEnv.databaseUrl, 'postgres://x');
});

test('another container runtime is a name, from the file or a variable', async () => {
  await write('sandboxRuntime: runsc\n');
  assert.equal((await readSettings(dir, {})).sandboxRuntime, 'runsc');
  assert.equal((await readSettings(dir, { CODEX_SANDBOX_RUNTIME: 'kata' })).sandboxRuntime, 'kata');
  await assert.rejects(readSettings(dir, { CODEX_SANDBOX_RUNTIME: '--privileged' }), /CODEX_SANDBOX_RUNTIME/);
  await write('');
  assert.equal((await readSettings(dir, {})).sandboxRuntime, undefined);
});

test('how many sandboxes are kept started is a whole number, none by default', async () => {
  await write('');
  assert.equal((await readSettings(dir, {})).sandboxPool, 0);
  await write('sandboxPool: 3\n');
  assert.equal((await readSettings(dir, {})).sandboxPool, 3);
  assert.equal((await readSettings(dir, { CODEX_SANDBOX_POOL: '2' })).sandboxPool, 2);
  for (const value of ['', 'two', '-1', '1.5', '17'])
    await assert.rejects(readSettings(dir, { CODEX_SANDBOX_POOL: value }), /CODEX_SANDBOX_POOL/);
});

test('what is wrong is named with its place, never ignored', async () => {
  const wrong: [string, RegExp][] = [
    ['limits:\n  paralelTurns: 2\n', /config\.yaml.*paralelTurns/],
    ['limits:\n  parallelTurns: -2\n', /config\.yaml.*limits\.parallelTurns/],
    ['log: loud\n', /config\.yaml.*log/],
    ['limits:\n  - [\n', /config\.yaml:\d+/],
    ['token: x\n', /token/],
  ];
  for (const [text, message] of wrong) {
    await write(text);
    await assert.rejects(readSettings(dir, {}), message);
  }
  await write('');
  await assert.rejects(readSettings(dir, { CODEX_PATCH_BYTES: 'much' }), /CODEX_PATCH_BYTES.*“much”/);
});

test('the cached database belongs to the installed version', async () => {
  const manifest = JSON.parse(await readFile(join(import.meta.dirname, '../../../package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  const source = await readFile(join(import.meta.dirname, '../../../server/store/template.ts'), 'utf8');
  assert.ok(source.includes(`database-pglite-${manifest.dependencies['@electric-sql/pglite']}'`));
});
