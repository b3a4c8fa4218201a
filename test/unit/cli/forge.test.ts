/** `codex-tasks forge` as it is written, and forges as a person reads them in a terminal. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { forgeCommand, forgeLines } from '../../../cli/forge.ts';
import { paint } from '../../../cli/terminal.ts';
import { UsageError } from '../../../cli/usage.ts';
import { wireError } from '../../../protocol/errors.ts';

const read = (...args: string[]) => {
  const command = forgeCommand(args);
  assert.ok(command !== 'help');
  return Object.fromEntries(Object.entries(command).filter(([name]) => name !== 'own'));
};

test('what is to be done is read, github.com unless another host is named', () => {
  assert.deepEqual(read('list', '--check'), { action: 'list', check: true, json: false });
  assert.deepEqual(read('connect'), { action: 'connect', host: 'github.com' });
  assert.deepEqual(read('connect', 'Git.Example:8443', '--api-url', 'https://git.example/api/v3'), {
    action: 'connect',
    host: 'git.example:8443',
    apiUrl: 'https://git.example/api/v3',
  });
  assert.deepEqual(read('connect', 'git.example', '--kind', 'gitlab')['kind'], 'gitlab');
  assert.throws(() => read('connect', 'git.example', '--kind', 'gitea'), UsageError);
  const app = { action: 'app', host: 'github.com', answersIssues: false };
  assert.deepEqual(read('app', '--org', 'octo'), { ...app, organization: 'octo' });
  assert.deepEqual(read('app', '--answer-issues'), { ...app, answersIssues: true });
  assert.deepEqual(read('disconnect', 'github.com'), { action: 'disconnect', host: 'github.com' });
  assert.equal(forgeCommand(['--help']), 'help');
});

test('what is written wrong is said, and a token on the command line is not repeated', () => {
  for (const args of [
    [],
    ['login'],
    ['list', 'github.com'],
    ['disconnect'],
    ['connect', 'https://github.com/octo'],
    ['connect', 'github.com', 'ghp_needle'],
    ['list', '--org', 'octo'],
    ['connect', '--answer-issues'],
    ['app', '--check'],
  ])
    assert.throws(
      () => forgeCommand(args),
      (error) => error instanceof UsageError && !error.message.includes('needle'),
      args.join(' '),
    );
});

test('each forge has a line, and what is wrong with it below', () => {
  const lines = forgeLines(
    [
      {
        host: 'github.com',
        kind: 'github',
        how: 'app',
        from: 'client',
        apiUrl: '',
        account: 'Codex\u001b[2J',
        installUrl: 'https://github.com/apps/codex/installations/new',
      },
      {
        host: 'git.example',
        kind: 'github',
        how: 'token',
        from: 'owner',
        apiUrl: '',
        problem: wireError('forgeNotConfigured', { host: 'git.example', variable: 'TOKEN' }),
      },
    ],
    true,
    paint(false),
  );
  assert.deepEqual(lines, [
    '✓ github.com   app · Codex · https://github.com/apps/codex/installations/new',
    '✗ git.example  token · config.yaml',
    '  git.example can’t be used: TOKEN is not set where the backend runs. Set it and start the backend again.',
  ]);
  assert.deepEqual(forgeLines([], false, paint(false)), [
    'No forge is connected: codex-tasks forge connect, or forge app.',
  ]);
});
