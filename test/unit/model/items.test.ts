import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readItem, toHistory } from '../../../server/model/items.ts';
import type { ModelSettings } from '../../../server/model/model.ts';
import { shellVariant } from '../../../server/model/shell-variant.ts';

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
  const of = (name: string, more: Partial<ModelSettings> = {}) =>
    shellVariant({ name, apiKey: 'k', ...more });
  assert.equal(of('codex-mini-latest'), 'local_shell');
  for (const name of ['gpt-5', 'gpt-5-codex', 'gpt-4.1', 'o3', 'scripted', 'gpt-5.1-chat-latest']) {
    assert.equal(of(name), 'function', name);
  }
  for (const name of ['gpt-5.1', 'gpt-5.1-codex-mini', 'gpt-5.2-codex', 'gpt-5.6', 'gpt-6', 'gpt-10.1']) {
    assert.equal(of(name), 'shell', name);
    assert.equal(of(name, { baseUrl: 'https://api.openai.com/v1' }), 'shell', name);
    assert.equal(of(name, { baseUrl: 'http://127.0.0.1:11434/v1' }), 'function', name);
    assert.equal(of(name, { baseUrl: 'no address' }), 'function', name);
    assert.equal(of(name, { wire: 'chat' }), 'function', name);
  }
  assert.equal(of('llama', { baseUrl: 'http://127.0.0.1:1/v1', shell: 'shell' }), 'shell');
  assert.equal(of('gpt-5.1', { shell: 'function' }), 'function');
});
