/** Programs in a local sandbox that take all they can get, and a runner's socket that is none. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { resolveLimits } from '../../../protocol/limits.ts';
import { sh } from '../../integration/sandbox/help.ts';
import { isCode } from '../../integration/sandbox/suite.ts';
import { startWorld } from './world.ts';
import type { World } from './world.ts';

const MIB = 1024 * 1024;

describe('a local sandbox is held to its limits', { timeout: 180_000 }, () => {
  let world: World;
  before(async () => {
    world = await startWorld();
  });
  after(() => world?.end());

  test('a program that takes all memory ends, as out of memory; what is beside it and the runner go on', async () => {
    const limits = resolveLimits({ sandboxMemoryBytes: 300 * MIB });
    const sandbox = await world.open({ limits });
    const beside = sh(sandbox, 'sleep 3; echo still here');
    const bomb = await sh(sandbox, `exec perl -e 'push @a, "x" x (10 << 20) while 1'`);
    assert.equal(bomb.end, 'outOfMemory');
    assert.equal(bomb.exitCode, 137);
    const inShell = await sh(sandbox, `perl -e 'push @a, "x" x (10 << 20) while 1'; echo "exit $?"; exit 1`);
    assert.equal(inShell.end, 'outOfMemory');
    assert.match(inShell.output, /exit 137/);
    assert.equal((await beside).output, 'still here\n');
    const own = await sh(sandbox, 'exit 3');
    assert.deepEqual([own.end, own.exitCode], ['exited', 3], 'a later command is not told so');
  });

  test('many processes that are each small are too large together; pages that they share count once', async () => {
    const limits = resolveLimits({ sandboxMemoryBytes: 400 * MIB });
    const sandbox = await world.open({ limits });
    const each = `perl -e '$x = "x" x (60 << 20); sleep 20' & `;
    assert.equal((await sh(sandbox, `${each.repeat(8)} wait -n; exit 1`)).end, 'outOfMemory');
    await sandbox.stopAll();
    const shared = await sh(
      sandbox,
      `exec perl -e '$x = "x" x (60 << 20); for (1 .. 8) { fork or do { sleep 2; exit } } 1 while wait > 0; print "fine"'`,
    );
    assert.equal(shared.output, 'fine');
  });

  test('a program that starts more and more processes ends, and what it was in can be opened again', async () => {
    const limits = resolveLimits({ sandboxPids: 100 });
    const task = { taskId: `test-forks-${process.pid}`, limits };
    const sandbox = await world.open(task);
    const started = Date.now();
    // As a person of their own the kernel refuses to fork; for root everything in it is ended instead.
    // Bounded, unlike a real bomb: until it is ended it is the whole machine's load.
    const many = 'for i in {1..600}; do sleep 60 & done; while :; do sleep 1; done';
    const bomb = await sh(sandbox, many, { timeoutMs: 8_000 }).then(
      ({ end, reason, output }) => `${end} ${reason ?? ''} ${output}`,
      (error: unknown) => (isCode('sandboxLost')(error), 'lost'),
    );
    assert.match(bomb, /over 100 processes|Resource temporarily|^lost$/);
    assert.ok(Date.now() - started < 25_000);
    const again = await world.open({ ...task, generation: 2 });
    await again.stopAll();
    const after = await sh(again, 'ls -d /proc/[0-9]* | wc -l');
    assert.ok(Number(after.output) < 20, after.output);
  });

  test('a program that fills the disk ends the turn, in one file or in many', async () => {
    const limits = resolveLimits({ sandboxDiskBytes: 60 * MIB });
    const sandbox = await world.open({ limits });
    const one = await sh(sandbox, 'exec head -c 200M /dev/zero > /tmp/one');
    assert.equal(one.end, 'signalled');
    await sh(sandbox, 'rm /tmp/one');
    const many = sh(
      sandbox,
      'mkdir /tmp/m; for i in {1..60}; do head -c 5M /dev/zero > /tmp/m/$i; done; chmod 000 /tmp/m; sleep 60',
    );
    await assert.rejects(many, isCode('sandboxDiskFull'));
  });

  test('nothing is left behind by a sandbox that is stopped, however it hid', async () => {
    const sandbox = await world.open();
    const mark = `left-${process.pid}`;
    await sh(
      sandbox,
      `for i in 1 2 3; do setsid -f bash -c "trap '' TERM HUP INT; exec -a ${mark} sleep 1000" >/dev/null 2>&1 </dev/null; done; until [ $(grep -lzx "[${mark[0]}]${mark.slice(1)}" /proc/[0-9]*/cmdline | wc -l) -ge 3 ]; do sleep 0.02; done`,
    );
    assert.ok(countOf(mark) >= 3);
    await world.driver.stop(sandbox.name);
    assert.equal(countOf(mark), 0);
  });

  test('the backend follows no link that was put in the place of its socket', async () => {
    const { taskId, ...spec } = { taskId: `test-link-${process.pid}`, generation: 1 };
    const sandbox = await world.open({ taskId, ...spec });
    await sh(sandbox, `rm /run/codex/door.sock; ln -s ${world.socketPath} /run/codex/door.sock`);
    const again = await world.open({ taskId, generation: 2 });
    assert.equal(again.how, 'restarted');
    assert.deepEqual(world.reached(), []);
  });
});

function countOf(mark: string): number {
  return readdirSync('/proc').filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'latin1').startsWith(mark);
    } catch {
      return false;
    }
  }).length;
}
