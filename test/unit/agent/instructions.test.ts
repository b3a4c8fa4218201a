import assert from 'node:assert/strict';
import { test } from 'node:test';
import { instructions } from '../../../server/agent/instructions.ts';

const base = { workdir: '/workspace/repo', commandTimeoutMs: 600_000 } as const;

test('each mode says what it may change, and only code teaches to edit', () => {
  const ask = instructions({ ...base, mode: 'ask', internet: 'off' });
  const code = instructions({ ...base, mode: 'code', internet: 'off' });
  const review = instructions({ ...base, mode: 'review', internet: 'off' });
  assert.match(ask, /change nothing/);
  assert.match(review, /Change nothing/);
  assert.match(code, /\*\*\* Begin Patch/);
  assert.doesNotMatch(ask + review, /Begin Patch/);
  for (const [mode, text] of Object.entries({ ask, code, review })) {
    assert.match(text, new RegExp(`^Mode: ${mode}$`, 'm'));
  }
});

test('the internet access there is gets told', () => {
  const told = (['off', 'limited', 'on'] as const).map((internet) =>
    instructions({ ...base, mode: 'code', internet }),
  );
  assert.equal(new Set(told).size, 3);
  assert.match(told[0] ?? '', /no internet access/);
});
