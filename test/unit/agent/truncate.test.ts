import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fitText, HeadTail, jsonBytes, utf8Boundary } from '../../../server/agent/truncate.ts';

function cut(text: string, maxTokens: number, chunk = text.length) {
  const bytes = Buffer.from(text);
  const headTail = new HeadTail(maxTokens);
  for (let at = 0; at < bytes.length; at += chunk) headTail.push(bytes.subarray(at, at + chunk));
  return headTail.result();
}

test('what fits is left as it is', () => {
  assert.deepEqual(cut('x'.repeat(400), 100), { text: 'x'.repeat(400), cutBytes: 0 });
  assert.deepEqual(cut('', 100), { text: '', cutBytes: 0 });
});

test('one byte over the limit takes the mark, with the true number', () => {
  const { text, cutBytes } = cut(`${'a'.repeat(200)}b${'c'.repeat(200)}`, 100);
  assert.equal(cutBytes, 1);
  assert.equal(
    text,
    `${'a'.repeat(200)}\n[… about 1 tokens (1 bytes) of output are left out here …]\n${'c'.repeat(200)}`,
  );
});

test('the cut is the same however the output arrives', () => {
  const text = Array.from({ length: 5_000 }, (_, index) => `line ${index} ä€😀\n`).join('');
  const whole = cut(text, 500);
  for (const chunk of [1, 7, 1_000, 65_536]) assert.deepEqual(cut(text, 500, chunk), whole);
  assert.ok(whole.text.startsWith('line 0 ä€😀\n') && whole.text.endsWith('line 4999 ä€😀\n'));
});

test('a character at the cut is left out whole', () => {
  for (let shift = 0; shift < 8; shift++) {
    const { text, cutBytes } = cut('x'.repeat(shift) + '😀€ä'.repeat(200), 100);
    assert.equal(text.includes('\ufffd'), false);
    const kept = text.replace(/\n\[….*…\]\n/u, '');
    assert.equal(Buffer.byteLength(kept) + cutBytes, shift + 9 * 200);
  }
});

test('a boundary never falls into a character, and binary passes', () => {
  const bytes = Buffer.from('a€😀');
  assert.deepEqual(
    [0, 1, 2, 3, 4, 5, 6, 7, 8].map((end) => utf8Boundary(bytes, end)),
    [0, 1, 1, 1, 4, 4, 4, 4, 8],
  );
  assert.equal(utf8Boundary(Buffer.from([0x80, 0x80, 0x80, 0x80]), 4), 4);
});

test('text is cut to its size as JSON', () => {
  assert.equal(fitText('short', 100), 'short');
  const text = fitText('"\n😀'.repeat(10_000), 1_000);
  assert.ok(jsonBytes(text) <= 1_000, String(jsonBytes(text)));
  assert.match(text, /more characters\]$/);
  assert.ok(text.isWellFormed());
});
