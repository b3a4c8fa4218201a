/** Random pairs of trees: real git makes the patch, we apply and undo it, every byte is compared. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { after, test } from 'node:test';
import { applyPlan, openCheckpoints, planApply, undoCheckpoint } from '../../../client/apply/index.ts';
import { parsePatch, writePatch } from '../../../client/patch/index.ts';
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
} from './trees.ts';

const PAIRS = Number(process.env['CODEX_TEST_PAIRS'] ?? 200);
const FIRST_SEED = Number(process.env['CODEX_TEST_SEED'] ?? 1);

const base = scratch('property');
after(() => fs.rmSync(base, { recursive: true, force: true }));

test(`${PAIRS} random patches of git are written back as read, applied to the target, and undone to the start`, async () => {
  const store = `${base}/store.git`;
  git(base, ['init', '-q', '--bare', store]);
  const checkpoints = openCheckpoints(`${base}/checkpoints`);
  let files = 0;
  for (let seed = FIRST_SEED; seed < FIRST_SEED + PAIRS; seed++) {
    const random = randomOf(seed);
    const from = randomTree(random);
    const to = changedTree(random, from);
    const [folder, target] = [`${base}/from`, `${base}/to`];
    for (const [path, tree] of [
      [folder, from],
      [target, to],
    ] as const) {
      fs.rmSync(path, { recursive: true, force: true });
      fs.mkdirSync(path);
      writeTree(path, tree);
    }
    const start = readTree(folder);
    const [fromId, toId] = [treeId(store, folder), treeId(store, target)];
    const bytes = diff(store, fromId, toId, random(5) === 0 ? ['-C', '--find-copies-harder'] : []);

    const patch = parsePatch(bytes);
    assert.ok(writePatch(patch).equals(bytes), `seed ${seed}: written differs from read`);
    files += patch.files.length;
    const plan = await planApply(folder, patch);
    const outcome = await applyPlan(plan, { checkpoints, includeSelfRunning: () => true });
    for (const result of outcome.results) {
      assert.equal(result.status, 'applied', `seed ${seed}: ${JSON.stringify(result)}`);
    }
    assert.deepEqual(readTree(folder), expectedTree(to), `seed ${seed}: applied is not the target`);
    if (outcome.checkpointId === null) continue;
    for (let times = 0; times < 2; times++) {
      const undone = await undoCheckpoint(checkpoints, outcome.checkpointId);
      for (const result of undone.results) {
        assert.equal(
          result.status,
          times === 0 ? 'restored' : 'unchanged',
          `seed ${seed}: ${JSON.stringify(result)}`,
        );
      }
      assert.deepEqual(readTree(folder), start, `seed ${seed}: undone is not the start`);
    }
    checkpoints.remove(outcome.checkpointId);
  }
  assert.ok(files > PAIRS, 'the patches were not empty');
});
