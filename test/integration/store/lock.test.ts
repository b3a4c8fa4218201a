import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { CodexError } from '../../../protocol/errors.ts';
import { lockFolder } from '../../../server/store/lock.ts';
import { temporaryFolder } from './fixture.ts';

const busy = (error: unknown) => error instanceof CodexError && error.code === 'dataFolderBusy';
const read = (path: string) => JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;

test('a lock is held, released, and held again', async () => {
  const { dataDir, remove } = await temporaryFolder();
  const first = lockFolder(dataDir);
  assert.throws(() => lockFolder(dataDir), busy);
  first.setPort(4711);
  assert.throws(() => lockFolder(dataDir), /port 4711/);
  first.release();
  lockFolder(dataDir).release();
  await remove();
});

test('the lock of a killed process is taken over', async () => {
  const { dataDir, remove } = await temporaryFolder();
  const module = join(import.meta.dirname, '../../../server/store/lock.ts');
  const script = `import { lockFolder } from ${JSON.stringify(module)};
    lockFolder(${JSON.stringify(dataDir)}); console.log('held'); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--no-warnings', '--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  assert.throws(() => lockFolder(dataDir), new RegExp(`process ${child.pid}`));
  child.kill('SIGKILL');
  await once(child, 'exit');
  lockFolder(dataDir).release();
  await remove();
});

test('a process that got the same id later is not the owner', async () => {
  const { dataDir, remove } = await temporaryFolder();
  const path = join(dataDir, 'backend.lock');
  const first = lockFolder(dataDir);
  writeFileSync(path, JSON.stringify({ ...read(path), started: 'long ago' }));
  const second = lockFolder(dataDir);
  first.release();
  assert.throws(() => lockFolder(dataDir), busy, 'the first one does not release what is not its own');
  second.release();
  await remove();
});

test('an owner on another machine counts while it touches its lock', async () => {
  const { dataDir, remove } = await temporaryFolder();
  const path = join(dataDir, 'backend.lock');
  const first = lockFolder(dataDir);
  writeFileSync(path, JSON.stringify({ ...read(path), host: 'elsewhere' }));
  assert.throws(() => lockFolder(dataDir), /on elsewhere/);
  const old = new Date(Date.now() - 60_000);
  utimesSync(path, old, old);
  lockFolder(dataDir).release();
  first.release();
  await remove();
});

test('half a lock of a process that died while writing does not block', async () => {
  const { dataDir, remove } = await temporaryFolder();
  writeFileSync(join(dataDir, 'backend.lock'), '{"pid":');
  lockFolder(dataDir).release();
  await remove();
});
