/**
 * `kill -9` at the backend, twenty times over one long task: it ends as if nothing had been. Many more,
 * with other plans, run at night (test/nightly/kills.test.ts). `CODEX_KILL_SEED` chooses when.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { place } from '../faults/harness.ts';
import { killRun } from '../faults/kills/kill-run.ts';

const SEED = Number(process.env.CODEX_KILL_SEED ?? 1);
const PLAN = { planSeed: 1, steps: 8 };

const here = place();

test('a task whose backend is killed twenty times ends as one that nobody disturbed', async (t) => {
  const quiet = await killRun({ here, ...PLAN, seed: 0, kills: 0, name: 'quiet' });
  const disturbed = await killRun({ here, ...PLAN, seed: SEED, kills: 20, name: 'killed' });
  t.diagnostic(
    `${disturbed.killed.length} kills in ${disturbed.tookMs} ms (undisturbed: ${quiet.tookMs} ms), ${disturbed.interrupted} calls in doubt, ${disturbed.lost} sandboxes lost: ${disturbed.killed.join(' ')}`,
  );
  assert.equal(disturbed.killed.length, 20);
  assert.equal(disturbed.patch.toString('latin1'), quiet.patch.toString('latin1'));
});
