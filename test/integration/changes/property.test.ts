/**
 * Reviews of random results: real git makes the patch, a person decides part after part in any order, every byte
 * is compared. CODEX_TEST_REVIEWS and CODEX_TEST_SEED run more of them, or others.
 */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { after, test } from 'node:test';
import { nodeFileIO, openCheckpoints } from '../../../client/apply/index.ts';
import { reviewed } from '../../../extension/changes/result.ts';
import { ChangesSession } from '../../../extension/changes/session.ts';
import type { StoredReview } from '../../../extension/changes/stored.ts';
import {
  changedTree,
  diff,
  expectedTree,
  git,
  randomOf,
  randomTree,
  readTree,
  scratch,
  treeId,
  writeTree,
  type Random,
  type Tree,
} from '../apply/trees.ts';

const REVIEWS = Number(process.env['CODEX_TEST_REVIEWS'] ?? 20);
const FIRST_SEED = Number(process.env['CODEX_TEST_SEED'] ?? 1);

const base = scratch('reviews');
after(() => fs.rmSync(base, { recursive: true, force: true }));
const store = `${base}/store.git`;
git(base, ['init', '-q', '--bare', store]);
const checkpoints = openCheckpoints(`${base}/checkpoints`);

function folderWith(name: string, tree: Tree): string {
  const folder = `${base}/${name}`;
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(folder);
  writeTree(folder, tree);
  return folder;
}

function shuffled<T>(random: Random, list: readonly T[]): T[] {
  const left = [...list];
  return list.map(() => left.splice(random(left.length), 1)[0]!);
}

async function review(root: string, patch: Buffer, stored: { review: StoredReview | null }) {
  const ref = { taskId: 'task0001', turn: 1, attempt: 1, from: null, root };
  const session = new ChangesSession(await reviewed(ref, 'A task', patch, []), stored.review, {
    io: nodeFileIO(root),
    documents: {
      isDirty: () => false,
      read: () => Promise.reject(new Error('no document is open')),
      applyToBuffer: () => Promise.reject(new Error('no document is open')),
    },
    checkpoints: () => checkpoints,
    fetch: async (oid) => git(store, ['cat-file', 'blob', oid]),
    save: async (state) => {
      stored.review = JSON.parse(JSON.stringify(state)) as StoredReview;
    },
  });
  await session.look();
  return session;
}

for (let seed = FIRST_SEED; seed < FIRST_SEED + REVIEWS; seed++) {
  test(`review ${seed}: parts in any order are the result, and undo from anywhere is the start`, async () => {
    const random = randomOf(seed);
    const from = randomTree(random);
    const to = changedTree(random, from);
    const root = folderWith('root', from);
    const patch = diff(store, treeId(store, root), treeId(store, folderWith('to', to)));
    const stored: { review: StoredReview | null } = { review: null };
    let session = await review(root, patch, stored);
    const ids = session.files.flatMap(({ items }) => items.map(({ id }) => id));

    // Back and forth, some of it after a restart.
    for (const id of shuffled(random, ids)) {
      const outcome = await (random(3) === 0 ? session.reject([id]) : session.accept([id], true));
      assert.deepEqual(outcome.refused, [], `deciding ${id}`);
      if (random(10) === 0) session = await review(root, patch, stored);
    }
    for (const id of shuffled(random, ids)) assert.deepEqual((await session.accept([id], true)).refused, []);
    assert.deepEqual(readTree(root), expectedTree(to), 'all accepted');

    for (const id of shuffled(random, ids).slice(0, ids.length / 2))
      assert.deepEqual((await session.reject([id])).refused, [], `rejecting ${id}`);
    session = await review(root, patch, stored);
    for (let steps = 0; ; steps++) {
      assert.ok(steps <= 4 * ids.length, 'undo comes to an end');
      const outcome = await session.undo();
      assert.deepEqual(outcome.refused, [], 'undoing');
      if (outcome.decision === null) break;
    }
    assert.deepEqual(readTree(root), expectedTree(from), 'all undone');

    await session.acceptAll(true);
    assert.deepEqual(readTree(root), expectedTree(to), 'all at once');
    await session.rejectAll();
    assert.deepEqual(readTree(root), expectedTree(from), 'all rejected');
  });
}
