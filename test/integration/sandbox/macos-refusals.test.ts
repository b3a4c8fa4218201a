/** Where macOS does not confine, or not as it must, nothing runs: neither a sandbox nor a runner. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { PLACES_VARIABLE } from '../../../protocol/places.ts';
import { LocalDriver } from '../../../server/sandbox/local/driver.ts';
import { macOS } from '../../../server/sandbox/local/macos/platform.ts';
import { freePorts } from '../../../server/sandbox/local/macos/ports.ts';
import { newTask, scratchDir } from './help.ts';
import { notAMac } from './seatbelt/machine.ts';
import { isCode } from './suite.ts';

describe('a Mac that can’t confine', { timeout: 60_000 }, () => {
  const refusalBy = async (
    t: { after: (work: () => void) => void },
    change: (dir: string) => ReturnType<typeof notAMac>,
  ) => {
    const scratch = scratchDir();
    t.after(scratch.remove);
    const driver = new LocalDriver(join(scratch.path), macOS(change(scratch.path)));
    const { ok, detail } = await driver.check();
    assert.equal(ok, false, detail);
    await assert.rejects(driver.open(newTask()), isCode('sandboxUnavailable'));
    assert.deepEqual(await driver.list(), []);
    return detail;
  };

  test('is refused without sandbox-exec, or with one that can’t be run', async (t) => {
    const missing = await refusalBy(t, (dir) => ({ ...notAMac(dir), sandboxExec: join(dir, 'none') }));
    assert.match(missing, /none is missing or can’t be run.*Docker/);
    const text = await refusalBy(t, (dir) => {
      writeFileSync(join(dir, 'text'), '', { mode: 0o644 });
      return { ...notAMac(dir), sandboxExec: join(dir, 'text') };
    });
    assert.match(text, /missing or can’t be run/);
  });

  test('is refused when macOS takes the rules no more', async (t) => {
    const refused = await refusalBy(t, (dir) =>
      notAMac(dir, `sed -i 's/file-map-executable/no-such-thing/' "$rules"`),
    );
    assert.match(refused, /rules no more \(sandbox-exec: no operation no-such-thing\).*Docker/);
  });

  test('is refused when the rules don’t hold: each of them is tried', async (t) => {
    const refused = await refusalBy(t, (dir) => notAMac(dir, 'exec "$@"'));
    for (const could of [
      'read the data folder',
      'write elsewhere',
      'list the home',
      'signal others',
      'reach other ports',
    ])
      assert.ok(refused.includes(could), `${could}: ${refused}`);
  });

  test('is refused when a program can’t do what it needs, or nothing runs at all', async (t) => {
    const needs = await refusalBy(t, (dir) => ({ ...notAMac(dir), systemPath: '/nowhere' }));
    assert.match(needs, /can’t .*run git/);
    assert.match(await refusalBy(t, (dir) => notAMac(dir, 'exit 1')), /did not run a trial \(1/);
  });

  test('starts nothing with rules that are rejected only then', async (t) => {
    const scratch = scratchDir();
    t.after(scratch.remove);
    const platform = macOS(notAMac(scratch.path));
    const driver = new LocalDriver(scratch.path, platform);
    assert.equal((await driver.check()).ok, true);
    notAMac(scratch.path, `echo 'sandbox-exec: unbound variable' >&2; exit 65`);
    await assert.rejects(driver.open(newTask()), (error: Error) => {
      assert.match(
        error.message + JSON.stringify(error),
        /rejected the sandbox's rules: sandbox-exec: unbound/,
      );
      return isCode('sandboxStartFailed')(error);
    });
    rmSync(join(scratch.path, 'sandboxes'), { recursive: true });
  });
});

describe('a runner without a namespace of its own', { timeout: 30_000 }, () => {
  const main = join(import.meta.dirname, '../../../runner/main.ts');
  const start = (dir: string, more: object, before: string[] = []) => {
    const places = {
      run: dir,
      originPort: 1,
      egress: { host: '127.0.0.1', port: 2 },
      pgrep: '/usr/bin/pgrep',
    };
    const [program = '', ...args] = [...before, process.execPath, main, 'serve'];
    const env = { PATH: '/usr/bin:/bin', [PLACES_VARIABLE]: JSON.stringify({ ...places, ...more }) };
    return spawnSync(program, args, { env, encoding: 'utf8', timeout: 20_000, killSignal: 'SIGKILL' });
  };

  test('does not start where it may signal others', (t) => {
    const scratch = scratchDir();
    t.after(scratch.remove);
    const { status, stderr } = start(scratch.path, { outsider: process.pid });
    assert.deepEqual({ status, stderr }, { status: 1, stderr: 'signals are not confined here\n' });
    assert.deepEqual(readdirSync(scratch.path), []);
  });

  test('does not start when another program has one of its ports: that one would be in reach', async (t) => {
    const scratch = scratchDir();
    t.after(scratch.remove);
    const free = await freePorts(undefined);
    const another = createServer();
    t.after(() => another.close());
    await new Promise<void>((resolve) => another.listen({ host: '127.0.0.1', port: 0 }, resolve));
    const { port } = another.address() as AddressInfo;
    const alone = ['bwrap', '--unshare-pid', '--die-with-parent', '--dev-bind', '/', '/', '--proc', '/proc'];
    for (const [name, ports] of [
      ['origin', { originPort: port, egress: { host: '127.0.0.1', port: free.egress } }],
      ['egress', { originPort: free.origin, egress: { host: '127.0.0.1', port } }],
    ] as const) {
      const { status, stderr } = start(scratch.path, { ...ports, outsider: process.pid }, alone);
      assert.equal(status, 1, stderr);
      assert.match(stderr, new RegExp(`^${name}: .*EADDRINUSE`));
    }
  });
});
