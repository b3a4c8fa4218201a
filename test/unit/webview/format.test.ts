import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytes, clock, duration, fill, short } from '../../../webview/format.ts';

test('durations keep the digits that matter', () => {
  const shown = [0, 40, 310, 3200, 9940, 9960, 48_000, 59_600, 72_000, 3_723_000].map(duration);
  assert.deepEqual(shown, [
    '0.00 s',
    '0.04 s',
    '0.3 s',
    '3.2 s',
    '9.9 s',
    '10 s',
    '48 s',
    '59 s',
    '1:12',
    '1:02:03',
  ]);
});

test('a running time is whole seconds and never negative', () => {
  assert.deepEqual([-5, 4999, 60_000, 3_599_999].map(clock), ['0 s', '4 s', '1:00', '59:59']);
});

test('bytes change their unit before they need four digits', () => {
  assert.deepEqual([0, 512, 999, 1000, 48_000, 999_600, 1_200_000].map(bytes), [
    '0 B',
    '512 B',
    '999 B',
    '1.0 kB',
    '48 kB',
    '1.0 MB',
    '1.2 MB',
  ]);
});

test('large counts are short', () => {
  assert.deepEqual([812, 1500, 31_200, 1_240_000].map(short), ['812', '1.5k', '31k', '1.2M']);
});

test('placeholders are filled once, unknown ones stay', () => {
  assert.equal(fill('{a} {b} {c}', { a: '{b}', b: 2 }), '{b} 2 {c}');
  assert.equal(fill('{constructor}', {}), '{constructor}');
});
