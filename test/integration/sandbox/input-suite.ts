/** Commands that take input, through a pipe and at a terminal: the same for every kind of sandbox. */
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { after, before, describe, test } from 'node:test';
import { CodexError } from '../../../protocol/errors.ts';
import { DOOR_INPUT_BYTES } from '../../../protocol/door.ts';
import { createDriver } from '../../../server/sandbox/index.ts';
import type {
  CommandResult,
  CommandSpec,
  Sandbox,
  SandboxDriver,
  SandboxKind,
  SandboxSpec,
} from '../../../server/sandbox/sandbox.ts';
import { command, newTask, scratchDir } from './help.ts';

const WAIT_MS = 30_000;
const TTY = { columns: 100, rows: 30 };

/** A command that runs, and what it has printed so far. */
class Running {
  readonly spec: CommandSpec;
  readonly #sandbox: Sandbox;
  readonly ended: Promise<CommandResult>;
  output = '';
  #changed = Promise.withResolvers<void>();
  #typed = 0;

  constructor(sandbox: Sandbox, spec: CommandSpec) {
    this.#sandbox = sandbox;
    this.spec = spec;
    this.ended = sandbox.run(spec, {
      onOutput: (bytes) => {
        this.output += bytes.toString('utf8');
        this.#changed.resolve();
        this.#changed = Promise.withResolvers();
      },
    });
  }

  type(text: string, id = `${this.spec.callId}-${++this.#typed}`): Promise<boolean> {
    return this.#sandbox.input(this.spec.callId, id, Buffer.from(text));
  }

