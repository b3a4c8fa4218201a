import assert from 'node:assert/strict';
import { test } from 'node:test';
import { smallestChange } from '../../../extension/apply/smallest-change.ts';

function check(before: string, after: string): string {
  const change = smallestChange(before, after);
  assert.ok(change);
  assert.equal(before.slice(0, change.start) + change.text + before.slice(change.end), after);
  return change.text;
}

test('only what differs is replaced', () => {
  assert.equal(smallestChange('same', 'same'), null);
  assert.equal(check('one\ntwo\nthree', 'one\nTWO\nthree'), 'TWO');
  assert.equal(check('abc', 'abxc'), 'x');
  assert.equal(check('aXa', 'aa'), '');
  assert.equal(check('', 'new'), 'new');
  assert.equal(check('aaaa', 'aaaaaa'), 'aa');
});

test('a line end and a character are never cut in two', () => {
  const change = smallestChange('a\r\nb', 'a\r\r\nb');
  assert.ok(change && change.start !== 2);
  check('a\r\nb', 'a\r\r\nb');
  check('x\u{1F600}y', 'x\u{1F601}y');
  const emoji = smallestChange('x\u{1F600}y', 'x\u{1F601}y');
  assert.deepEqual(emoji, { start: 1, end: 3, text: '\u{1F601}' });
});
