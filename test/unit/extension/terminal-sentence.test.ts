import assert from 'node:assert/strict';
import test from 'node:test';
import { terminalSentence } from '../../../extension/terminal/sentence.ts';

const seen = (text: string) => text.replace(/\u001b\[\d*m/g, '');

test('a sentence is broken between words, below its mark', () => {
  assert.equal(
    seen(terminalSentence('The shell has ended with exit code 3.', 24)),
    '\r\n *  The shell has ended\r\n    with exit code 3.\r\n',
  );
  assert.equal(seen(terminalSentence('The shell has ended.', 24)), '\r\n *  The shell has ended.\r\n');
});

test('a word that fits no line stands on one of its own, however narrow the terminal is', () => {
  const long = 'x'.repeat(40);
  assert.equal(seen(terminalSentence(`a ${long} b`, 1)), `\r\n *  a\r\n    ${long}\r\n    b\r\n`);
});

test('nothing in a title moves the cursor', () => {
  const text = terminalSentence('In “\u001b[2J\u0007 x\u009b1m”.', 80);
  assert.equal(seen(text), '\r\n *  In “ [2J x 1m”.\r\n');
});
