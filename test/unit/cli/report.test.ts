import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_USAGE } from '../../../protocol/events.ts';
import { RunResult } from '../../../protocol/result.ts';
import type { Report } from '../../../protocol/report.ts';
import type { TurnView } from '../../../protocol/rpc.ts';
import { reportLines } from '../../../cli/run/report.ts';
import { failedResult, resultOf } from '../../../cli/run/task.ts';
import { paint } from '../../../cli/terminal.ts';
import { CodexError } from '../../../protocol/errors.ts';

const view: TurnView = {
  turn: 1,
  mode: 'review',
  prompt: 'x',
  state: 'completed',
  generation: 1,
  phases: [],
  attempts: [],
  createdAt: 0,
  usage: NO_USAGE,
};
const finding = { body: 'Why.\nAnd how.', confidence: 0.9, path: 'src/a.ts', startLine: 3, endLine: 3 };
const report: Report = {
  followUps: [
    { title: 'Mend it', prompt: 'Mend the sum.\nThen run the tests.' },
    { title: 'Say it', prompt: 'Write it down.' },
  ],
  findings: [
    { ...finding, title: 'Nice to have', priority: 3, body: '' },
    { ...finding, title: 'It breaks', priority: 0, endLine: 5 },
  ],
  checks: [
    { command: 'npm test', outcome: 'passed' },
    { command: 'npm run e2e', outcome: 'notRun', note: 'no browser' },
  ],
  verdict: { correct: false, explanation: 'It throws.', confidence: 1 },
  proposal: { title: 'Mend the sum', body: 'It was wrong.' },
};

test('a report is in the result for programs, each part only where it says something', () => {
  const result = resultOf('t', { ...view, report }, null);
  assert.deepEqual(RunResult.parse(result), result);
  assert.deepEqual(
    [result.followUps, result.findings, result.checks, result.verdict, result.proposal],
    [report.followUps, report.findings, report.checks, report.verdict, report.proposal],
  );
  const without = resultOf('t', view, null);
  assert.deepEqual(without.followUps, []);
  for (const key of ['findings', 'checks', 'verdict', 'proposal']) assert.ok(!(key in without), key);
  assert.deepEqual(reportLines(without, paint(false)), []);
  assert.deepEqual(reportLines(failedResult(null, new CodexError('cancelled')), paint(false)), []);
});

test('a person reads findings by weight, checks with their end, and numbered tasks', () => {
  assert.deepEqual(reportLines(resultOf('t', { ...view, report }, null), paint(false)), [
    'Findings',
    '[P0] It breaks src/a.ts:3-5',
    '   Why.',
    '   And how.',
    '[P3] Nice to have src/a.ts:3',
    '✗ Not correct as it stands',
    '   It throws.',
    '',
    'Checks',
    '✓ npm test',
    '– not run: npm run e2e no browser',
    '',
    'Pull request',
    'Mend the sum',
    '   It was wrong.',
    '',
    'What could follow',
    '1. Mend it',
    '   Mend the sum.',
    '   Then run the tests.',
    '2. Say it',
    '   Write it down.',
    '',
  ]);
});

test('a review without findings says so, and nothing in a report moves the cursor', () => {
  const clean: Report = {
    ...report,
    findings: [],
    checks: [],
    followUps: [{ title: 'a\u001b[2Jb', prompt: 'c\u001b]0;d\u0007\re' }],
    verdict: { correct: true, explanation: '', confidence: 1 },
  };
  delete clean.proposal;
  const lines = reportLines(resultOf('t', { ...view, report: clean }, null), paint(false));
  assert.deepEqual(lines.slice(0, 4), ['Findings', 'None.', '✓ Correct as it stands', '']);
  assert.doesNotMatch(lines.join('\n'), /[\u001b\u0007\r]/);
});
