import assert from 'node:assert/strict';
import { test } from 'node:test';
import { killedForMemory, ranOutOfMemory } from '../../../runner/memory.ts';

test('the kernel’s count is read in both kinds of control groups', () => {
  const files: Record<string, string> = {
    '/sys/fs/cgroup/memory.events': 'low 0\nhigh 0\nmax 7\noom 3\noom_kill 2\noom_group_kill 0\n',
  };
  const read = (path: string): string => {
    const text = files[path];
    if (text === undefined) throw new Error('ENOENT');
    return text;
  };
  assert.equal(killedForMemory(read), 2);
  delete files['/sys/fs/cgroup/memory.events'];
  assert.equal(killedForMemory(read), null);
  files['/sys/fs/cgroup/memory/memory.oom_control'] = 'oom_kill_disable 0\nunder_oom 0\noom_kill 5\n';
  assert.equal(killedForMemory(read), 5);
});

test('a command is out of memory when something of it was killed and it failed', () => {
  const of = { before: 1, after: 2, exitCode: 2, alone: true };
  assert.equal(ranOutOfMemory(of), true);
  assert.equal(ranOutOfMemory({ ...of, after: 1 }), false);
  assert.equal(ranOutOfMemory({ ...of, exitCode: 0 }), false);
  assert.equal(ranOutOfMemory({ ...of, before: null }), false);
  assert.equal(ranOutOfMemory({ ...of, alone: false }), false, 'it may have been another’s');
  assert.equal(ranOutOfMemory({ ...of, alone: false, exitCode: 137 }), true);
});
