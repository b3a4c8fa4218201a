import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CodexError } from '../../../protocol/errors.ts';
import type { FileChange } from '../../../protocol/events.ts';
import { checkConfirmed, delicateKey, delicateOf } from '../../../server/pull-requests/delicate.ts';

const file = (path: string, more: Partial<FileChange> = {}): FileChange => ({
  path: { path },
  kind: 'modified',
  binary: false,
  oldMode: '100644',
  newMode: '100644',
  ...more,
});

test('workflows, submodules, hooks, owners and what runs by itself are told apart', () => {
  const found = delicateOf([
    file('.github/workflows/ci.yml'),
    file('.GitLab-CI.yml'),
    file('.gitmodules'),
    file('vendor/lib', { newMode: '160000' }),
    file('.husky/pre-commit'),
    file('.githooks/x'),
    file('lefthook.yml'),
    file('.pre-commit-config.yaml'),
    file('.vscode/tasks.json'),
    file('docs/CODEOWNERS'),
    file('src/app.ts'),
    file('a/codeowners.md'),
  ]);
  assert.deepEqual(Object.fromEntries(found.map(({ path, why }) => [path, why])), {
    '.github/workflows/ci.yml': 'workflow',
    '.GitLab-CI.yml': 'workflow',
    '.gitmodules': 'submodule',
    'vendor/lib': 'submodule',
    '.husky/pre-commit': 'hook',
    '.githooks/x': 'hook',
    'lefthook.yml': 'hook',
    '.pre-commit-config.yaml': 'hook',
    '.vscode/tasks.json': 'selfRunning',
    'docs/CODEOWNERS': 'codeowners',
  });
});

test('the old name of a file that is renamed counts, and so does a link at a folder', () => {
  assert.deepEqual(
    delicateOf([file('ci.yml', { kind: 'renamed', from: { path: '.github/workflows/ci.yml' } })]),
    [{ path: '.github/workflows/ci.yml', why: 'workflow' }],
  );
  assert.deepEqual(delicateOf([file('.github', { newMode: '120000' })]), [
    { path: '.github', why: 'workflow' },
  ]);
});

test('a yes is for one result only', () => {
  const files = delicateOf([file('.github/workflows/ci.yml')]);
  const key = delicateKey(files, 'tree-1');
  checkConfirmed(files, 'tree-1', key);
  checkConfirmed([], 'tree-1', undefined);
  for (const [tree, given] of [
    ['tree-2', key],
    ['tree-1', undefined],
    ['tree-1', 'x'],
  ] as const) {
    assert.throws(
      () => checkConfirmed(files, tree, given),
      (error: CodexError) =>
        error.code === 'forgeNotConfirmed' && error.wire.params['paths'] === '.github/workflows/ci.yml',
    );
  }
});