  async sees(pattern: RegExp): Promise<void> {
    const late = pause(WAIT_MS, undefined, { ref: false }).then(() =>
      assert.fail(`no ${String(pattern)} in ${JSON.stringify(this.output)}`),
    );
    late.catch(() => {});
    while (!pattern.test(this.output)) await Promise.race([this.#changed.promise, late]);
  }
}

export function inputSuite(kind: SandboxKind): void {
  describe(`commands that take input in a ${kind} sandbox`, { timeout: 300_000 }, () => {
    const data = scratchDir();
    let driver: SandboxDriver;
    let spec: SandboxSpec;
    let sandbox: Sandbox;
    const start = (script: string, more: Partial<CommandSpec> = {}) =>
      new Running(sandbox, command(script, { stdin: 'open', ...more }));

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

    test('a program reads what is typed, and it is typed once however often it is sent', async () => {
      const running = start('read a; echo "one: $a"; read b; echo "two: $b"; test -t 0 || echo no terminal');
      assert.equal(await running.type('first\n', 'a'), true);
      assert.equal(await running.type('first\n', 'a'), true);
      await running.sees(/one: first/);
      assert.equal(await running.type('second\n', 'b'), true);
      assert.equal((await running.ended).exitCode, 0);
      assert.equal(running.output, 'one: first\ntwo: second\nno terminal\n');
      assert.equal(await running.type('third\n', 'c'), false);
    });

    test('a program can open its standard input again', async () => {
      const running = start('cat /dev/stdin');
      await running.type('through the name\n');
      await running.sees(/through/);
      await running.type('\u0004');
      assert.equal((await running.ended).exitCode, 0);
      assert.equal(running.output, 'through the name\n');
    });

    test('Ctrl+D ends the input of a pipe, Ctrl+C interrupts what runs', async () => {
      const counted = start('wc -l');
      await counted.type('a\nb\n');
      await counted.type('c\n\u0004');
      await counted.ended;
      assert.equal(counted.output.trim(), '3');
      const stubborn = start('trap "echo heard; exit 7" INT; echo ready; while :; do sleep 0.05; done');
      await stubborn.sees(/ready/);
      await stubborn.type('\u0003');
      const { end, exitCode } = await stubborn.ended;
      assert.deepEqual(
        { end, exitCode, output: stubborn.output },
        { end: 'exited', exitCode: 7, output: 'ready\nheard\n' },
      );
    });

    test('a program gets a terminal of its size, is typed to, and interrupted by the kernel', async () => {
      const running = start(
        'test -t 0 && test -t 1 && stty size && read -p "name? " n && echo "hello $n" && sleep 600',
        {
          tty: TTY,
        },
      );
      await running.sees(/30 100\r\n/);
      await running.sees(/name\? /);
      await running.type('you\r');
      await running.sees(/hello you/);
      await running.type('\u0003');
      const { end, exitCode } = await running.ended;
      assert.ok(end === 'signalled' || end === 'exited', end);
      assert.equal(exitCode, 130);
    });

    test('what is typed while a terminal is being made is not lost', async () => {
      const running = start('read line; echo "got $line"', { tty: TTY });
      await running.type('early\n');
      assert.equal((await running.ended).exitCode, 0);
      assert.match(running.output, /got early/);
    });

    test('the last words of a program on a terminal are heard, and what it leaves behind is hung up on', async () => {
      const running = start('seq 1 5000; exit 3', { tty: TTY });
      assert.equal((await running.ended).exitCode, 3);
      assert.match(running.output, /4999\r\n5000\r\n$/);
      const cancel = new AbortController();
      const sleeping = sandbox.run(command('echo on; sleep 600', { tty: TTY }), {
        signal: cancel.signal,
        onOutput: () => cancel.abort(),
      });
      assert.equal((await sleeping).end, 'cancelled');
    });

    test('a command without input, or that is not there, is not typed to', async () => {
      const cancel = new AbortController();
      const plain = command('sleep 600');
      const ended = sandbox.run(plain, { signal: cancel.signal });
      const refused = (error: unknown) => error instanceof CodexError && error.code === 'notFound';
      for (;;) if ((await sandbox.find(plain.callId)) === 'running') break;
      await assert.rejects(sandbox.input(plain.callId, 'x', Buffer.from('x')), refused);
      await assert.rejects(sandbox.input('no-such-call', 'x', Buffer.from('x')), refused);
      cancel.abort();
      await ended;
    });

    test('a program that reads nothing is not given more than it can be, and nothing of that is half typed', async () => {
      await sandbox.run(command('mkfifo /tmp/go'));
      const running = start('read go < /tmp/go; wc -c');
      running.ended.catch(() => {});
      const line = 'x'.repeat(DOOR_INPUT_BYTES);
      let typed = 0;
      const full = (error: unknown) => error instanceof CodexError && error.code === 'conflict';
      for (let at = 0; ; at++) {
        try {
          await running.type(line, `fill-${at}`);
          typed += line.length;
        } catch (error) {
          assert.ok(full(error), String(error));
          break;
        }
        assert.ok(typed < 16 * 1024 * 1024);
      }
      await sandbox.run(command('echo go > /tmp/go'));
      for (;;) {
        try {
          await running.type('\u0004', 'end');
          break;
        } catch (error) {
          assert.ok(full(error), String(error));
        }
      }
      await running.ended;
      assert.equal(running.output.match(/\d+/)?.[0], String(typed));
    });

    test('a backend that comes back types to a command that an earlier one started', async () => {
      const running = start('read a; echo "heard $a"; read b; echo "and $b"');
      await running.type('before\n', 'one');
      await running.sees(/heard before/);
      running.ended.catch(() => {});
      await sandbox.detach();
      sandbox = await driver.open({ ...spec, generation: 2 });
      assert.equal(await sandbox.input(running.spec.callId, 'one', Buffer.from('before\n')), true);
      assert.equal(await sandbox.input(running.spec.callId, 'two', Buffer.from('after\n')), true);
      let output = '';
      const result = await sandbox.run(running.spec, { onOutput: (bytes) => (output += bytes.toString()) });
      assert.equal(result.exitCode, 0);
      assert.equal(output, 'heard before\nand after\n');
    });
  });
}
