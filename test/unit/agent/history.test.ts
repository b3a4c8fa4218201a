import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openCalls, promptItem, safeCallId, toRequest, turnStart } from '../../../server/agent/history.ts';
import type { ToolCall } from '../../../server/model/items.ts';
import type { ResponseItem } from '../../../server/model/model.ts';

const call = (call_id: string): ToolCall & ResponseItem => ({
  type: 'function_call',
  call_id,
  name: 'shell',
  arguments: '{}',
});
const output = (call_id: string, text = 'x'): ResponseItem => ({
  type: 'function_call_output',
  call_id,
  output: text,
});
const said = (text: string): ResponseItem => ({
  type: 'message',
  role: 'assistant',
  id: 'msg',
  status: 'completed',
  content: [{ type: 'output_text', text, annotations: [] }],
});

test('a call without an output is open, with its place among all calls', () => {
  const items = [call('a'), output('a'), call('b'), call('c'), output('c')];
  assert.deepEqual(
    openCalls(items).map((open) => [open.call.call_id, open.ordinal]),
    [['b', 1]],
  );
});

test('calls that share an id are answered one by one', () => {
  const items = [call('a'), output('a'), call('a')];
  assert.deepEqual(
    openCalls(items).map((open) => open.ordinal),
    [1],
  );
});

test('a request has an output for every call and a call for every output', () => {
  const request = toRequest([
    promptItem('p', 1),
    call('a'),
    call('b'),
    output('b'),
    output('z'),
    output('b'),
  ]);
  assert.deepEqual(
    request.map((item) => [item.type, 'call_id' in item ? item.call_id : '']),
    [
      ['message', ''],
      ['function_call', 'a'],
      ['function_call_output', 'a'],
      ['function_call', 'b'],
      ['function_call_output', 'b'],
    ],
  );
});

test('a request never shows what only we remember', () => {
  assert.deepEqual(toRequest([promptItem('p', 3)]), [{ type: 'message', role: 'user', content: 'p' }]);
});

test('the turn of a prompt decides whether it is taken up again', () => {
  const items = [promptItem('go on', 1), call('a'), output('a')];
  assert.deepEqual(turnStart([], 'go on', 1), { kind: 'new' });
  assert.deepEqual(turnStart(items, 'go on', 1), { kind: 'resumed', ranCalls: true });
  assert.deepEqual(turnStart(items, 'go on', 2), { kind: 'new' });
  assert.deepEqual(turnStart([...items, said('done')], 'go on', 1), {
    kind: 'answered',
    answer: 'done',
    ranCalls: true,
  });
  assert.deepEqual(turnStart([...items, said('done')], 'go on', 2), { kind: 'new' });
});

test('without a turn the words decide, as long as there is no answer', () => {
  const items = [promptItem('go on', 0)];
  assert.equal(turnStart(items, 'go on', undefined).kind, 'resumed');
  assert.equal(turnStart(items, 'else', undefined).kind, 'new');
  assert.equal(turnStart([...items, said('done')], 'go on', undefined).kind, 'new');
});

test('the name of a call is safe, stable, and its own', () => {
  const hostile = { call: call('../../etc/passwd\n$(reboot)'), ordinal: 0 };
  assert.match(safeCallId('task', hostile), /^c0-[0-9a-f]{24}$/);
  assert.equal(safeCallId('task', hostile), safeCallId('task', hostile));
  assert.notEqual(safeCallId('task', hostile), safeCallId('task', { ...hostile, ordinal: 1 }));
  assert.notEqual(safeCallId('task', hostile), safeCallId('other', hostile));
});
