import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chatBody, messagesOf } from '../../../server/model/chat-request.ts';
import type { ResponseItem } from '../../../server/model/model.ts';
import { Unwanted } from '../../../server/model/unwanted.ts';

const call = (id: string): ResponseItem => ({
  type: 'function_call',
  call_id: id,
  name: 'shell',
  arguments: '{}',
});
const output = (id: string): ResponseItem => ({
  type: 'function_call_output',
  call_id: id,
  output: `of ${id}`,
});

test('calls belong to their message, and their outputs come right after it, wherever they were', () => {
  const messages = messagesOf(
    'Be good.',
    [
      { role: 'user', content: 'go' },
      { type: 'reasoning', id: 'rs', summary: [], encrypted_content: 'x' },
      { type: 'message', role: 'assistant', content: 'I look.' },
      call('a'),
      call('b'),
      output('b'),
      { role: 'user', content: 'wait' },
      output('a'),
      { type: 'message', role: 'assistant', content: 'Done.' },
    ],
    false,
  );
  const callOf = (id: string) => ({ type: 'function', id, function: { name: 'shell', arguments: '{}' } });
  assert.deepEqual(messages, [
    { role: 'system', content: 'Be good.' },
    { role: 'user', content: 'go' },
    { role: 'assistant', content: 'I look.', tool_calls: [callOf('a'), callOf('b')] },
    { role: 'tool', tool_call_id: 'a', content: 'of a' },
    { role: 'tool', tool_call_id: 'b', content: 'of b' },
    { role: 'user', content: 'wait' },
    { role: 'assistant', content: 'Done.' },
  ]);
});

test('images go along, those of an output in a message after it', () => {
  const image = {
    type: 'input_image' as const,
    image_url: 'data:image/png;base64,AA==',
    detail: 'high' as const,
  };
  const messages = messagesOf(
    '',
    [
      { role: 'user', content: [{ type: 'input_text', text: 'see' }, image] },
      call('a'),
      { type: 'function_call_output', call_id: 'a', output: [{ type: 'input_text', text: 'shown' }, image] },
    ],
    false,
  );
  const part = { type: 'image_url', image_url: { url: image.image_url, detail: 'high' } };
  assert.deepEqual(messages[0], { role: 'user', content: [{ type: 'text', text: 'see' }, part] });
  assert.deepEqual(messages.slice(2), [
    { role: 'tool', tool_call_id: 'a', content: 'shown' },
    { role: 'user', content: [part] },
  ]);
});

test('what the model once got wrong is sent as JSON that any server can read', () => {
  const messages = messagesOf(
    '',
    [{ ...call('a'), arguments: '{"command": ' } as ResponseItem, output('a')],
    false,
  );
  const [first] = messages;
  assert.ok(first?.role === 'assistant' && first.tool_calls?.[0]?.type === 'function');
  assert.deepEqual(JSON.parse(first.tool_calls[0].function.arguments), { unreadable: '{"command": ' });
});

test('calls of other kinds, from another server, are told as calls of functions', () => {
  const messages = messagesOf(
    '',
    [
      {
        type: 'local_shell_call',
        id: 'x',
        call_id: 'c1',
        status: 'completed',
        action: { type: 'exec', command: ['ls'], env: {} },
      },
      { type: 'local_shell_call_output', id: 'c1', output: 'a.txt' },
      { type: 'custom_tool_call', call_id: 'c2', name: 'apply_patch', input: '*** Begin Patch' },
      { type: 'custom_tool_call_output', call_id: 'c2', output: 'ok' },
    ],
    false,
  );
  assert.deepEqual(
    messages.map((message) => [message.role, 'content' in message ? message.content : undefined]),
    [
      ['assistant', undefined],
      ['tool', 'a.txt'],
      ['tool', 'ok'],
    ],
  );
});

test('a request says no more than it has to', () => {
  const base = {
    model: 'm',
    instructions: 'x',
    input: [{ role: 'user' as const, content: 'hi' }],
    stream: true as const,
  };
  const unwanted = new Unwanted();
  assert.deepEqual(Object.keys(chatBody({ ...base, tools: [{ type: 'local_shell' }] }, unwanted)), [
    'model',
    'messages',
    'stream',
    'stream_options',
  ]);
  assert.equal(
    unwanted.learn({ kind: 'badRequest', params: {}, param: 'stream_options' }, undefined),
    'less',
  );
  assert.equal('stream_options' in chatBody(base, unwanted), false);
  assert.equal(chatBody({ ...base, reasoning: { effort: 'high' } }, unwanted).reasoning_effort, 'high');
});
