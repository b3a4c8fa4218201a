import assert from 'node:assert/strict';
import test from 'node:test';
import { CodexError } from '../../../protocol/errors.ts';
import { errorWords, terminalEndWords, terminalGreeting } from '../../../client/words/index.ts';

const refusal = (params: Record<string, string | number>): string =>
  errorWords(new CodexError('terminalUnavailable', params).wire).text;

test('why a terminal is refused is said without the task’s number', () => {
  const id = '4adeb1d8e4e01aa000e9';
  assert.match(refusal({ noSandbox: id }), /the sandbox is gone\. Send a follow-up/);
  assert.match(refusal({ busyTask: id }), /while a turn uses the sandbox\./);
  for (const why of ['noSandbox', 'busyTask', 'oldSandbox']) {
    assert.equal(refusal({ [why]: id }).includes(id), false, why);
  }
  assert.match(refusal({ most: 4 }), /: 4 are open already\./);
  assert.match(refusal({ missing: 'script' }), /no script and no python3/);
  assert.match(refusal({}), /^A terminal can’t be opened now/);
});

test('a shell after a failed setup is for looking around; any other is where the task goes on', () => {
  assert.match(terminalGreeting({ title: 'T' }), /“T”.* is there for the next turn/);
  assert.match(terminalGreeting({ title: 'T', error: { code: 'timedOut' } }), /is there for the next turn/);
  assert.match(terminalGreeting({ title: 'T', error: { code: 'setupFailed' } }), /begins with a new one/);
});

test('a shell that ended without a code says only that', () => {
  assert.equal(terminalEndWords('exited', 3), 'The shell has ended with exit code 3.');
  assert.equal(terminalEndWords('exited', null), 'The shell has ended.');
});
