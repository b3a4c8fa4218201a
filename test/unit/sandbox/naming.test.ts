import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSandboxName, sandboxName } from '../../../server/sandbox/naming.ts';

test('a sandbox’s name says whose it is, whatever the id looks like', () => {
  for (const role of ['agent', 'setup', 'ask'] as const) {
    for (const taskId of ['a', 'task-1', 'codex-setup-x-2', '7-7', 'A_b.c']) {
      for (const attempt of [0, 1, 12]) {
        const name = sandboxName(taskId, attempt, role);
        assert.deepEqual(parseSandboxName(name), { role, taskId, attempt });
      }
    }
  }
  assert.equal(sandboxName('t', 1), 'codex-task-t-1');
});

test('other names are nobody’s', () => {
  for (const name of [
    '',
    'codex-tasks-pool-0123456789abcdef',
    'codex-task-1',
    'codex-task-t-',
    'codex-task-t-x',
    'x-codex-task-t-1',
    'codex-other-t-1',
    'codex-task-t-1\n',
  ])
    assert.equal(parseSandboxName(name), null, name);
});
