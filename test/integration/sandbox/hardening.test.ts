/** What confines a container, tried from inside; what happens when it uses more than it may. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import Docker from 'dockerode';
import { CodexError } from '../../../protocol/errors.ts';
import { resolveLimits } from '../../../protocol/limits.ts';
import { createDriver } from '../../../server/sandbox/index.ts';
import type { Sandbox, SandboxDriver } from '../../../server/sandbox/sandbox.ts';
import { isCode } from './suite.ts';
import { command, newTask, scratchDir, sh } from './help.ts';

const MIB = 1024 * 1024;
/** As `kernel/capability` counts them. */
const CAPABILITIES = { CHOWN: 0, DAC_OVERRIDE: 1, FOWNER: 3, SETGID: 6, SETUID: 7 };

/** Ignores TERM, belongs to nobody, and says it is there. */
const DAEMON = `
import os, signal, sys, time
def hide(uid):
    if os.fork(): return
    os.setsid()
    if os.fork(): os._exit(0)
    os.setpgid(0, 0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if uid:
        os.setgroups([]); os.setgid(uid); os.setuid(uid)
    open(f'/tmp/hidden-{uid}', 'w').write(str(os.getpid()))
    while True: time.sleep(1)
for uid in (0, 1, 65534, 4242): hide(uid)
`;
const HIDE = `
rm -f /tmp/hidden-*
python3 -c "$DAEMON"
env -i setsid setpriv --reuid=33 --regid=33 --clear-groups bash -c 'trap "" TERM; (while :; do sleep 1; done) & while :; do sleep 1; done' &
until [ "$(ls /tmp/hidden-* | wc -l)" = 4 ]; do sleep 0.05; done
echo hidden; sleep 100
`;
const LEFT = `ps -eo uid=,args= | grep -E 'import os|while :' | grep -v grep | cat`;

describe('a confined container', { timeout: 240_000 }, () => {
  const data = scratchDir();
  let driver: SandboxDriver;
  let sandbox: Sandbox;

  before(async () => {
    driver = createDriver({ kind: 'docker', dataDir: data.path });
    sandbox = await driver.open({
      ...newTask(),
      limits: resolveLimits({ sandboxMemoryBytes: 256 * MIB, sandboxPids: 200 }),
    });
  });
  after(async () => {
    await sandbox?.detach();
    for (const ref of await driver.list()) await driver.remove(ref.name);
    data.remove();
  });

  test('has five capabilities, a filter, no new privileges, its limits, and the engine’s masks', async () => {
    const { output } = await sh(
      sandbox,
      `grep -E '^(CapBnd|CapEff|NoNewPrivs|Seccomp):' /proc/self/status; ulimit -c; ulimit -n
       ls /dev | grep -cE '^(sd|vd|nvme|kvm|mem|loop)'; cat /proc/kcore 2>/dev/null | wc -c
       unshare -U true 2>&1 || echo no user namespace; mount -t tmpfs x /mnt 2>&1 || echo no mount
       touch /proc/sys/kernel/core_pattern 2>&1; echo x > /proc/sys/kernel/hostname; mknod /tmp/sda b 8 0 || echo no device`,
    );
    const mask = Object.values(CAPABILITIES)
      .reduce((bits, one) => bits + 2 ** one, 0)
      .toString(16)
      .padStart(16, '0');
    assert.match(
      output,
      new RegExp(
        `CapEff:\\s${mask}\\nCapBnd:\\s${mask}\\nNoNewPrivs:\\s1\\nSeccomp:\\s2\\n0\\n16384\\n0\\n0\\n`,
      ),
    );
    for (const refusal of ['no user namespace', 'no mount', 'no device'])
      assert.match(output, new RegExp(refusal));
    assert.match(output, /hostname: Read-only file system/);
  });

  for (const how of ['timeout', 'cancel'] as const) {
    test(`a ${how} ends what a command started as other users, which hides from it`, async () => {
      const stop = new AbortController();
      const hidden = command(HIDE, {
        env: { ...command('').env, DAEMON },
        timeoutMs: how === 'timeout' ? 4_000 : 60_000,
      });
      const result = await sandbox.run(hidden, {
        signal: stop.signal,
        onOutput: (bytes) => {
          if (how === 'cancel' && bytes.toString().includes('hidden')) stop.abort();
        },
      });
      assert.equal(result.end, how === 'timeout' ? 'timedOut' : 'cancelled');
      assert.equal((await sh(sandbox, LEFT)).output, '');
    });
  }

  test('a daemon of another command is left alone by that', async () => {
    await sh(sandbox, `setsid sleep 1234 >/dev/null 2>&1 & disown`);
    const result = await sh(sandbox, 'sleep 100', { timeoutMs: 200 });
    assert.equal(result.end, 'timedOut');
    assert.match((await sh(sandbox, 'ps -eo args=')).output, /^sleep 1234$/m);
  });

  test('emptying the sandbox ends processes of every user', async () => {
    const started = await sh(sandbox, HIDE.replace('; sleep 100', ''), {
      env: { ...command('').env, DAEMON },
    });
    assert.match(started.output, /hidden/);
    assert.equal((await sh(sandbox, LEFT)).output.trim().split('\n').length >= 5, true);
    await sandbox.stopAll();
    assert.equal((await sh(sandbox, LEFT)).output, '');
  });

  test('a fork bomb of another user is ended, though nothing can be started meanwhile', async () => {
    const bomb = `setpriv --reuid=77 --regid=77 --clear-groups bash -c 'bomb() { bomb | bomb & }; trap "" TERM; bomb; sleep 60'`;
    const result = await sh(sandbox, bomb, { timeoutMs: 2_000 });
    assert.notEqual(result.end, 'notStarted');
    await sandbox.stopAll();
    assert.equal((await sh(sandbox, `ps -eo uid= | grep -c '^ *77$'`)).output, '0\n');
  });

  test('a command that takes too much memory is told so, and the next one works', async () => {
    const greedy = await sh(sandbox, `python3 -c "x = bytearray(1024 * 1024 * 1024)"`);
    assert.deepEqual({ end: greedy.end, exitCode: greedy.exitCode }, { end: 'outOfMemory', exitCode: 137 });
    const hidden = await sh(sandbox, `python3 -c "x = bytearray(1024 * 1024 * 1024)" || exit 3`);
    assert.deepEqual({ end: hidden.end, exitCode: hidden.exitCode }, { end: 'outOfMemory', exitCode: 3 });
    const many = await sh(
      sandbox,
      `for i in $(seq 8); do python3 -c "x = bytearray(90 * 1024 * 1024); import time; time.sleep(3)" & pids="$pids $!"; done; for p in $pids; do wait $p || bad=1; done; exit $bad`,
    );
    assert.equal(many.end, 'outOfMemory');
    assert.equal((await sh(sandbox, 'exit 3')).end, 'exited');
    assert.equal(sandbox.lost.aborted, false);
    assert.equal((await sh(sandbox, 'cat /proc/self/oom_score_adj')).output, '1000\n');
  });
});

