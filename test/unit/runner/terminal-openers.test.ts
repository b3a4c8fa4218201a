import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { openersOn } from '../../../runner/terminal-openers.ts';

/** `_IO(group, number)`, with what is written or read, as BSD's headers reckon them. */
const io = (number: number, bytes = 0, way = 0x20000000): number =>
  (way | (bytes << 16) | ('t'.charCodeAt(0) << 8) | number) >>> 0;

test('a terminal is opened on macOS by Perl alone, by BSD’s numbers', () => {
  const [[program, flag, script = ''] = [], ...others] = openersOn('darwin');
  assert.deepEqual([program, flag, others], ['perl', '-e', []]);
  const numbers = [...script.matchAll(/ioctl\([^,]+, (0x[0-9a-f]+),/g)].map(([, number]) => Number(number));
  assert.deepEqual(numbers, [io(84), io(82), io(83, 128, 0x40000000), io(97), io(103, 8, 0x80000000)]);
  const checked = spawnSync('perl', ['-c', '-e', script], { encoding: 'utf8' });
  assert.match(checked.stderr, /syntax OK/);
});
