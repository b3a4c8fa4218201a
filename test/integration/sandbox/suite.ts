/** What every kind of sandbox must do, run once for each. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { CodexError } from '../../../protocol/errors.ts';
import { createDriver } from '../../../server/sandbox/index.ts';
import type { Sandbox, SandboxDriver, SandboxKind, SandboxSpec } from '../../../server/sandbox/sandbox.ts';
import { command, newTask, scratchDir, sh } from './help.ts';
import { gitSuite } from './git-suite.ts';

const MIB = 1024 * 1024;

export function sandboxSuite(kind: SandboxKind): void {
  describe(`a ${kind} sandbox`, { timeout: 600_000 }, () => {
    const data = scratchDir();
    let driver: SandboxDriver;
    let spec: SandboxSpec;
    let sandbox: Sandbox;

    before(async () => {
      driver = createDriver({ kind, dataDir: data.path });
      spec = newTask();
      sandbox = await driver.open(spec);
    });
    after(async () => {
      await sandbox?.detach();
      for (const ref of await driver.list()) await driver.remove(ref.name);
      data.remove();
    });

    test('is healthy, new, and listed', async () => {
      const health = await driver.check();
      assert.equal(health.ok, true, health.detail);
      assert.equal(sandbox.how, 'new');
      assert.equal(sandbox.workdir, '/workspace/project');
      assert.deepEqual(
        (await driver.list()).map(({ name, taskId, attempt, running }) => ({
          name,
          taskId,
          attempt,
          running,
        })),
        [{ name: `codex-task-${spec.taskId}-1`, taskId: spec.taskId, attempt: 1, running: true }],
      );
    });

    test('gives a command its environment, standard output and errors in order, and its exit code', async () => {
      const { output, ...result } = await sh(sandbox, 'echo one; echo two >&2; echo three; cat; exit 7');
      assert.equal(output, 'one\ntwo\nthree\n');
      assert.equal(result.end, 'exited');
      assert.equal(result.exitCode, 7);
      assert.equal(result.outputBytes, 14);
      assert.equal(result.droppedBytes, 0);
      const environment = await sh(sandbox, '', {
        argv: ['env'],
        env: { PATH: '/usr/bin:/bin', ONLY: 'this' },
      });
      assert.deepEqual(
        environment.output.split('\n').filter((line) => line !== '' && !line.startsWith('CODEX_CALL_ID=')),
        ['PATH=/usr/bin:/bin', 'ONLY=this'],
      );
    });

    test('lets a program open its standard output again', async () => {
      assert.equal(
        (await sh(sandbox, 'echo again > /dev/stderr; echo more > /dev/stdout')).output,
        'again\nmore\n',
      );
    });

    test('says why a command did not start', async () => {
      const missing = await sh(sandbox, '', { argv: ['no-such-program'] });
      assert.deepEqual(
        { end: missing.end, exitCode: missing.exitCode, reason: missing.reason },
        { end: 'notStarted', exitCode: 127, reason: 'command not found: no-such-program' },
      );
      assert.equal((await sh(sandbox, 'true', { cwd: '/no/such' })).reason, 'no such folder: /no/such');
      assert.equal((await sh(sandbox, 'x'.repeat(3 * MIB))).end, 'notStarted');
    });

    test('tells a signal from an exit', async () => {
      const { end, exitCode } = await sh(sandbox, 'kill -SEGV $$');
      assert.deepEqual({ end, exitCode }, { end: 'signalled', exitCode: 139 });
    });

    test('runs a call id once, whoever joins it, and gives its output from any byte on', async () => {
      const once = command('echo x >> /tmp/once; echo 0123456789; wc -l < /tmp/once');
      assert.equal(await sandbox.find(once.callId), 'unknown');
      const [first, second] = await Promise.all([sandbox.run(once), sandbox.run(once)]);
      assert.deepEqual(first, second);
      let tail = '';
      const offsets: number[] = [];
      const third = await sandbox.run(once, {
        after: 5,
        onOutput: (bytes, offset) => {
          tail += bytes.toString();
          offsets.push(offset);
        },
      });
      assert.deepEqual(third, first);
      assert.equal(tail, '56789\n1\n');
      assert.equal(offsets[0], 5);
      assert.deepEqual(await sandbox.find(once.callId), first);
    });

    test('keeps the first bytes of a command that prints 1 GB, and little of it in memory', async () => {
      let heard = 0;
      const big = command('head -c 1G /dev/zero', { maxOutputBytes: 16 * MIB });
      const result = await sandbox.run(big, { onOutput: (bytes) => (heard += bytes.length) });
      assert.equal(result.end, 'exited');
      assert.equal(result.outputBytes, 1024 * MIB);
      assert.equal(result.droppedBytes, 1008 * MIB);
      assert.equal(heard, 16 * MIB);
      const { output } = await sh(
        sandbox,
        `grep -h VmRSS $(grep -lZ serve /proc/[0-9]*/cmdline | tr '\\0' '\\n' | sed s/cmdline/status/)`,
      );
      const residentKiB = Math.max(...[...output.matchAll(/(\d+) kB/g)].map((match) => Number(match[1])));
      assert.ok(residentKiB > 1_000 && residentKiB < 250 * 1024, `${residentKiB} KiB resident`);
    });

    test('ends a command that never ends, with what escaped its process group', async () => {
      const script = `trap '' TERM; setsid -f bash -c 'trap "" TERM; echo $$ > /tmp/escaped; while :; do sleep 0.1; done' >/dev/null 2>&1
        while [ ! -s /tmp/escaped ]; do sleep 0.05; done; cat /tmp/escaped; while :; do sleep 0.1; done`;
      const result = await sh(sandbox, script, { timeoutMs: 1_500 });
      assert.deepEqual({ end: result.end, exitCode: result.exitCode }, { end: 'timedOut', exitCode: 124 });
      assert.ok(result.durationMs >= 3_000 && result.durationMs < 30_000, `${result.durationMs} ms`);
      assert.match(result.output, /^\d+$/m);
      assert.equal((await sh(sandbox, `kill -0 ${Number(result.output)}`)).exitCode, 1);
    });

    test('cancels a command by its signal', async () => {
      const cancel = new AbortController();
      const result = await sandbox.run(command('echo started; sleep 600'), {
        signal: cancel.signal,
        onOutput: () => cancel.abort(),
      });
      assert.deepEqual({ end: result.end, exitCode: result.exitCode }, { end: 'cancelled', exitCode: 143 });
      const neverStarted = await sandbox.run(command('true'), { signal: AbortSignal.abort() });
      assert.equal(neverStarted.end, 'cancelled');
    });

    test('does not wait for a daemon that holds the output open, and leaves it running until stopAll', async () => {
      const started = Date.now();
      const { output } = await sh(sandbox, 'sleep 300 & echo $!');
      assert.ok(Date.now() - started < 20_000);
      assert.equal((await sh(sandbox, `kill -0 ${Number(output)}`)).exitCode, 0);
      await sandbox.stopAll();
      assert.equal((await sh(sandbox, `kill -0 ${Number(output)}`)).exitCode, 1);
    });

    test('puts and gets files, and never waits for what is none', async () => {
      const bytes = Buffer.from([0, 255, 10, 13, 0]);
      await sandbox.put('/tmp/put/a file', bytes, 0o751);
      assert.deepEqual(await sandbox.get('/tmp/put/a file', 1_000), bytes);
      assert.deepEqual(await sandbox.get('/tmp/put/a file', 2), bytes.subarray(0, 2));
      assert.equal((await sh(sandbox, "stat -c %a '/tmp/put/a file'; mkfifo /tmp/put/fifo")).output, '751\n');
      assert.equal(await sandbox.get('/tmp/put/fifo', 10), null);
      assert.equal(await sandbox.get('/tmp/put', 10), null);
      assert.equal(await sandbox.get('/no/such', 10), null);
      await assert.rejects(sandbox.get('relative', 10), isCode('badRequest'));
      const large = Buffer.alloc(40 * MIB, 'large');
      await sandbox.put('/tmp/put/large', large);
      assert.ok((await sandbox.get('/tmp/put/large', 64 * MIB))?.equals(large));
    });

    test('has no network interface but its own loopback, and reaches nothing', async () => {
      const { output } = await sh(sandbox, 'cat /proc/net/dev');
      assert.deepEqual(
        [...output.matchAll(/^\s*(\w+):/gm)].map((match) => match[1]),
        ['lo'],
      );
      for (const address of [
        '1.1.1.1/53',
        '172.17.0.1/22',
        '169.254.169.254/80',
        '127.0.0.1/22',
        '8.8.8.8/443',
      ]) {
        const { exitCode } = await sh(sandbox, `timeout 3 bash -c ': < /dev/tcp/${address}'`);
        assert.notEqual(exitCode, 0, address);
      }
      assert.notEqual((await sh(sandbox, 'getent hosts example.com')).exitCode, 0);
      assert.match((await sh(sandbox, 'getent hosts sandbox')).output, /^127\.0\.0\.1/);
    });

    test('can change neither the runner nor the rights it has', async () => {
      assert.notEqual((await sh(sandbox, 'echo x >> /opt/codex/tasks/runner.cjs')).exitCode, 0);
      assert.notEqual((await sh(sandbox, 'mount -t tmpfs none /mnt')).exitCode, 0);
      const { output } = await sh(sandbox, 'grep NoNewPrivs /proc/self/status; ls /var/run/docker.sock 2>&1');
      assert.match(output, /NoNewPrivs:\s+1/);
      assert.match(output, /No such file/);
    });

    test('goes on through a broken channel, and a command through it loses no output', async () => {
      if (kind === 'local') return; // No pump to break: the backend holds the socket itself.
      let text = '';
      const result = await sandbox.run(
        command(`echo before; sleep 0.3; pkill -f 'runner.cjs attac[h]'; sleep 0.5; echo after`),
        { onOutput: (bytes) => (text += bytes.toString()) },
      );
      assert.equal(result.exitCode, 0);
      assert.equal(text, 'before\nafter\n');
      assert.equal(sandbox.lost.aborted, false);
    });

    test('is adopted by a higher generation, which closes the lower; the lower is refused then', async () => {
      const higher = await driver.open({ ...spec, generation: 5 });
      assert.equal(higher.how, 'parked');
      if (!sandbox.lost.aborted) await once(sandbox.lost, 'abort');
      await assert.rejects(sandbox.run(command('true')), isCode('sandboxLost'));
      await assert.rejects(driver.open({ ...spec, generation: 4 }), isCode('generationSuperseded'));
      assert.equal((await sh(higher, 'echo still here')).output, 'still here\n');
      sandbox = higher;
    });

    test('a newer attach of the same generation replaces the older', async () => {
      const again = await driver.open({ ...spec, generation: 5 });
      assert.equal((await sh(again, 'echo mine')).output, 'mine\n');
      await assert.rejects(sandbox.run(command('true')), isCode('sandboxLost'));
      assert.equal((await sh(again, 'echo still mine')).output, 'still mine\n');
      await sandbox.detach();
      sandbox = again;
    });

    test('a backend killed in the middle of a command: the next gets all output and the exit code; it ran once', async () => {
      const script = fileURLToPath(new URL('./backend-that-dies.ts', import.meta.url));
      const task = newTask();
      const call = command(
        'echo ran >> /tmp/count; for i in 1 2 3 4 5; do echo line $i; sleep 0.3; done; exit 3',
      );
      const child = spawn(
        process.execPath,
        [script, JSON.stringify({ kind, dataDir: data.path, task, call })],
        {
          stdio: ['ignore', 'pipe', 'inherit'],
        },
      );
      for await (const line of createInterface({ input: child.stdout })) if (line === 'line 1') break;
      child.kill('SIGKILL');
      await once(child, 'exit');

      const next = await driver.open({ ...task, generation: 2 });
      assert.equal(await next.find(call.callId), 'running');
      let output = '';
      const result = await next.run(call, { onOutput: (bytes) => (output += bytes.toString()) });
      assert.equal(output, 'line 1\nline 2\nline 3\nline 4\nline 5\n');
      assert.equal(result.exitCode, 3);
      assert.equal((await sh(next, 'cat /tmp/count')).output, 'ran\n');
      await next.detach();
      await driver.remove(next.name);
    });

    test('a runner killed from inside: lost, then opened again with its files and an interrupted command', async () => {
      const task = newTask();
      const first = await driver.open(task);
      await first.put('/root/kept', Buffer.from('kept'));
      const call = command(
        `echo dying; sleep 0.2; kill -9 $(grep -lz 'serv[e]' /proc/[0-9]*/cmdline | cut -d/ -f3 | sort -rn); sleep 60`,
      );
      await assert.rejects(first.run(call), isCode('sandboxLost'));
      assert.equal(first.lost.aborted, true);
      const second = await driver.open({ ...task, generation: 2 });
      assert.equal(second.how, 'restarted');
      assert.equal((await second.get('/root/kept', 100))?.toString(), 'kept');
      const found = await second.find(call.callId);
      assert.equal(typeof found === 'object' ? found.end : found, 'interrupted');
      let output = '';
      const joined = await second.run(call, { onOutput: (bytes) => (output += bytes.toString()) });
      assert.equal(joined.end, 'interrupted');
      assert.equal(output, 'dying\n');
      await second.detach();
      await driver.remove(second.name);
    });

    test('is parked until a time, and taken out of the park by the next open', async () => {
      await sandbox.park(1_234_567_890_000);
      assert.equal(
        (await driver.list()).find((ref) => ref.name === sandbox.name)?.expiresAt,
        1_234_567_890_000,
      );
      await sandbox.detach();
      sandbox = await driver.open({ ...spec, generation: 6 });
      assert.equal((await driver.list()).find((ref) => ref.name === sandbox.name)?.expiresAt, undefined);
    });

    test('is removed whole, running processes too, and removing it again is no error', async () => {
      const task = newTask();
      const doomed = await driver.open(task);
      const lost = assert.rejects(doomed.run(command('sleep 500')), isCode('sandboxLost'));
      await driver.remove(doomed.name);
      await lost;
      await driver.remove(doomed.name);
      assert.equal(
        (await driver.list()).some((ref) => ref.name === doomed.name),
        false,
      );
    });

    gitSuite(() => ({ driver }));
  });
}

export function isCode(code: CodexError['code']): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof CodexError, String(error));
    assert.equal(error.code, code, error.message);
    return true;
  };
}
