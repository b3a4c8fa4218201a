/** Every attempt against a local sandbox as it is, and again without what holds it, where that can be shown. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { resolveLimits } from '../../../protocol/limits.ts';
import type { Sandbox } from '../../../server/sandbox/sandbox.ts';
import { sh } from '../../integration/sandbox/help.ts';
import { CALLS, FILES, NETWORK, PROCESSES } from './attempts.ts';
import type { Attempt } from './attempts.ts';
import { startWorld } from './world.ts';
import type { Weakness, World } from './world.ts';

const ALL: [string, Attempt[]][] = [
  ['files', FILES],
  ['processes', PROCESSES],
  ['system calls', CALLS],
  ['network', NETWORK],
];

async function escapes(world: World, sandbox: Sandbox, attempt: Attempt): Promise<string | null> {
  const before = world.reached().length;
  const { output, exitCode } = await sh(sandbox, `exec 2>&1; ${attempt.script(world)}`);
  const reached = world.reached().slice(before);
  const outside = readFileSync(world.outside, 'utf8');
  const alive = process.kill(world.victim, 0);
  const got = output.includes('ESCAPED') || output.includes(world.mark);
  if (got || reached.length > 0 || outside !== world.mark || !alive)
    return `${output.slice(0, 500)} (exit ${exitCode}) ${reached.join(' ')}`;
  return null;
}

describe('a local sandbox holds', { timeout: 300_000 }, () => {
  let world: World;
  let sandbox: Sandbox;
  before(async () => {
    world = await startWorld();
    sandbox = await world.open({ limits: resolveLimits({ sandboxCpus: 1 }) });
  });
  after(() => world?.end());

  for (const [what, attempts] of ALL) {
    describe(what, () => {
      for (const attempt of attempts) {
        test(attempt.name, async () => {
          assert.equal(await escapes(world, sandbox, attempt), null);
        });
      }
    });
  }
});

const WEAKNESSES: Weakness[] = ['seccomp', 'network', 'files', 'root'];
for (const weakness of WEAKNESSES) {
  describe(`without ${weakness}, the same attempts succeed`, { timeout: 120_000 }, () => {
    let world: World;
    let sandbox: Sandbox;
    before(async () => {
      world = await startWorld(weakness);
      sandbox = await world.open();
    });
    after(() => world?.end());

    for (const attempt of ALL.flatMap(([, attempts]) => attempts).filter((one) => one.opens === weakness)) {
      test(attempt.name, async () => {
        assert.notEqual(await escapes(world, sandbox, attempt), null);
      });
    }
  });
}
