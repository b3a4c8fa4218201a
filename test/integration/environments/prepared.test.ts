import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { PreparedEnvironments, type Prepared } from '../../../server/environments/prepared.ts';
import type { Store } from '../../../server/store/store.ts';
import { openWithTask, temporaryFolder } from '../store/fixture.ts';

let store: Store;
let room: PreparedEnvironments;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
before(async () => {
  folder = await temporaryFolder();
  store = await openWithTask(folder.dataDir);
  room = new PreparedEnvironments({ store, maxBytes: 100 });
});
after(async () => {
  await store.close();
  await folder.remove();
});
afterEach(() => store.write((tx) => tx.deleteFrom('prepared').execute()));

const of = (key: string, more: Partial<Prepared> = {}): Prepared => ({
  key,
  environment: 'default',
  repoId: 'r'.repeat(32),
  sha: 'a'.repeat(40),
  snapshot: `snapshot of ${key}`,
  bytes: 40,
  setupMs: 1_000,
  createdAt: 1_000,
  expiresAt: 2_000,
  ...more,
});

test('what was prepared is found until it expires', async () => {
  await room.keep(of('one'));
  assert.deepEqual(await room.find('one', 1_999), of('one'));
  assert.equal(await room.find('one', 2_000), null);
  assert.equal(await room.find('two', 1_500), null);
  await room.keep(of('one', { snapshot: 'newer', expiresAt: 9_000 }));
  assert.equal((await room.find('one', 8_000))?.snapshot, 'newer');
});

test('the one that was used longest ago goes when all together are too large', async () => {
  for (const key of ['one', 'two', 'three']) await room.keep(of(key));
  await room.find('one', 1_500);
  await room.find('three', 1_600);
  await room.trim(1_700);
  assert.deepEqual([...(await room.snapshots())].sort(), ['snapshot of one', 'snapshot of three']);
  await room.trim(2_500);
  assert.equal((await room.snapshots()).size, 0);
});

test('a reset forgets what was prepared of one environment', async () => {
  await room.keep(of('one'));
  await room.keep(of('two'));
  await room.keep(of('other', { environment: 'other' }));
  assert.equal(await room.reset('default'), 2);
  assert.deepEqual([...(await room.snapshots())], ['snapshot of other']);
  await room.forget({ key: 'other', snapshot: 'one that was there before' });
  assert.equal((await room.snapshots()).size, 1);
  await room.forget({ key: 'other', snapshot: 'snapshot of other' });
  assert.equal((await room.snapshots()).size, 0);
});

test('one works at a key; the others wait, look again, and take over when it failed', async () => {
  const signal = new AbortController().signal;
  const first = Promise.withResolvers<string>();
  const one = room.alone('key', () => first.promise, signal);
  let waits = 0;
  const two = room.alone(
    'key',
    () => Promise.resolve('never'),
    signal,
    () => waits++,
  );
  assert.equal(waits, 1);
  assert.equal(await room.alone('another', () => Promise.resolve('at once'), signal), 'at once');
  first.reject(new Error('failed'));
  await assert.rejects(one, /failed/);
  assert.equal(await two, null);
  assert.equal(await room.alone('key', () => Promise.resolve('mine'), signal), 'mine');
});

test('who waits can stop waiting', async () => {
  const stop = new AbortController();
  const first = Promise.withResolvers<string>();
  const one = room.alone('key', () => first.promise, new AbortController().signal);
  const two = room.alone('key', () => Promise.resolve('never'), stop.signal);
  stop.abort();
  await assert.rejects(two);
  first.resolve('done');
  assert.equal(await one, 'done');
});
