import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkRequest, situationOf, type WireRequest } from '../../../server/model/scripted/request.ts';
import { chooseStep, parseScript, type Situation } from '../../../server/model/scripted/script.ts';
import { DEMO_SCRIPT } from '../../../server/model/scripted/scripts/demo.ts';
import { TWENTY_CALLS_SCRIPT } from '../../../server/model/scripted/scripts/twenty-calls.ts';
import { play } from '../../../server/model/scripted/wire.ts';

const situation: Situation = {
  prompt: 'hello',
  mode: 'code',
  followUp: false,
  callsSince: 0,
  lastOutput: '',
};

function request(input: unknown[], tools: unknown[] = [], instructions = ''): WireRequest {
  const checked = checkRequest({ model: 'm', input, tools, instructions, stream: true, store: false });
  assert.ok(checked.ok, checked.ok ? '' : checked.message);
  return checked.request;
}

test('the scripts that ship can be read', () => {
  assert.equal(parseScript(DEMO_SCRIPT).name, 'demo');
  assert.equal(parseScript(TWENTY_CALLS_SCRIPT).turns[0]?.steps.length, 21);
});

test('a mistake in a script is told with its place', () => {
  assert.throws(() => parseScript('turns: [{steps: [{sya: hi}]}]'), /sya/);
});

test('the first turn that fits plays, by prompt, mode and follow-up', () => {
  const script = parseScript(`
turns:
  - {when: {prompt: '^fix (\\w+)', mode: code}, steps: [{say: 'fixing {{1}}'}]}
  - {when: {mode: ask}, steps: [{say: asked}]}
  - {when: {followUp: true}, steps: [{say: again}]}
  - {steps: [{say: 'you said {{prompt}}'}]}
`);
  const says = (change: Partial<Situation>) => chooseStep(script, { ...situation, ...change }).say;
  assert.equal(says({ prompt: 'Fix this' }), 'fixing this');
  assert.equal(says({ prompt: 'fix this', mode: 'ask' }), 'asked');
  assert.equal(says({ followUp: true }), 'again');
  assert.equal(says({}), 'you said hello');
});

test('the calls since the prompt decide which step comes next', () => {
  const script = parseScript('turns: [{steps: [{run: [a, b]}, {run: c}, {say: end}]}]');
  const keys = [0, 1, 2, 3, 9].map((callsSince) => chooseStep(script, { ...situation, callsSince }).key);
  assert.deepEqual(keys, ['0.0', '0.1', '0.1', '0.2', '0.2']);
});

test('what a request is about is read from its newest user message on', () => {
  const read = situationOf(
    request(
      [
        { role: 'user', content: 'first' },
        { type: 'message', role: 'assistant', content: 'done' },
        { role: 'user', content: [{ type: 'input_text', text: 'second' }] },
        { type: 'function_call', call_id: 'a', name: 'shell', arguments: '{}' },
        { type: 'function_call_output', call_id: 'a', output: 'Exit code: 0\nOutput:\nprinted' },
      ],
      [],
      'You are.\n\nMode: ask\n',
    ),
  );
  assert.deepEqual(read, {
    prompt: 'second',
    mode: 'ask',
    followUp: true,
    callsSince: 1,
    lastOutput: 'printed',
  });
});

for (const [name, input, message] of [
  [
    'a call without an output',
    [{ type: 'function_call', call_id: 'a', name: 'x', arguments: '{}' }],
    /No tool output found for function call a/,
  ],
  [
    'an output without a call',
    [{ type: 'function_call_output', call_id: 'a', output: '' }],
    /No tool call found .* a/,
  ],
  [
    'a call without an id',
    [{ type: 'function_call', name: 'x', arguments: '{}' }],
    /Invalid 'input.0.call_id/,
  ],
  ['reasoning without its content', [{ type: 'reasoning', id: 'rs', summary: [] }], /encrypted_content/],
  ['nothing', [], /Invalid 'input'/],
] as const) {
  test(`${name} is refused as the real API refuses it`, () => {
    const checked = checkRequest({ model: 'm', input, stream: true, store: false });
    assert.ok(!checked.ok);
    assert.match(checked.message, message);
  });
}

test('a response that would be stored is refused', () => {
  const checked = checkRequest({
    model: 'm',
    input: [{ role: 'user', content: 'x' }],
    stream: true,
    store: true,
  });
  assert.equal(checked.ok, false);
});

for (const [tool, expected] of [
  [
    { type: 'function', name: 'shell', parameters: {}, strict: false },
    { name: 'shell', arguments: '{"command":"ls"}' },
  ],
  [
    { type: 'function', name: 'exec_command', parameters: {}, strict: false },
    { name: 'exec_command', arguments: '{"cmd":"ls"}' },
  ],
  [
    { type: 'function', name: 'shell_command', parameters: {}, strict: false },
    { name: 'shell_command', arguments: '{"command":"ls"}' },
  ],
] as const) {
  test(`a command becomes a call of ${tool.name}`, () => {
    const step = { key: 'k', calls: [{ kind: 'shell' as const, command: 'ls' }], delayMs: 0 };
    const { events } = play(step, request([{ role: 'user', content: 'x' }], [tool]), 0);
    const done = events.find((event) => event.type === 'response.output_item.done');
    assert.ok(done?.item.type === 'function_call');
    assert.deepEqual({ name: done.item.name, arguments: done.item.arguments }, expected);
  });
}

test('the events of a response come in the order and with the numbers of the real API', () => {
  const step = {
    key: 'k',
    think: 't',
    say: 's',
    calls: [{ kind: 'shell' as const, command: 'ls' }],
    delayMs: 0,
  };
  const { events } = play(step, request([{ role: 'user', content: 'x' }]), 0);
  assert.deepEqual(
    events.map((event) => event.sequence_number),
    events.map((_, index) => index),
  );
  assert.deepEqual(
    events.map((event) => event.type.replace('response.', '')),
    [
      'created',
      'in_progress',
      'output_item.added',
      'reasoning_summary_part.added',
      'reasoning_summary_text.delta',
      'reasoning_summary_text.done',
      'reasoning_summary_part.done',
      'output_item.done',
      'output_item.added',
      'content_part.added',
      'output_text.delta',
      'output_text.done',
      'content_part.done',
      'output_item.done',
      'output_item.added',
      'function_call_arguments.delta',
      'function_call_arguments.done',
      'output_item.done',
      'completed',
    ],
  );
});

test('deltas put together are the text, pairs of surrogates unbroken', () => {
  const say = `${'x'.repeat(47)}😀`.repeat(200);
  const { events } = play(
    { key: 'k', say, calls: [], delayMs: 0 },
    request([{ role: 'user', content: 'x' }]),
    0,
  );
  const deltas = events.flatMap((event) =>
    event.type === 'response.output_text.delta' ? [event.delta] : [],
  );
  assert.equal(deltas.join(''), say);
  assert.ok(deltas.every((delta) => delta.isWellFormed()));
});
