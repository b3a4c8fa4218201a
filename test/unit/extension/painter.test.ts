import assert from 'node:assert/strict';
import test from 'node:test';
import { Painter } from '../../../extension/terminal/painter.ts';

test('a character that falls apart between chunks is one', () => {
  const written: string[] = [];
  const painter = new Painter((text) => written.push(text));
  for (const byte of Buffer.from('a中😀\xff')) painter.take(Uint8Array.of(byte));
  painter.flush();
  assert.deepEqual(written, ['a中😀ÿ']);
});

test('many small chunks are one write, and a flood is not held', () => {
  const written: string[] = [];
  const painter = new Painter((text) => written.push(text));
  for (let count = 0; count < 200; count++) painter.take(Buffer.alloc(1024, 'x'));
  painter.flush();
  assert.ok(written.length <= 5, `${written.length}`);
  assert.equal(written.join('').length, 200 * 1024);
  painter.dispose();
});
