/**
 * `kill -9` at the backend, five hundred times over long tasks of different plans. `CODEX_KILLS` says how
 * many, `CODEX_KILL_SEED` which; a seed of its own per task is told, so that one can be had again.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { place } from '../faults/harness.ts';
import { killRun } from '../faults/kills/kill-run.ts';

const KILLS = Number(process.env.CODEX_KILLS ?? 500);
const SEED = Number(process.env.CODEX_KILL_SEED ?? 1_000);
const KILLS_OF_A_TASK = 25;
const STEPS = 16;
/** Tasks with the same plan share the undisturbed run that they are held against. */
const TASKS_OF_A_PLAN = 4;

const here = place();

test(`tasks whose backends are killed ${KILLS} times end as those that nobody disturbed`, async (t) => {
  const total = { kills: 0, interrupted: 0, lost: 0 };
  let quiet = '';
  for (let task = 0; total.kills < KILLS; task++) {
    const plan = { here, planSeed: SEED + Math.floor(task / TASKS_OF_A_PLAN), steps: STEPS };
    if (task % TASKS_OF_A_PLAN === 0) {
      quiet = (await killRun({ ...plan, seed: 0, kills: 0, name: `quiet-${task}` })).patch.toString('latin1');
    }
    const kills = Math.min(KILLS_OF_A_TASK, KILLS - total.kills);
    const seed = SEED + task;
    const { patch, killed, interrupted, lost, tookMs } = await killRun({
      ...plan,
      seed,
      kills,
      name: `killed-${task}`,
    });
    t.diagnostic(
      `seed ${seed}: ${killed.length} kills in ${tookMs} ms, ${interrupted} calls in doubt, ${lost} sandboxes lost: ${killed.join(' ')}`,
    );
    assert.equal(killed.length, kills, `seed ${seed}`);
    assert.equal(patch.toString('latin1'), quiet, `seed ${seed}`);
    total.kills += killed.length;
    total.interrupted += interrupted;
    total.lost += lost;
  }
  t.diagnostic(`${total.kills} kills, ${total.interrupted} calls in doubt, ${total.lost} sandboxes lost`);
});
