import assert from 'node:assert/strict';
import test from 'node:test';
import { shown, SHOWN_CHARS } from '../../../extension/approvals/shown.ts';

const ALL = ['once', 'task', 'never'];

test('a command that is seen whole can be allowed', () => {
  assert.deepEqual(shown('npm test', 'list'), { line: 'npm test', answers: ALL });
  const long = 'x'.repeat(SHOWN_CHARS.notification);
  assert.deepEqual(shown(long, 'notification'), { line: long, answers: ALL });
});

test('of one that does not fit, only a no is taken where it is cut', () => {
  for (const command of ['x'.repeat(71), 'echo hi\nrm -rf /', 'echo hi\n', '\u202e'.repeat(20)]) {
    const { line, answers } = shown(command, 'list');
    assert.deepEqual(answers, ['never'], command);
    assert.ok(line.endsWith(' …') && line.length <= SHOWN_CHARS.list + 2 && !line.includes('\n'), line);
  }
});
