import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { prOptions, type PrCommand } from '../../../cli/pr/options.ts';
import { perform, pr } from '../../../cli/pr/pr.ts';
import { pullRequestLines } from '../../../cli/pr/render.ts';
import { paint } from '../../../cli/terminal.ts';
import { UsageError } from '../../../cli/usage.ts';
import type { BackendConnection } from '../../../client/connection/index.ts';
import { CodexError } from '../../../protocol/errors.ts';
import type { PullRequestPreview, PullRequestView } from '../../../protocol/pull-request.ts';
import { removeFolder, temporaryFolder, write } from '../../support/git.ts';

const VIEW: PullRequestView = {
  ...{
    host: 'github.com',
    kind: 'github',
    repo: 'acme/shop',
    number: 4,
    url: 'https://github.com/acme/shop/pull/4',
  },
  ...{
    title: 'Round',
    draft: false,
    branch: 'codex/round',
    base: 'main',
    state: 'open',
    turn: 1,
    attempt: 1,
  },
  ...{
    by: 'backend',
    createdBy: 'me',
    createdAt: 1,
    updatedAt: 1,
    checks: { passed: 2, failed: 1, running: 0 },
  },
};
const PREVIEW = {
  ...{
    host: 'github.com',
    repo: 'acme/shop',
    title: 'Round',
    body: 'Why',
    draft: false,
    files: [],
    filesCut: false,
  },
  ...{ delicate: [], localChanges: true, unpushedCommits: 0, behind: 0, conflicts: [], base: 'main' },
} as unknown as PullRequestPreview;

function options(...args: string[]): PrCommand {
  const command = prOptions(args);
  assert.ok(command);
  return command;
}

function backend(preview: PullRequestPreview) {
  const calls: [string, Record<string, unknown>][] = [];
  const connection = {
    call: async (method: string, params: Record<string, unknown>) => {
      calls.push([method, params]);
      return method === 'pullRequest.preview' ? { preview } : { pullRequest: VIEW };
    },
  } as unknown as BackendConnection;
  const told: string[] = [];
  const how = { note: (lines: readonly string[]) => void told.push(...lines) };
  return { calls, connection, told, how };
}

const NOBODY = { body: null, author: null };

test('a mistake in the command line is told before anything is asked', () => {
  const refused = (...args: string[]) => assert.throws(() => prOptions(args), UsageError, args.join(' '));
  refused();
  refused('make', 't1');
  refused('create');
  refused('create', 't1', 't2');
  refused('show', 't1', '--title', 'x');
  refused('update', 't1', '--draft');
  refused('update', 't1', '--branch', 'x');
  refused('create', 't1', '--title', ' ');
  refused('create', 't1', '--title', 'x'.repeat(257));
  refused('create', 't1', '--branch', 'x'.repeat(300));
  refused('create', 't1', '--attempt', '9');
  assert.equal(prOptions(['--help']), null);
});

test('a text that is longer than forges take is told before a backend is asked', async () => {
  const dir = temporaryFolder('codex-pr');
  try {
    write(dir, 'body.md', 'x'.repeat(60_001));
    await assert.rejects(pr(['create', 't1', '--body-file', join(dir, 'body.md')]), (error: Error) => {
      assert.ok(error instanceof UsageError);
      assert.match(error.message, /at most 60000 characters/);
      return true;
    });
  } finally {
    removeFolder(dir);
  }
});

test('create asks with what was proposed, or what was said instead', async () => {
  const { calls, connection, told, how } = backend(PREVIEW);
  const author = { name: 'Ada', email: 'ada@example.org' };
  await perform(connection, options('create', 't1'), { body: null, author }, how);
  assert.deepEqual(calls[1], [
    'pullRequest.create',
    { taskId: 't1', author, localChanges: 'leaveOut', draft: false, title: 'Round', body: 'Why' },
  ]);
  assert.ok(told.some((line) => line.includes('--include-local')));
  const said = options(
    'create',
    't1',
    '--title',
    'Mine',
    '--draft',
    '--branch',
    'b',
    '--base',
    'dev',
    '--include-local',
  );
  await perform(connection, said, { body: 'Text', author: null }, how);
  assert.deepEqual(calls[3]?.[1], {
    ...{
      taskId: 't1',
      localChanges: 'include',
      draft: true,
      title: 'Mine',
      body: 'Text',
      branch: 'b',
      base: 'dev',
    },
  });
});

test('files that need a second yes are told, and pushed only with it', async () => {
  const delicate = {
    ...PREVIEW,
    ...{ delicate: [{ path: '.husky/pre-commit', why: 'hook' }], delicateKey: 'k1' },
  } as PullRequestPreview;
  const without = backend(delicate);
  await assert.rejects(
    perform(without.connection, options('create', 't1'), NOBODY, without.how),
    (error) => error instanceof CodexError && error.code === 'forgeNotConfirmed',
  );
  assert.deepEqual(
    without.calls.map(([method]) => method),
    ['pullRequest.preview'],
  );
  assert.ok(without.told.includes('  .husky/pre-commit  runs as a git hook'));
  const yes = backend(delicate);
  await perform(yes.connection, options('update', 't1', '--yes-delicate'), NOBODY, yes.how);
  assert.deepEqual(yes.calls[1], ['pullRequest.update', { taskId: 't1', confirmed: 'k1' }]);
});

test('show asks how it stands, and says it in a few lines that move no cursor', async () => {
  const { calls, connection, how } = backend(PREVIEW);
  const view = await perform(connection, options('show', 't1'), NOBODY, how);
  assert.deepEqual(calls, [['pullRequest.refresh', { taskId: 't1' }]]);
  assert.deepEqual(pullRequestLines({ ...view, title: 'Round\u001b[2J' }, paint(false)), [
    'Round  #4 · open',
    'github.com/acme/shop: codex/round → main',
    'Checks: 1 failed, 2 passed',
    'https://github.com/acme/shop/pull/4',
  ]);
});
