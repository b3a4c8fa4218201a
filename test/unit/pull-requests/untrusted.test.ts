/** How much of what others wrote is told, where it is more than fits. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shareOf, untrustedBlock } from '../../../server/pull-requests/untrusted.ts';

test('what short texts leave is the long ones’', () => {
  assert.equal(shareOf([], 100), 100);
  assert.equal(shareOf([10, 20], 100), 100);
  assert.equal(shareOf([10, 200], 100), 90);
  assert.equal(shareOf([200, 10, 300], 100), 45);
  assert.equal(shareOf([50, 50], 100), 100);
});

test('a long issue below which many have said little is told whole', () => {
  const body = 'x'.repeat(10_000);
  const said = Array.from({ length: 20 }, () => ({ label: 'bob', text: '+1' }));
  const block = untrustedBlock([{ label: 'issue', text: body }, ...said], 16_384);
  assert.ok(block.includes(body));
  const flood = untrustedBlock(
    [
      { label: 'issue', text: body },
      { label: 'b', text: 'y'.repeat(90_000) },
    ],
    16_384,
  );
  assert.ok(!flood.includes(body) && Buffer.byteLength(flood) < 18_000, 'all of it stays within');
});
