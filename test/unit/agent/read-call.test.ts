import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ToolCall } from '../../../server/model/items.ts';
import { isExclusive, readCall, scriptOfLargeCall } from '../../../server/agent/read-call.ts';

const LIMITS = { commandTimeoutMs: 600_000, turnTimeoutMs: 7_200_000 };

function shell(args: object): ReturnType<typeof readCall> {
  const call: ToolCall = {
    type: 'function_call',
    call_id: 'a',
    name: 'shell',
    arguments: JSON.stringify(args),
  };
  return readCall(call, '/workspace/repo', LIMITS);
}

function command(args: object) {
  const read = shell(args);
  assert.ok(read.ok && read.kind === 'run', read.ok ? read.kind : read.problem);
  return read.commands[0];
}

test('a text is a script for bash, a list a program with arguments', () => {
  assert.deepEqual(command({ command: 'ls | wc' }).argv, ['bash', '-c', 'ls | wc']);
  assert.deepEqual(command({ command: ['git', 'log'] }).argv, ['git', 'log']);
});

test('a login shell becomes a plain one', () => {
  assert.deepEqual(command({ command: ['bash', '-lc', 'x'] }).argv, ['bash', '-c', 'x']);
  assert.deepEqual(command({ command: ['/bin/sh', '-lc', 'x'] }).argv, ['/bin/sh', '-c', 'x']);
});

test('the command is shown as a person would type it', () => {
  assert.equal(command({ command: ['bash', '-lc', 'a && b'] }).display, 'a && b');
  assert.equal(command({ command: ['echo', "it's", 'a b', 'plain'] }).display, `echo 'it'\\''s' 'a b' plain`);
});

test('the folder is within the repository, or the call is refused', () => {
  assert.equal(command({ command: 'x' }).cwd, '/workspace/repo');
  assert.equal(command({ command: 'x', workdir: 'a/../b' }).cwd, '/workspace/repo/b');
  assert.equal(command({ command: 'x', workdir: '/workspace/repo/c' }).cwd, '/workspace/repo/c');
  for (const workdir of ['..', '/', '/workspace/repository', 'a/../../..']) {
    assert.equal(shell({ command: 'x', workdir }).ok, false, workdir);
  }
});

test('the model may ask for less time, never for more', () => {
  assert.equal(command({ command: 'x', timeout_ms: 5_000 }).timeoutMs, 5_000);
  assert.equal(command({ command: 'x', timeout_ms: 10 ** 12 }).timeoutMs, 600_000);
  for (const timeout_ms of [0, -1, null]) {
    assert.equal(command({ command: 'x', timeout_ms }).timeoutMs, 600_000);
  }
});

test('a command that edits files runs alone', () => {
  assert.equal(isExclusive(command({ command: "apply_patch <<'P'\nP" })), true);
  assert.equal(isExclusive(command({ command: ['apply_patch', '...'] })), true);
  assert.equal(isExclusive(command({ command: 'cat a' })), false);
});

test('only what is too large for an argument goes through a file', () => {
  const large = 'x'.repeat(200_000);
  assert.equal(scriptOfLargeCall(['bash', '-c', 'ls']), null);
  assert.equal(scriptOfLargeCall(['bash', '-c', large]), large);
  assert.match(scriptOfLargeCall(['apply_patch', large]) ?? '', /^apply_patch <<'(\w+)'\nx+\n\1\n$/);
  assert.equal(scriptOfLargeCall(['grep', large]), null);
});
