/** The tools that models bring themselves: `shell`, `apply_patch`, and patches by whatever call. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import type { ResponseItem } from '../../../server/model/model.ts';
import { commandsBin } from './commands-bin.ts';
import { stage, type Stage } from './play.ts';

let on: Stage | undefined;
let bin: Awaited<ReturnType<typeof commandsBin>>;
before(async () => (bin = await commandsBin()));
after(() => bin.remove());
afterEach(async () => {
  await on?.close();
  on = undefined;
});

async function play(
  steps: object[],
  files: Record<string, string> = {},
  shell: 'shell' | 'function' = 'shell',
) {
  const script = JSON.stringify({ turns: [{ steps: [...steps, { say: 'It printed: {{output}}' }] }] });
  return (on = await stage(script, { shell, files }));
}

type Of<T extends string> = Extract<ResponseItem, { type?: T }>;
function all<T extends string>(items: ResponseItem[], type: T): Of<T>[] {
  return items.filter((item): item is Of<T> => item.type === type);
}
const exit = (exit_code: number) => ({ type: 'exit', exit_code });

test('the shell tool runs every command of a call, in order, and tells each apart', async () => {
  const played = await play([
    {
      item: {
        type: 'shell_call',
        action: {
          commands: ['echo a > f; echo out; echo err >&2', 'cat f; exit 3', 'no-such'],
          max_output_length: 4_096,
        },
      },
    },
  ]);
  await played.run();
  const [answer] = all(played.history.items, 'shell_call_output');
  assert.equal(answer?.max_output_length, 4_096);
  assert.deepEqual(answer?.output.map(({ stdout, outcome }) => [stdout, outcome]).slice(0, 2), [
    ['[command 1]\nout\nerr\n', exit(0)],
    ['a\n', exit(3)],
  ]);
  assert.deepEqual(answer?.output[2]?.outcome, exit(127));
  const items = played.of('item.completed').flatMap(({ item }) => (item.type === 'command' ? [item] : []));
  assert.deepEqual(
    items.map(({ exitCode }) => exitCode),
    [0, 3, 127],
  );
  assert.equal(new Set(items.map(({ id }) => id)).size, 3);
  assert.deepEqual(played.server.problems, []);
  const [body] = played.server.requests.map(
    (request) => request.body as { tools: { type: string; name?: string }[] },
  );
  assert.deepEqual(
    body?.tools.map(({ type, name }) => name ?? type),
    ['shell', 'apply_patch', 'shell_background', 'shell_session'],
  );
});

test('a command of the shell tool that takes too long, is denied or is empty is told in the tool’s words', async () => {
  const played = await play([
    { item: { type: 'shell_call', action: { commands: ['echo before; sleep 60'], timeout_ms: 2_000 } } },
    { item: { type: 'shell_call', action: { commands: [] } } },
    { item: { type: 'shell_call', action: { commands: ['rm -rf x', 'echo after'] } } },
  ]);
  const desk = { ask: () => Promise.reject(new Error('nobody is to be asked')), wasAsked: async () => false };
  await played.run({ approve: { policy: { policy: 'never', deny: ['rm'], allow: [] }, desk } });
  const [slow, empty, denied] = all(played.history.items, 'shell_call_output');
  assert.deepEqual(
    slow?.output.map(({ stdout, outcome }) => [stdout, outcome]),
    [['[command 1]\nbefore\n', { type: 'timeout' }]],
  );
  assert.match(empty?.output[0]?.stderr ?? '', /not as described: commands/);
  assert.deepEqual(
    denied?.output.map(({ outcome }) => outcome),
    [exit(126), exit(0)],
  );
  assert.match(denied?.output[0]?.stderr ?? '', /was not run: commands of this kind are denied/);
});

test('a call of several commands goes on after a crash where it was: nothing runs twice, nothing is left out', async () => {
  const played = await play([
    {
      item: {
        type: 'shell_call',
        action: { commands: ['echo 1 >> log', 'echo 2 >> log; sleep 1', 'echo 3 >> log'] },
      },
    },
  ]);
  const stop = new AbortController();
  await assert.rejects(
    played.run({
      signal: stop.signal,
      emit: async (...events) => {
        if (stop.signal.aborted) throw new Error('the backend is gone');
        played.events.push(...events);
        const started = played.of('item.started').filter(({ item }) => item.type === 'command');
        if (started.length === 2) stop.abort('shutdown');
      },
    }),
  );
  await played.run();
  assert.equal(await readFile(join(played.sandbox.workdir, 'log'), 'utf8'), '1\n2\n3\n');
  const [answer] = all(played.history.items, 'shell_call_output');
  assert.deepEqual(
    answer?.output.map(({ outcome }) => outcome),
    [exit(0), exit(0), exit(0)],
  );
});

test('the apply_patch tool makes, changes and deletes files, and says why it can’t', async () => {
  const operation = (of: object) => ({
    item: { type: 'apply_patch_call', status: 'completed', operation: of },
  });
  const played = await play(
    [
      operation({ type: 'create_file', path: 'new/a.txt', diff: '+one\n+two\n' }),
      operation({ type: 'update_file', path: 'b.txt', diff: '@@\n line 1\n-line 2\n+line two\n line 3\n' }),
      operation({
        type: 'update_file',
        path: 'c.txt',
        diff: '--- a/c.txt\n+++ b/c.txt\n@@ -1,2 +1,2 @@ top\n x\n-y\n+z\n',
      }),
      operation({ type: 'delete_file', path: 'd.txt' }),
      operation({ type: 'update_file', path: 'b.txt', diff: '@@\n-not there\n+x\n' }),
      operation({ type: 'create_file', path: 'e\nf', diff: '+x' }),
    ],
    { 'b.txt': 'line 1\nline 2\nline 3\n', 'c.txt': 'x\ny\n', 'd.txt': 'gone\n' },
  );
  await played.run({ env: bin.env });
  const answers = all(played.history.items, 'apply_patch_call_output');
  assert.deepEqual(
    answers.map(({ status }) => status),
    ['completed', 'completed', 'completed', 'completed', 'failed', 'failed'],
    answers.map(({ output }) => output).join('\n'),
  );
  const file = (name: string) => readFile(join(played.sandbox.workdir, name), 'utf8');
  assert.equal(await file('new/a.txt'), 'one\ntwo\n');
  assert.equal(await file('b.txt'), 'line 1\nline two\nline 3\n');
  assert.equal(await file('c.txt'), 'x\nz\n');
  assert.equal(existsSync(join(played.sandbox.workdir, 'd.txt')), false);
  assert.match(answers[4]?.output ?? '', /not there/);
  assert.match(answers[5]?.output ?? '', /A path is one line/);
  assert.deepEqual(played.server.problems, []);
});

test('a patch is applied by whatever call it comes: a function, a custom tool, a heredoc, an argument', async () => {
  const patch = (name: string) => `*** Begin Patch\n*** Add File: ${name}\n+${name}\n*** End Patch\n`;
  const played = await play(
    [
      { call: { name: 'apply_patch', arguments: JSON.stringify({ input: patch('a') }) } },
      { call: { name: 'apply_patch', arguments: patch('b') } },
      { item: { type: 'custom_tool_call', name: 'apply_patch', input: patch('c') } },
      { run: `apply_patch <<'EOF'\n${patch('d')}EOF` },
      { run: { argv: ['apply_patch', patch('e')] } },
      { run: { argv: ['bash', '-lc', `apply_patch <<'EOF'\n${patch('f')}EOF`] } },
    ],
    {},
    'function',
  );
  await played.run({ env: bin.env });
  for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) {
    assert.equal(await readFile(join(played.sandbox.workdir, name), 'utf8'), `${name}\n`);
  }
});

test('a model with tools of its own runs commands in the background by a function', async () => {
  const played = await play([
    {
      call: {
        name: 'shell_background',
        arguments: JSON.stringify({ command: 'read a; echo "got $a"', yield_ms: 250 }),
      },
    },
    {
      call: {
        name: 'shell_session',
        arguments: JSON.stringify({ session: 1, input: 'x\n', wait_ms: 60_000 }),
      },
    },
    { call: { name: 'shell_session', arguments: JSON.stringify({ session: 1, wait_ms: 60_000 }) } },
  ]);
  await played.run();
  assert.ok(
    all(played.history.items, 'function_call_output').some(({ output }) =>
      JSON.stringify(output).includes('got x'),
    ),
  );
});
