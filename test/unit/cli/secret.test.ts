import assert from 'node:assert/strict';
import { test } from 'node:test';
import { secretCommand } from '../../../cli/secret.ts';
import { NEW_LINE, afterKeys, checkedValue } from '../../../cli/secret-input.ts';
import { UsageError } from '../../../cli/usage.ts';
import { SECRET_MOST_BYTES } from '../../../protocol/limits.ts';

const value = (text: string | Buffer, exact = false) => checkedValue(Buffer.from(text), exact);

test('the end of a single line is left out; several lines stay as they are', () => {
  for (const end of ['\n', '\r\n', '\r'])
    assert.deepEqual(value(`a-token-1${end}`), { text: 'a-token-1', trimmed: true });
  for (const text of [
    'a-token-1',
    ' a-token-1 ',
    'a-token-1\n\n',
    'line 1\nline 2',
    'line 1\nline 2\n',
    '\ufeffa-token',
  ])
    assert.deepEqual(value(text), { text, trimmed: false });
  assert.deepEqual(value('a-token-1\n', true), { text: 'a-token-1\n', trimmed: false });
});

test('what can’t be a secret is told without quoting it', () => {
  const refused = (bytes: string | Buffer, message: RegExp) =>
    assert.throws(
      () => value(bytes),
      (error) =>
        error instanceof UsageError && message.test(error.message) && !error.message.includes('Hush'),
    );
  refused('', /empty/);
  refused('\n', /empty/);
  refused('Hush123\n', /7 bytes; a secret has at least 8/);
  refused(`Hush${'x'.repeat(SECRET_MOST_BYTES)}`, /more than the 65536 bytes/);
  refused('Hush\0Hush', /NUL/);
  refused(Buffer.concat([Buffer.from('Hush-Hush'), Buffer.from([0xff, 0xfe])]), /not UTF-8/);
  assert.equal(value('é'.repeat(4)).text.length, 4, 'bytes are counted');
});

function type(...keys: string[]) {
  return keys.reduce(afterKeys, NEW_LINE);
}

test('what is typed is one line; keys that edit it do, and others leave nothing in it', () => {
  assert.deepEqual(type('abc', '\u007f', 'd\r'), { state: 'done', value: 'abd', pasting: false, rest: '' });
  assert.equal(type('🙂🙂\u007fx\n').value, '🙂x');
  assert.equal(type('wrong\u0015right\r').value, 'right');
  assert.equal(type('a\u001b[D\u001b[1;5Cb', '\u001b', '[3~c\r').value, 'abc');
  assert.equal(type('abc\u0003').state, 'cancelled');
  assert.equal(type('abc').state, 'open');
});

test('a paste may have lines; without its marks several lines are refused, whole', () => {
  const pasted = type('\u001b[200~one\rtwo', '\r\u001b[20', '1~');
  assert.deepEqual([pasted.state, pasted.value], ['open', 'one\ntwo\n']);
  assert.deepEqual(afterKeys(pasted, '\r').state, 'done');
  assert.equal(type('one\rtwo\r').state, 'tooMany');
});

test('a command line is read strictly, and a value on it is refused without being repeated', () => {
  const command = secretCommand(['put', 'NPM_TOKEN', '--env', 'web']);
  assert.ok(command !== 'help' && command.action === 'put');
  assert.deepEqual([command.name, command.environment, command.exact], ['NPM_TOKEN', 'web', false]);
  const list = secretCommand(['list']);
  assert.ok(list !== 'help' && list.environment === 'default');
  for (const [args, message] of [
    [['put', 'TOKEN', 'Hush-Hush'], /standard input/],
    [['put', 'TOKEN=Hush-Hush'], /standard input/],
    [['put'], /needs the name/],
    [['put', '1TOKEN'], /“1TOKEN” is no name for a variable/],
    [['put', 'CODEX_TOKEN'], /is set by Codex itself/],
    [['put', 'TOKEN', '--env', 'a b'], /can’t be an environment/],
    [['list', 'TOKEN'], /takes no name/],
    [['list', '--exact'], /belongs to secret put/],
    [['delete', 'TOKEN', '--json'], /belongs to secret list/],
    [['rotate', '--env', 'web'], /all environments/],
    [['show', 'TOKEN'], /put, list, delete, rotate/],
    [[], /Say what to do/],
  ] as const)
    assert.throws(
      () => secretCommand([...args]),
      (error) =>
        error instanceof UsageError && message.test(error.message) && !error.message.includes('Hush'),
      args.join(' '),
    );
});