test('what fills the disk is ended, its files are kept, and the next turn may go on', async () => {
  const data = scratchDir();
  const driver = createDriver({ kind: 'docker', dataDir: data.path });
  const spec = { ...newTask(), limits: resolveLimits({ sandboxDiskBytes: 200 * MIB }) };
  const sandbox = await driver.open(spec);
  try {
    assert.equal((await sh(sandbox, 'head -c 50M /dev/zero > /workspace/kept; sleep 3')).exitCode, 0);
    assert.equal(sandbox.lost.aborted, false);
    await assert.rejects(
      sh(sandbox, 'setsid sleep 4321 & dd if=/dev/zero of=/workspace/fill bs=1M count=400; sleep 30'),
      (error) =>
        error instanceof CodexError &&
        error.code === 'sandboxDiskFull' &&
        error.wire.params['limitBytes'] === 200 * MIB,
    );
    assert.equal((sandbox.lost.reason as CodexError).code, 'sandboxDiskFull');
    const more = { ...spec, generation: 2, limits: resolveLimits() };
    const next = await driver.open(more);
    const { output } = await sh(next, `stat -c %s /workspace/kept; pgrep -c -f '[s]leep 4321' || true`);
    assert.equal(output, `${50 * MIB}\n0\n`);
    await next.detach();
  } finally {
    await driver.remove(sandbox.name);
    data.remove();
  }
});

test('what fills the runner’s own folder is ended too', async () => {
  const data = scratchDir();
  const driver = createDriver({ kind: 'docker', dataDir: data.path });
  const sandbox = await driver.open({
    ...newTask(),
    limits: resolveLimits({ sandboxDiskBytes: 200 * MIB }),
  });
  try {
    await assert.rejects(
      sh(sandbox, 'head -c 300M /dev/zero > /run/codex/fill; sleep 100', { timeoutMs: 90_000 }),
      isCode('sandboxDiskFull'),
    );
  } finally {
    await driver.remove(sandbox.name);
    data.remove();
  }
});

test('a sandbox that loses its runner for memory says that it was memory', async () => {
  const data = scratchDir();
  const driver = createDriver({ kind: 'docker', dataDir: data.path });
  const sandbox = await driver.open({
    ...newTask(),
    limits: resolveLimits({ sandboxMemoryBytes: 256 * MIB }),
  });
  try {
    // As high as it goes: the runner then is the first that the kernel takes.
    const greedy = `for pid in $(pgrep -f 'runner.cjs serve'); do echo 1000 > /proc/$pid/oom_score_adj; done
      echo 500 > /proc/self/oom_score_adj
      for i in $(seq 12); do python3 -c "import time; x = bytearray(25 * 1024 * 1024); time.sleep(60)" & done; wait`;
    await assert.rejects(sh(sandbox, greedy), isCode('outOfMemory'));
  } finally {
    await driver.remove(sandbox.name);
    data.remove();
  }
});

test('a runtime that the engine does not have is named, with those it has', async () => {
  const data = scratchDir();
  const driver = createDriver({ kind: 'docker', dataDir: data.path, runtime: 'no-such-runtime' });
  const health = await driver.check();
  assert.equal(health.ok, false);
  assert.match(health.detail, /no runtime “no-such-runtime”; it has .*runc/);
  data.remove();
  assert.ok((await new Docker().listContainers()).every((one) => !one.Names.includes('no-such-runtime')));
});
