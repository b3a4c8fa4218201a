/** What a window keeps of reviews, and what it keeps of bytes. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { Blobs } from '../../../../extension/changes/blobs.ts';
import { keyOf, type ResultRef } from '../../../../extension/changes/result.ts';
import { StoredReviews, type StoredReview } from '../../../../extension/changes/stored.ts';
import { removeFolder, temporaryFolder } from '../../../support/git.ts';

const REF: ResultRef = { taskId: 'task0001', turn: 1, attempt: 1, from: null, root: 'here' };
const review = (more: Partial<StoredReview> = {}): StoredReview => ({
  ...{ v: 1, ref: REF, title: 'A task', steps: [] },
  files: { 'a.txt': { splits: [], items: [{ id: 'x', decision: 'accepted', inFile: true }] } },
  ...more,
});

function folder(context: TestContext): string {
  const dir = temporaryFolder('codex-stored');
  context.after(() => removeFolder(dir));
  return dir;
}

test('a review comes back as it was stored, the newest write last', async (context) => {
  const stored = new StoredReviews(folder(context));
  await stored.begin('one', Buffer.from([0, 255]));
  const writes = ['A', 'B', 'C'].map((title) => stored.save('one', review({ title })));
  await Promise.all(writes);
  assert.deepEqual(await stored.state('one'), review({ title: 'C' }));
  assert.deepEqual(Buffer.from((await stored.patch('one'))!), Buffer.from([0, 255]));
  await stored.remove('one');
  assert.equal(await stored.state('one'), null);
});

test('what is damaged or of another version is left out, and half a write never counts', async (context) => {
  const dir = folder(context);
  const stored = new StoredReviews(dir);
  await stored.begin('one', Buffer.from('p'));
  await stored.save('one', review());
  writeFileSync(join(dir, 'one', 'state.json.tmp'), '{"v":1');
  assert.deepEqual(await stored.state('one'), review());
  writeFileSync(join(dir, 'one', 'state.json'), '{"v":2}');
  assert.equal(await stored.state('one'), null);
  writeFileSync(join(dir, 'one', 'state.json'), 'no JSON');
  assert.equal(await stored.state('one'), null);
});

test('reviews are listed newest first, and old ones go', async (context) => {
  const dir = folder(context);
  const stored = new StoredReviews(dir);
  const now = Date.now();
  for (const [key, days] of [
    ['new', 0],
    ['week', 7],
    ['old', 40],
  ] as const) {
    await stored.begin(key, Buffer.from('p'));
    await stored.save(key, review());
    const at = new Date(now - days * 24 * 60 * 60_000);
    utimesSync(join(dir, key, 'state.json'), at, at);
  }
  assert.deepEqual(
    (await stored.list(now)).map(({ key }) => key),
    ['new', 'week'],
  );
  assert.equal(existsSync(join(dir, 'old')), false);
  assert.equal(readdirSync(dir).length, 2);
});

test('a result in another folder, turn or attempt is another review', () => {
  const keys = [
    REF,
    { ...REF, turn: 2 },
    { ...REF, attempt: 2 },
    { ...REF, from: 1 },
    { ...REF, root: 'there' },
  ].map(keyOf);
  assert.equal(new Set(keys).size, 5);
  assert.equal(keyOf({ ...REF }), keys[0]);
});

test('bytes are fetched once while there is room, and a failure is not kept', async () => {
  const blobs = new Blobs();
  let fetched = 0;
  const fetch = async () => {
    fetched++;
    if (fetched === 1) throw new Error('not now');
    return Buffer.from('bytes');
  };
  await assert.rejects(blobs.get('x', fetch));
  await Promise.all([blobs.get('x', fetch), blobs.get('x', fetch)]);
  assert.equal(fetched, 2);
  const large = Buffer.alloc(100 * 1024 * 1024);
  await blobs.get('y', async () => large);
  await blobs.get('z', async () => large);
  await blobs.get('x', fetch);
  assert.equal(fetched, 3, 'it had to make room');
});
