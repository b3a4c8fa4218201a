/** The loop's terminal tools in a real, confined sandbox: a terminal, a restart of the backend, a picture. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';
import { createDriver } from '../../../server/sandbox/index.ts';
import type { Sandbox, SandboxDriver, SandboxSpec } from '../../../server/sandbox/sandbox.ts';
import { ENVIRONMENT, newTask, scratchDir, sh } from '../sandbox/help.ts';
import { stage, type Stage } from './play.ts';

const data = scratchDir();
let driver: SandboxDriver;
let spec: SandboxSpec;
let sandbox: Sandbox;
let on: Stage | undefined;

before(async () => {
  driver = createDriver({ kind: 'local', dataDir: data.path });
  spec = newTask();
  sandbox = await driver.open(spec);
  await sh(sandbox, `mkdir -p ${sandbox.workdir}`);
});
after(async () => {
  await on?.close();
  await sandbox?.detach();
  for (const ref of await driver.list()) await driver.remove(ref.name);
  data.remove();
});

const call = (name: string, args: object) => ({ call: { name, arguments: JSON.stringify(args) } });
const look = (session: number, more: object = {}) =>
  call('shell_session', { session, wait_ms: 60_000, ...more });

async function play(steps: object[], shell: 'function' | 'shell' = 'function'): Promise<Stage> {
  await on?.close();
  return (on = await stage(JSON.stringify({ turns: [{ steps: [...steps, { say: 'done' }] }] }), { shell }));
}

const env = () => ({ ...ENVIRONMENT, ...sandbox.extraEnv });
const texts = (played: Stage) =>
  played.history.items.flatMap((item) =>
    'output' in item && typeof item.output === 'string' ? [item.output] : [],
  );

test('a program on a terminal asks, is answered, and is interrupted', async () => {
  const script = 'test -t 0 && stty size; read -p "name? " n; echo "hello $n"; sleep 600';
  const played = await play([
    call('shell', { command: script, tty: true, yield_ms: 250 }),
    look(1, { input: 'you\r' }),
    look(1, { wait_ms: 1_000 }),
    look(1, { input: '\u0003' }),
    look(1),
  ]);
  await played.run({ sandbox, env, cacheKey: 'tty' });
  const all = texts(played).join('\n');
  assert.match(all, /40 120\r\n/);
  assert.match(all, /name\? [^]*hello you/);
  assert.match(texts(played).at(-1) ?? '', /Exit code: 130/);
});

test('a session goes on over a restart of the backend', async () => {
  const played = await play([
    call('shell', {
      command: 'echo up; read a; echo "got $a"; read b; echo "and $b"',
      background: true,
      yield_ms: 250,
    }),
    look(1, { input: 'one\n' }),
    look(1, { input: 'two\n' }),
    look(1),
    look(1),
  ]);
  const stop = new AbortController();
  played.history.onAppend = (items) => {
    const answers = [...played.history.items, ...items].filter(({ type }) => type === 'function_call_output');
    if (answers.length === 2) stop.abort('shutdown');
  };
  await assert.rejects(played.run({ sandbox, env, cacheKey: 'restart', signal: stop.signal }));
  await sandbox.detach();
  sandbox = await driver.open({ ...spec, generation: 2 });
  played.history.onAppend = () => {};
  await played.run({ sandbox, env, cacheKey: 'restart' });
  const printed = texts(played)
    .map((text) => text.split('Output:\n')[1] ?? '')
    .join('');
  assert.equal(printed, 'up\ngot one\nand two\n');
});

test('apply_patch and view_image are on the PATH of every tool', async () => {
  const kept = new Map<string, Buffer>();
  const pictures = {
    keep: async (bytes: Uint8Array) => {
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      kept.set(sha256, Buffer.from(bytes));
      return sha256;
    },
    load: async (sha256: string) => kept.get(sha256) ?? null,
  };
  const played = await play(
    [
      {
        item: {
          type: 'apply_patch_call',
          status: 'completed',
          operation: { type: 'create_file', path: 'a', diff: '+x' },
        },
      },
      call('shell', { command: `cat a; printf 'GIF89a' > p.gif; view_image p.gif` }),
    ],
    'shell',
  );
  await played.run({ sandbox, env, cacheKey: 'path', pictures });
  const [patched] = played.history.items.filter((item) => item.type === 'apply_patch_call_output');
  assert.equal(
    patched?.type === 'apply_patch_call_output' && patched.status,
    'completed',
    JSON.stringify(patched),
  );
  assert.match(texts(played).at(-1) ?? '', /Output:\nx\np\.gif: image\/gif, 6 bytes/);
  assert.deepEqual([...kept.values()], [Buffer.from('GIF89a')]);
});
