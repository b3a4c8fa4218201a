import assert from 'node:assert/strict';
import test from 'node:test';
import { Escape } from '../../../cli/terminals/escape.ts';

/** What the shell gets of these pieces, and whether the person left. */
function typed(...pieces: string[]): [string, boolean] {
  const escape = new Escape();
  let shell = '';
  for (const piece of pieces) {
    const { bytes, leave } = escape.take(Buffer.from(piece));
    shell += Buffer.from(bytes).toString();
    if (leave) return [shell, true];
  }
  return [shell, false];
}

test('a tilde and a dot at the beginning of a line leave', () => {
  assert.deepEqual(typed('~.'), ['', true]);
  assert.deepEqual(typed('ls\r~.rest'), ['ls\r', true]);
  assert.deepEqual(typed('ls\r', '~', '.'), ['ls\r', true]);
});

test('anywhere else, and before anything else, they are the shell’s', () => {
  assert.deepEqual(typed('cd ~.\r'), ['cd ~.\r', false]);
  assert.deepEqual(typed('~/bin/x\r'), ['~/bin/x\r', false]);
  assert.deepEqual(typed('~~.\r'), ['~.\r', false]);
  assert.deepEqual(typed('日本~.'), ['日本~.', false]);
});
