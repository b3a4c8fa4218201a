import assert from 'node:assert/strict';
import { test } from 'node:test';
import { placeOf } from '../../../server/pipeline/place.ts';
import { safeName } from '../../../server/sandbox/of-turn.ts';
import { parseEnvironment } from '../../../server/sandbox/shell-env.ts';
import { isNeeded } from '../../../server/pipeline/sweep.ts';

const A = 'a'.repeat(40);
const B = 'b'.repeat(40);

test('a turn that is taken up again goes on with the files that are there', () => {
  assert.equal(placeOf({ turn: 2, sha: A, captured: false }, 2, A), 'goOn');
});

test('a follow-up keeps the sandbox only when its tree is the result that it starts from', () => {
  assert.equal(placeOf({ turn: 1, sha: A, captured: true }, 2, A), 'asCaptured');
  assert.equal(placeOf({ turn: 1, sha: B, captured: true }, 2, A), 'checkOut');
  assert.equal(placeOf({ turn: 1, sha: A, captured: false }, 2, A), 'checkOut');
});

test('a retried turn goes on with what it did so far, or starts anew in a new sandbox', () => {
  assert.equal(placeOf({ turn: 1, sha: B, captured: true }, 1, A), 'goOn');
  assert.equal(placeOf(null, 1, A), 'checkOut');
});

test('a folder name becomes one that any shell and file system takes', () => {
  assert.equal(safeName('my repo (copy)'), 'my-repo-copy');
  assert.equal(safeName('../..'), 'repository');
  assert.equal(safeName('日本'), 'repository');
  assert.equal(safeName('.hidden'), 'hidden');
  assert.equal(safeName('x'.repeat(300)).length, 100);
});

test('the shell environment starts after its mark and keeps values with line ends', () => {
  const printed =
    'a motd line\nPATH=evil\0mark-begin\0PATH=/cargo/bin:/bin\0A=1\n2\0PWD=/x\0BASH_FUNC_f%%=() { :; }\0=\0';
  assert.deepEqual(parseEnvironment(printed, 'mark-begin'), { PATH: '/cargo/bin:/bin', A: '1\n2' });
  assert.deepEqual(parseEnvironment('nothing', 'mark-begin'), {});
});

test('a sandbox is kept while its task runs, and a parked one until its time is over', () => {
  const ref = { name: 'n', taskId: 't', attempt: 1, running: true, role: 'agent' as const };
  assert.equal(isNeeded(ref, 'live', 10), true);
  assert.equal(isNeeded({ ...ref, expiresAt: 11 }, 'idle', 10), true);
  assert.equal(isNeeded({ ...ref, expiresAt: 10 }, 'idle', 10), false);
  assert.equal(isNeeded(ref, 'idle', 10), false);
  assert.equal(isNeeded({ ...ref, expiresAt: 11 }, 'gone', 10), false);
});
