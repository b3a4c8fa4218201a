/** Terminals, the same for every kind of sandbox: what a person at one would try. */
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { after, before, describe, test } from 'node:test';
import { CodexError } from '../../../protocol/errors.ts';
import { TERMINAL_AHEAD_BYTES } from '../../../protocol/door.ts';
import { createDriver } from '../../../server/sandbox/index.ts';
import type {
  Sandbox,
  SandboxDriver,
  SandboxKind,
  SandboxSpec,
  Terminal,
} from '../../../server/sandbox/sandbox.ts';
import { ENVIRONMENT, newTask, scratchDir, sh } from './help.ts';

const WAIT_MS = 15_000;

/** A terminal whose screen is everything that was ever printed. */
class Screen {
  bytes = 0;
  terminal!: Terminal;
  #chunks: Buffer[] = [];
  #changed = Promise.withResolvers<void>();
  /** What each chunk waits for. */
  slow: () => Promise<void> | void = () => {};
  keep = true;

  async take(chunk: Buffer): Promise<void> {
    this.bytes += chunk.length;
    if (this.keep) this.#chunks.push(chunk);
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
    await this.slow();
  }

  get raw(): Buffer {
    return Buffer.concat(this.#chunks);
  }
  get text(): string {
    return this.raw.toString('utf8');
  }

  async type(text: string | Uint8Array): Promise<void> {
    await this.terminal.write(typeof text === 'string' ? Buffer.from(text) : text);
  }

  async sees(pattern: RegExp): Promise<void> {
    const late = pause(WAIT_MS).then(() =>
      assert.fail(`no ${String(pattern)} in ${JSON.stringify(this.text)}`),
    );
    late.catch(() => {});
    while (!pattern.test(this.text)) await Promise.race([this.#changed.promise, late]);
  }
}

export function terminalSuite(kind: SandboxKind): void {
  describe(`a terminal in a ${kind} sandbox`, { timeout: 300_000 }, () => {
    const data = scratchDir();
    let driver: SandboxDriver;
    let spec: SandboxSpec;
    let sandbox: Sandbox;
    let made = 0;

    const open = async (
      argv: string[] = ['bash', '--norc', '--noprofile'],
      env: Record<string, string> = {},
      size = { columns: 100, rows: 30 },
    ): Promise<Screen> => {
      const screen = new Screen();
      screen.terminal = await sandbox.terminal(
        {
          terminalId: `term-${++made}`,
          argv,
          cwd: '/workspace',
          env: { ...ENVIRONMENT, TERM: 'xterm-256color', LC_ALL: 'C.UTF-8', PS1: 'here> ', ...env },
          ...size,
        },
        (bytes) => screen.take(bytes),
      );
      return screen;
    };
    const alive = async (what: string) =>
      (await sh(sandbox, `pgrep -fc '${what.replace(/^./, '[$&]')}' || true`)).output.trim();

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

    test('echoes, has job control and its size, and tells the exit code', async () => {
      const screen = await open();
      await screen.sees(/here> $/);
      await screen.type('tty; pwd; stty size; tput cols; set -o | grep monitor\r');
      await screen.sees(/\/dev\/pts\/\d+\r\n\/workspace\r\n30 100\r\n100\r\nmonitor\s+on\r\n/);
      await screen.type('exit 7\r');
      assert.equal(await screen.terminal.ended, 7);
    });

    test('takes a new size, and tells the program in the foreground', async () => {
      const watch = `trap 'echo "now $(stty size)"' WINCH; echo ready; while :; do sleep 0.1; done`;
      const screen = await open(['bash', '-c', watch]);
      await screen.sees(/ready/);
      screen.terminal.resize(61, 17);
      await screen.sees(/now 17 61/);
      screen.terminal.close();
      assert.equal(await screen.terminal.ended, null);
    });

    test('ends the program in the foreground with Ctrl+C, and stays', async () => {
      const screen = await open();
      await screen.sees(/here> $/);
      await screen.type('sleep 1000\r');
      await pause(300);
      await screen.type('\x03');
      await screen.type('echo "code $?"\r');
      await screen.sees(/code 130\r\n/);
      await screen.type('kill -9 $$\r');
      assert.equal(await screen.terminal.ended, 137);
    });

    test('carries every byte, and characters that fall apart between chunks', async () => {
      const screen = await open(['sh', '-c', 'stty raw -echo; echo ready; head -c 1024 | od -An -v -tx1']);
      await screen.sees(/ready/);
      const bytes = Buffer.from(Array.from({ length: 1024 }, (_, index) => index % 256));
      for (let at = 0; at < bytes.length; at += 100) await screen.type(bytes.subarray(at, at + 100));
      assert.equal(await screen.terminal.ended, 0);
      const seen = screen.text
        .replace(/^[^]*ready\s+/, '')
        .trim()
        .split(/\s+/);
      assert.deepEqual(
        seen,
        [...bytes].map((byte) => byte.toString(16).padStart(2, '0')),
      );

      const words = await open(['sh', '-c', `printf '\\344\\270'; sleep 0.3; printf '\\255 \\377\\200'`]);
      assert.equal(await words.terminal.ended, 0);
      assert.deepEqual(words.raw, Buffer.from([0xe4, 0xb8, 0xad, 0x20, 0xff, 0x80]));
    });

    test('prints 50 MB to a reader that dawdles, whole', async () => {
      const screen = await open(['sh', '-c', 'stty raw; head -c 52428800 /dev/zero; exit 3']);
      screen.keep = false;
      let next = 2_000_000;
      screen.slow = async () => {
        if (screen.bytes < next) return;
        next += 2_000_000;
        await pause(20);
      };
      assert.equal(await screen.terminal.ended, 3);
      assert.equal(screen.bytes, 52_428_800);
    });

    test('holds up a program that nobody reads, and nothing else', async () => {
      const screen = await open(['yes', 'a line of a flood']);
      screen.keep = false;
      const reading = Promise.withResolvers<void>();
      screen.slow = () => reading.promise;
      await pause(1_500);
      const first = screen.bytes;
      assert.ok(first > 0 && first < TERMINAL_AHEAD_BYTES, `${first}`);
      const started = performance.now();
      assert.equal((await sh(sandbox, 'echo here')).output, 'here\n');
      assert.ok(performance.now() - started < 20_000);
      screen.slow = () => {};
      reading.resolve();
      await pause(500);
      assert.ok(screen.bytes > 4 * TERMINAL_AHEAD_BYTES, `${screen.bytes}`);
      const before = screen.bytes;
      await screen.type('\x03');
      assert.equal(await screen.terminal.ended, 130);
      assert.ok(screen.bytes >= before);
    });

    test('takes a large paste into a program that answers each line', async () => {
      const screen = await open(['sh', '-c', 'stty -echo; echo ready; wc -c']);
      await screen.sees(/ready/);
      const line = `${'x'.repeat(99)}\n`;
      for (let sent = 0; sent < 100; sent++) await screen.type(line.repeat(100));
      await screen.type('\x04');
      assert.equal(await screen.terminal.ended, 0);
      assert.match(screen.text, /1000000/);
    });

    test('ends with its stream everything that it started', async () => {
      const screen = await open();
      await screen.sees(/here> $/);
      await screen.type(
        'sleep 4321 & nohup setsid sleep 4321 >/dev/null 2>&1 & (trap "" HUP TERM; sleep 4321)\r',
      );
      await pause(700);
      assert.equal(await alive('sleep 4321'), '3');
      screen.terminal.close();
      assert.equal(await screen.terminal.ended, null);
      for (let waited = 0; (await alive('sleep 4321')) !== '0'; waited += 100) {
        assert.ok(waited < WAIT_MS, 'they still run');
        await pause(100);
      }
    });

    test('uses Python where there is no Perl, and says what is missing where there is neither', async () => {
      const bin = '/workspace/few';
      await sh(
        sandbox,
        `mkdir -p ${bin}; for p in bash sh stty; do ln -sf "$(command -v $p)" ${bin}/$p; done`,
      );
      await assert.rejects(open(['bash', '--norc'], { PATH: bin }), (error) => {
        assert.ok(error instanceof CodexError);
        assert.equal(error.code, 'terminalUnavailable');
        assert.equal(error.wire.params['missing'], 'perl');
        return true;
      });
      const python = (await sh(sandbox, 'ls /usr/bin/python3 2>/dev/null')).output.trim();
      if (python === '') return;
      await sh(sandbox, `ln -sf ${python} ${bin}/python3`);
      const screen = await open(['bash', '--norc'], { PATH: bin }, { columns: 44, rows: 11 });
      await screen.sees(/here> $/);
      await screen.type('stty size; nothere; exit 5\r');
      assert.equal(await screen.terminal.ended, 5);
      assert.match(screen.text, /11 44\r\n/);
    });

    test('says so in the terminal when the program is not there', async () => {
      const screen = await open(['no-such-shell']);
      assert.equal(await screen.terminal.ended, 127);
      assert.match(screen.text, /no-such-shell: No such file/);
    });

    test('ends when somebody with a higher generation takes the sandbox over', async () => {
      const screen = await open();
      await screen.sees(/here> $/);
      await screen.type('sleep 8765\r');
      const next = await driver.open({ ...spec, generation: spec.generation + 1 });
      assert.equal(await screen.terminal.ended, null);
      await sandbox.detach();
      sandbox = next;
      for (let waited = 0; (await alive('sleep 8765')) !== '0'; waited += 100) {
        assert.ok(waited < WAIT_MS, 'it still runs');
        await pause(100);
      }
    });
  });
}
