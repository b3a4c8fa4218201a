/** `codex-tasks trigger` as it is written. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { onLines, triggerCommand, triggerLines } from '../../../cli/trigger.ts';
import { UsageError } from '../../../cli/usage.ts';

function read(...args: string[]) {
  const command = triggerCommand(args);
  assert.ok(command !== 'help');
  const { own, ...of } = command;
  assert.ok(own);
  return of;
}

test('a repository is named with its host or without', () => {
  assert.deepEqual(read('on', 'octocat/app'), { action: 'on', host: 'github.com', repo: 'octocat/app' });
  assert.deepEqual(read('on', 'Git.Example.org:8443/team/app', '--env', 'small'), {
    action: 'on',
    host: 'git.example.org:8443',
    repo: 'team/app',
    environment: 'small',
  });
  assert.deepEqual(read('off', 'group/sub/app'), {
    action: 'off',
    host: 'github.com',
    repo: 'group/sub/app',
  });
  assert.deepEqual(read('list', '--json'), { action: 'list', json: true });
  assert.equal(triggerCommand(['--help']), 'help');
});

test('what is written wrong is said', () => {
  for (const args of [
    [],
    ['on'],
    ['on', 'app'],
    ['on', 'https://github.com/octocat/app'],
    ['on', 'a/b', 'c/d'],
    ['off', 'a/b', '--env', 'small'],
    ['on', 'a/b', '--json'],
    ['list', 'a/b'],
    ['sideways', 'a/b'],
  ])
    assert.throws(() => triggerCommand(args), UsageError, args.join(' '));
});

test('each repository has a line', () => {
  const of = { host: 'github.com', repo: 'octocat/app', enabledBy: 'owner', enabledAt: 1 };
  assert.deepEqual(triggerLines([of, { ...of, repo: 'octocat/lib', environment: 'small' }]), [
    'github.com/octocat/app',
    'github.com/octocat/lib  in small',
  ]);
  assert.match(triggerLines([])[0] ?? '', /^Off in all repositories/);
});

test('after it is turned on it says where the forge has to send its webhooks', () => {
  const url = 'https://codex.example.org/api/v1/forges/github.com/webhook';
  const forge = { host: 'github.com', kind: 'github', how: 'token', from: 'owner', apiUrl: '' } as const;
  const lines = onLines({ host: 'github.com', repo: 'octocat/app' }, [
    { ...forge, webhook: { url, signed: true } },
  ]);
  assert.equal(lines[0], 'On: comments that begin with @codex start tasks in github.com/octocat/app');
  assert.match(lines[1] ?? '', /^github\.com needs a webhook, /);
  assert.ok(lines[1]?.endsWith(`: ${url}`));
});
