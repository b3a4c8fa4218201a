import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { wirePath } from '../../../server/repos/patch.ts';
import { readDiff } from '../../../server/repos/raw-diff.ts';

const A = 'a'.repeat(40);
const B = 'b'.repeat(40);

test('a raw diff is read with names as bytes, renames and binary files', () => {
  const odd = Buffer.from('\xff\n:x', 'latin1');
  const output = Buffer.concat([
    Buffer.from(`:100644 100644 ${A} ${B} M\0`),
    odd,
    Buffer.from(`\0:100644 100755 ${A} ${A} R087\0old name\0new name\0:000000 100644 ${B} ${A} A\0x.bin\0`),
    Buffer.from('3\t1\t'),
    odd,
    Buffer.from('\x000\t0\t\0old name\0new name\0-\t-\tx.bin\0'),
  ]);
  const [modified, renamed, added] = readDiff(output);
  assert.deepEqual([modified?.path, modified?.lines], [odd, { added: 3, removed: 1 }]);
  assert.deepEqual(
    [renamed?.from?.toString(), renamed?.path.toString(), renamed?.newMode],
    ['old name', 'new name', '100755'],
  );
  assert.deepEqual([added?.status, added?.lines], ['A', null]);
});

test('no output is no change, and what is cut is an error', () => {
  assert.deepEqual(readDiff(Buffer.alloc(0)), []);
  for (const text of [`:100644 100644 ${A} ${B} M\0`, ':garbage\0x\0', '1\t1\tnowhere\0', 'what\0']) {
    assert.throws(() => readDiff(Buffer.from(text)), { code: 'gitFailed' });
  }
});

test('a name travels as text, and as bytes too when it is not UTF-8', () => {
  assert.deepEqual(wirePath(Buffer.from('grün.txt')), { path: 'grün.txt' });
  const name = Buffer.from('gr\xfcn', 'latin1');
  assert.deepEqual(Buffer.from(wirePath(name).bytes ?? '', 'base64'), name);
});
