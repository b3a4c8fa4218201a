import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sideBySide } from '../../../cli/run/side-by-side.ts';
import { paint } from '../../../cli/terminal.ts';
import { NO_USAGE } from '../../../protocol/events.ts';
import { wireError } from '../../../protocol/errors.ts';
import type { AttemptView } from '../../../protocol/rpc.ts';

const PATCH = { bytes: 9, sha256: 'x', files: 2, added: 10, removed: 3, binaries: 0 };

const VIEWS: AttemptView[] = [
  {
    attempt: 1,
    files: [],
    state: 'completed',
    patch: PATCH,
    answer: `Fixed.\u001b[31m${'y'.repeat(200)}\nMore.`,
    usage: { ...NO_USAGE, inputTokens: 12_000, outputTokens: 345 },
  },
  { attempt: 2, files: [], state: 'failed', error: wireError('modelUnauthorized') },
  { attempt: 3, files: [], state: 'cancelled', patch: { ...PATCH, files: 1 } },
];

test('attempts stand under one another, each in one line, whatever they say', () => {
  const lines = sideBySide(VIEWS, paint(false), 1);
  assert.equal(lines.length, 3);
  assert.match(lines[0] ?? '', /^▸ 1  completed  2 files \+10 −3  12,345 tokens  Fixed\.y+…$/);
  assert.match(lines[1] ?? '', /^  2  failed     no changes      +The model’s server did not accept/);
  assert.match(lines[2] ?? '', /^  3  cancelled  1 file \+10 −3$/);
});

test('one without a state is still running', () => {
  assert.match(sideBySide([{ attempt: 1, files: [] }], paint(false))[0] ?? '', /^  1  running  no changes$/);
});
