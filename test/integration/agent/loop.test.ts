/** The whole loop against the scripted model over real HTTP, with real commands in a folder. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import { CodexError, type ErrorCode } from '../../../protocol/errors.ts';
import { resolveLimits } from '../../../protocol/limits.ts';
import type { ResponseItem } from '../../../server/model/model.ts';
import { stage, type Stage } from './play.ts';

let on: Stage | undefined;

afterEach(async () => {
  await on?.close();
  on = undefined;
});

async function play(script: string, options?: Parameters<typeof stage>[1]): Promise<Stage> {
  return (on = await stage(`turns:\n${script}`, options));
}

function outputs(items: ResponseItem[]): string[] {
  return items.flatMap((item) => ('output' in item && typeof item.output === 'string' ? [item.output] : []));
}

function isCode(code: ErrorCode): (error: unknown) => boolean {
  return (error) => error instanceof CodexError && error.code === code;
}

const step = (played: Stage) => played.server.requests.map((request) => request.step);

test('a task runs its commands and ends with the answer', async () => {
  const played = await play(`
  - steps:
      - think: Look first.
        say: I look.
        run: echo one; echo two >&2; exit 3
      - say: 'It printed: {{output}}'
`);
  const outcome = await played.run();
  assert.equal(outcome.answer, 'It printed: one\ntwo');
  assert.equal(outcome.usage.requests, 2);
  const [result] = outputs(played.history.items);
  assert.match(result ?? '', /^\[command 1\]\nExit code: 3\nWall time: [\d.]+ seconds\nOutput:\none\ntwo\n$/);

  const kinds = played.events.map((event) =>
    event.code === 'item.started' || event.code === 'item.completed'
      ? `${event.code} ${event.params.item.type}`
      : event.code,
  );
  assert.deepEqual(kinds, [
    'item.started reasoning',
    'item.completed reasoning',
    'item.started message',
    'item.completed message',
    'item.started command',
    'output',
    'item.completed command',
    'usage.changed',
    'item.started message',
    'item.completed message',
    'usage.changed',
  ]);
  const command = played.of('item.completed').find(({ item }) => item.type === 'command')?.item;
  assert.ok(command?.type === 'command');
  assert.equal(command.command, 'echo one; echo two >&2; exit 3');
  assert.equal(command.exitCode, 3);
  assert.equal(command.outputBytes, 8);
  assert.equal(played.deltas.map((delta) => delta.text).join(''), 'Look first.I look.It printed: one\ntwo');
});

test('every request is what the provider can cache and refuses nothing', async () => {
  const played = await play(`
  - steps:
      - {think: a, run: [echo 1, echo 2]}
      - {think: b, say: c, run: echo 3}
      - say: done
`);
  await played.run();
  await played.run({ turn: 2, prompt: 'and again' });
  assert.deepEqual(played.server.problems, []);
  const bodies = played.server.requests.map((request) => request.body as Record<string, unknown>);
  assert.equal(bodies.length, 6);
  for (const body of bodies) {
    assert.equal(body['store'], false);
    assert.equal(body['stream'], true);
    assert.equal(body['prompt_cache_key'], 'task-1');
    assert.deepEqual(body['include'], ['reasoning.encrypted_content']);
    assert.equal(body['parallel_tool_calls'], true);
    assert.equal(body['previous_response_id'], undefined);
    assert.equal(JSON.stringify(body).includes('codexTurn'), false);
  }
  assert.ok(bodies.every((body) => body['instructions'] === bodies[0]?.['instructions']));
});

test('a call is stored before it runs, and its result before the next request', async () => {
  const played = await play(`
  - steps:
      - run: echo ran
      - say: done
`);
  const log: string[] = [];
  played.history.onAppend = (items) => {
    for (const item of items) log.push(`${item.type} after ${played.sandbox.started.length} commands`);
    log.push(`requests: ${played.server.requests.length}`);
  };
  await played.run();
  assert.deepEqual(log, [
    'message after 0 commands',
    'requests: 0',
    'function_call after 0 commands',
    'requests: 1',
    'function_call_output after 1 commands',
    'requests: 1',
    'message after 1 commands',
    'requests: 2',
  ]);
});

test('calls of one response run at the same time and answer in their order', async () => {
  const played = await play(`
  - steps:
      - run:
          - while [ ! -e second ]; do sleep 0.01; done; echo first
          - touch second; echo second
      - say: done
`);
  await played.run();
  assert.deepEqual(
    outputs(played.history.items).map((text) => text.split('Output:\n')[1]),
    ['first\n', 'second\n'],
  );
});

test('a call that edits files waits for those before it and holds up those after it', async () => {
  const played = await play(
    `
  - steps:
      - run:
          - sleep 0.2; cat state
          - 'apply_patch() { sleep 0.1; echo after > state; }; apply_patch'
          - cat state
      - say: done
`,
    { files: { state: 'before\n' } },
  );
  await played.run();
  const texts = outputs(played.history.items).map((text) => text.split('Output:\n')[1]);
  assert.deepEqual(texts, ['before\n', '', 'after\n']);
});

test('a call starts while the rest of the response is still on its way', async () => {
  const played = await play(`
  - steps:
      - run: echo early
        fault: {kind: cut, after: item}
      - say: done
`);
  const outcome = await played.run();
  assert.equal(outcome.answer, 'done');
  assert.deepEqual(step(played), ['0.0', '0.1'], 'the request is not repeated once a call was handed over');
  assert.equal(played.sandbox.started.length, 1);
});

test('a backend killed while a command runs takes its result over, and it ran once', async () => {
  const played = await play(`
  - steps:
      - run: echo begin; echo x >> count; while [ ! -e go ]; do sleep 0.01; done; echo end
      - say: '{{output}}'
`);
  const killed = new AbortController();
  const dead = played.run({
    // The old process: nothing that it does after its death is durable.
    history: {
      load: () => played.history.load(),
      append: (items, told) => {
        if (killed.signal.aborted) return new Promise(() => {});
        return played.history.append(items, told);
      },
    },
    emit: () => (killed.signal.aborted ? new Promise(() => {}) : Promise.resolve()),
  });
  dead.catch(() => {});
  while (played.sandbox.started.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  killed.abort();

  const second = played.run();
  await played.sandbox.put(join(played.sandbox.workdir, 'go'), Buffer.from(''));
  const outcome = await second;
  assert.equal(outcome.answer, 'begin\nend');
  assert.equal(played.sandbox.started.length, 1);
  assert.equal(await readFile(join(played.sandbox.workdir, 'count'), 'utf8'), 'x\n');
  assert.equal(
    played.history.items.filter((item) => item.type === 'message' && 'codexTurn' in item).length,
    1,
  );
});

for (const reason of ['shutdown', 'superseded']) {
  test(`a turn that is let go (${reason}) leaves its command running for the next owner`, async () => {
    const played = await play(`
  - steps:
      - run: while [ ! -e go ]; do sleep 0.01; done; echo end
      - say: '{{output}}'
`);
    const letGo = new AbortController();
    const first = played.run({ signal: letGo.signal });
    while (played.sandbox.started.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    letGo.abort(reason);
    await assert.rejects(first, isCode('cancelled'));
    assert.equal(outputs(played.history.items).length, 0);

    const second = played.run();
    await played.sandbox.put(join(played.sandbox.workdir, 'go'), Buffer.from(''));
    assert.equal((await second).answer, 'end');
    assert.equal(played.sandbox.started.length, 1);
  });
}

test('output that the log has already is not told again after a restart', async () => {
  const played = await play(`
  - steps:
      - run: echo 0123456789
      - say: done
`);
  let crash = true;
  played.history.onAppend = (items) => {
    if (crash && items.some((item) => item.type === 'function_call_output')) throw new Error('killed');
  };
  await assert.rejects(played.run(), /killed/);
  crash = false;
  played.events.length = 0;
  await played.run({ outputStored: async () => 4 });
  assert.deepEqual(
    played.of('output').map(({ offset, text }) => [offset, text]),
    [[4, '456789\n']],
  );
  assert.equal(played.of('item.started').filter(({ item }) => item.type === 'command').length, 0);
  assert.match(outputs(played.history.items)[0] ?? '', /Output:\n0123456789\n$/);
});

test('a message is in the history and in the log, or in neither', async () => {
  const played = await play(`
  - steps:
      - {think: a plan, say: hello}
`);
  const failing = { emit: () => Promise.reject(new Error('killed')) };
  await played.run(failing).catch(() => undefined);
  const said = played.of('item.completed').map(({ item }) => item.type);
  const stored = played.history.items.map((item) => item.type).filter((type) => type === 'reasoning');
  assert.deepEqual([said, stored], [['reasoning', 'message'], ['reasoning']]);
});

test('the end of a command is told once, though the crash came before its result was stored', async () => {
  // The first one’s end is told while the other runs; the last one’s with the results.
  const played = await play(`
  - steps:
      - run: [echo out, sleep 0.5]
      - say: done
`);
  let crash = true;
  played.history.onAppend = (items) => {
    if (crash && items.some((item) => item.type === 'function_call_output')) throw new Error('killed');
  };
  await assert.rejects(played.run(), /killed/);
  crash = false;
  const ended = () => played.of('item.completed').filter(({ item }) => item.type === 'command');
  assert.equal(ended().length, 1);
  await played.run({
    outputStored: async (id) => (ended().some(({ item }) => item.id === id) ? 4 : 0),
    itemEnded: async (id) => ended().some(({ item }) => item.id === id),
  });
  assert.equal(new Set(ended().map(({ item }) => item.id)).size, 2);
  assert.equal(ended().length, 2);
  assert.equal(played.of('output').length, 1);
  assert.match(outputs(played.history.items)[0] ?? '', /Output:\nout\n$/);
});

test('a call whose sandbox does not know it is not run again', async () => {
  const played = await play(`
  - steps:
      - run: echo x >> count
      - say: '{{output}}'
`);
  const call = { type: 'function_call', call_id: 'call_1', name: 'shell', arguments: '{"command":"echo x"}' };
  await played.history.append([
    { type: 'message', role: 'user', content: 'do it', codexTurn: 1 } as ResponseItem,
    call as ResponseItem,
  ]);
  const outcome = await played.run();
  assert.match(outcome.answer, /was interrupted/);
  assert.equal(played.sandbox.started.length, 0);
  const [item] = played.of('item.completed').map((params) => params.item);
  assert.ok(item?.type === 'command' && item.end === 'interrupted');
});

test('a turn that goes on in a new sandbox is told that its work is gone', async () => {
  const played = await play(`
  - steps:
      - run: echo 1
      - run: echo 2
        fault: {kind: status, status: 400}
      - say: done
`);
  await assert.rejects(played.run(), isCode('modelBadRequest'));
  played.sandbox.how = 'new';
  await played.run();
  const notes = played.history.items.filter((item) => 'role' in item && item.role === 'developer');
  assert.equal(notes.length, 1);
  assert.match(JSON.stringify(notes), /sandbox was lost/);
});

test('a turn that has its answer is not asked again', async () => {
  const played = await play('  - steps: [{say: done}]\n');
  await played.run();
  const again = await played.run();
  assert.equal(again.answer, 'done');
  assert.equal(played.server.requests.length, 1);
});

test('a call that a lost process left open gets an answer before the next request', async () => {
  const played = await play('  - steps: [{say: done}]\n');
  await played.history.append([
    { type: 'message', role: 'user', content: 'earlier', codexTurn: 1 } as ResponseItem,
    { type: 'function_call', call_id: 'a', name: 'shell', arguments: '{"command":"ls"}' },
    { type: 'function_call', call_id: 'b', name: 'nope', arguments: '{' },
    { type: 'function_call_output', call_id: 'never-called', output: 'x' },
  ]);
  await played.run({ turn: 2, prompt: 'next' });
  assert.deepEqual(step(played), ['0.0']);
});

for (const [name, call, answer] of [
  ['an unknown tool', '{name: browse, arguments: "{}"}', /There is no tool \\?"browse/],
  // It runs as a command, which is not there.
  ['apply_patch as a tool', '{name: apply_patch, arguments: "{}"}', /Exit code: 127/],
  ['arguments that are no JSON', `{name: shell, arguments: '{"command": '}`, /not JSON/],
  ['arguments of the wrong kind', `{name: shell, arguments: '{"command": 7}'}`, /not as described: command/],
  ['an empty command', `{name: shell, arguments: '{"command": []}'}`, /command is empty/],
  ['a folder outside', `{name: shell, arguments: '{"command": "ls", "workdir": "../.."}'}`, /must lie in/],
  ['a NUL in the command', `{name: shell, arguments: '{"command": "a\\u0000b"}'}`, /NUL/],
  [
    'a program that is not there',
    `{name: shell, arguments: '{"command": ["no-such-program"]}'}`,
    /could not be started/,
  ],
] as const) {
  test(`a call of ${name} gets an answer and the turn goes on`, async () => {
    const played = await play(`
  - steps:
      - call: ${call}
      - say: done
`);
    assert.equal((await played.run()).answer, 'done');
    assert.match(outputs(played.history.items)[0] ?? '', answer);
  });
}

test('local_shell: runs without a login shell, its env is ignored, a foreign folder refused', async () => {
  const played = await play(
    `
  - steps:
      - run: {argv: [bash, -lc, 'shopt -q login_shell && echo login; echo "$PWD"'], workdir: sub}
      - run: {command: pwd, workdir: /}
      - say: done
`,
    { modelName: 'codex-mini-latest' },
  );
  await played.sandbox.run({
    callId: 'make',
    argv: ['mkdir', 'sub'],
    cwd: played.sandbox.workdir,
    env: {},
    timeoutMs: 5_000,
    maxOutputBytes: 100,
  });
  await played.run();
  const [first, second] = outputs(played.history.items);
  assert.ok(first?.endsWith(`Output:\n${played.sandbox.workdir}/sub\n`), first);
  assert.match(second ?? '', /must lie in/);
  assert.deepEqual(played.server.problems, []);
  const [body] = played.server.requests.map((request) => request.body as { tools: unknown });
  assert.deepEqual(
    (body?.tools as { type: string; name?: string }[]).map(({ type, name }) => name ?? type),
    ['local_shell', 'shell_background', 'shell_session'],
  );
});

test('a command that takes too long is stopped, and that is told', async () => {
  const played = await play(`
  - steps:
      - run: {command: echo before; sleep 30, timeoutMs: 200}
      - say: done
`);
  await played.run();
  assert.match(
    outputs(played.history.items)[0] ?? '',
    /^\[command 1\]\nExit code: 124 \(stopped after 200 milliseconds/,
  );
  assert.deepEqual(
    played.of('limit.reached').map(({ limit, value }) => [limit, value]),
    [['commandTimeoutMs', 200]],
  );
});

test('a command that prints a gigabyte costs no memory and ends up head and tail', async () => {
  const played = await play(`
  - steps:
      - run: echo first; head -c 1000000000 /dev/zero | tr '\\0' x; echo; echo last
      - say: done
`);
  const before = process.memoryUsage.rss();
  await played.run({ limits: resolveLimits({ modelOutputTokens: 1_000 }) });
  const grown = (process.memoryUsage.rss() - before) / 1024 / 1024;
  assert.ok(grown < 400, `${grown} MiB`);
  const [output] = outputs(played.history.items);
  assert.ok((output?.length ?? 0) < 5_000);
  assert.match(output ?? '', /Output:\nfirst\nxxx/);
  assert.match(output ?? '', /tokens .* of output are left out here/);
  assert.deepEqual(
    played.of('limit.reached').map(({ limit }) => limit),
    ['commandOutputBytes', 'modelOutputTokens'],
  );
  const sizes = played.of('output').map((params) => Buffer.byteLength(JSON.stringify(params)));
  assert.ok(Math.max(...sizes) < 64 * 1024);
  const told = played.of('output').reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);
  assert.equal(told, resolveLimits().commandOutputBytes);
});

test('a cancel ends the turn within a second and leaves a history that can go on', async () => {
  const played = await play(`
  - when: {prompt: next}
    steps: [{say: went on}]
  - steps:
      - run: touch running; sleep 60
      - say: never
`);
  const cancel = new AbortController();
  const turn = played.run({ signal: cancel.signal });
  while (played.sandbox.started.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  const asked = Date.now();
  cancel.abort();
  await assert.rejects(turn, isCode('cancelled'));
  assert.ok(Date.now() - asked < 10_000);
  assert.match(outputs(played.history.items)[0] ?? '', /stopped before its end/);
  assert.equal((await played.run({ turn: 2, prompt: 'next' })).answer, 'went on');
});

test('a cancel while the model is silent ends the turn at once', async () => {
  const played = await play('  - steps: [{say: x, fault: {kind: hang}}]\n');
  const cancel = new AbortController();
  const turn = played.run({ signal: cancel.signal });
  while (played.server.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  const asked = Date.now();
  cancel.abort();
  await assert.rejects(turn, isCode('cancelled'));
  assert.ok(Date.now() - asked < 10_000);
});

test('the budget of requests ends the turn in order', async () => {
  const played = await play(`
  - steps:
      - {say: 'Still at it.', run: echo 1}
      - run: echo 2
      - run: echo 3
      - say: never
`);
  const outcome = await played.run({ limits: resolveLimits({ turnModelRequests: 2 }) });
  assert.deepEqual(outcome.stoppedBy, { code: 'limitReached', limit: 'turnModelRequests' });
  assert.equal(outcome.answer, 'Still at it.');
  assert.equal(played.server.requests.length, 2);
  assert.deepEqual(played.of('limit.reached'), [{ limit: 'turnModelRequests', value: 2 }]);
});

test('the time of a turn ends it in order, whatever runs', async () => {
  const played = await play('  - steps: [{run: sleep 60}, {say: never}]\n');
  const outcome = await played.run({ limits: resolveLimits({ turnTimeoutMs: 300 }) });
  assert.deepEqual(outcome.stoppedBy, { code: 'limitReached', limit: 'turnTimeoutMs' });
});

test('AGENTS.md of the root goes before the prompt, cut with a mark and a warning', async () => {
  const played = await play('  - steps: [{say: done}]\n', { files: { 'AGENTS.md': 'ä'.repeat(100) } });
  await played.run({ limits: resolveLimits({ agentsFileBytes: 51 }) });
  const [first] = played.history.items;
  assert.ok(first?.type === 'message' && 'role' in first && first.role === 'user');
  const text = first.content as string;
  assert.match(text, /^# AGENTS.md instructions for /);
  assert.ok(text.includes(`${'ä'.repeat(25)}\n[… AGENTS.md is cut here, since 51 bytes are used up`));
  assert.deepEqual(
    played.of('warning').map(({ code }) => code),
    ['agentsFileCut'],
  );
  await played.run({ turn: 2, prompt: 'next', limits: resolveLimits({ agentsFileBytes: 51 }) });
  assert.equal(JSON.stringify(played.history.items).match(/AGENTS.md instructions/g)?.length, 1);
});

test('a script that is too large for an argument runs all the same', async () => {
  const played = await play(`
  - when: {prompt: '^\\$ '}
    commandsFromPrompt: true
    steps: [{say: '{{output}}'}]
`);
  const outcome = await played.run({ prompt: `$ text=${'x'.repeat(300_000)}; echo \${#text}` });
  assert.equal(outcome.answer, '300000');
});

test('a call id from the model never becomes a name in the sandbox', async () => {
  const played = await play(`
  - steps:
      - run: [echo 1, echo 2]
      - say: done
`);
  await played.run();
  const ids = played.sandbox.started.map((spec) => spec.callId);
  assert.equal(new Set(ids).size, 2);
  for (const id of ids) assert.match(id, /^c\d+-[0-9a-f]{24}$/);
});
