import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readItem, toHistory } from '../../../server/model/items.ts';
import { shellVariant } from '../../../server/model/client.ts';

test('kinds that mean nothing here are passed over, lies about a kind are not', () => {
  assert.equal(readItem({ type: 'web_search_call', id: 'x' }), null);
  assert.equal(readItem({ type: 'function_call', name: 'shell' }), 'malformed');
  assert.equal(readItem({ type: 'message', id: 'm', content: 'text' }), 'malformed');
  assert.equal(readItem('text'), 'malformed');
  assert.equal(readItem(null), 'malformed');
});

test('what is kept has the known fields alone and no text that a database refuses', () => {
  const item = readItem({
    type: 'function_call',
    id: 'fc_1',
    call_id: 'call\0\ud800',
    name: 'shell',
    arguments: '{"a":"\0"}',
    status: 'completed',
    surprise: { deep: true },
  });
  assert.ok(item !== null && item !== 'malformed');
  assert.deepEqual(toHistory(item), {
    type: 'function_call',
    call_id: 'call\ufffd\ufffd',
    name: 'shell',
    arguments: '{"a":"\ufffd"}',
  });
});

test('reasoning that the server did not encrypt is not kept', () => {
  const item = readItem({ type: 'reasoning', id: 'rs', summary: [] });
  assert.ok(item !== null && item !== 'malformed');
  assert.equal(toHistory(item), null);
});

test('codex-mini-latest gets the built-in shell, the others a function', () => {
  assert.equal(shellVariant('codex-mini-latest'), 'local_shell');
  assert.equal(shellVariant('gpt-5-codex'), 'function');
  assert.equal(shellVariant('scripted'), 'function');
});
