import assert from 'node:assert/strict';
import { test } from 'node:test';
import { delicateOf, type ChangedFile } from '../../../protocol/delicate.ts';

const file = (path: string, more: Partial<ChangedFile> = {}): ChangedFile => ({
  ...{ path: { path }, oldMode: '100644', newMode: '100644' },
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
  assert.deepEqual(delicateOf([file('ci.yml', { from: { path: '.github/workflows/ci.yml' } })]), [
    { path: '.github/workflows/ci.yml', why: 'workflow' },
  ]);
  assert.deepEqual(delicateOf([file('.github', { newMode: '120000' })]), [
    { path: '.github', why: 'workflow' },
  ]);
});

test('a rename counts on both ends, whatever makes the file delicate', () => {
  for (const [path, why] of [
    ['.gitmodules', 'submodule'],
    ['vendor/.gitmodules', 'submodule'],
    ['CODEOWNERS', 'codeowners'],
    ['.gitlab/CODEOWNERS', 'codeowners'],
    ['.husky/pre-push', 'hook'],
    ['.envrc', 'selfRunning'],
  ] as const) {
    assert.deepEqual(delicateOf([file('notes', { from: { path } })]), [{ path, why }]);
    assert.deepEqual(delicateOf([file(path, { from: { path: 'notes' } })]), [{ path, why }]);
  }
  const both = delicateOf([file('.envrc', { from: { path: 'CODEOWNERS' } }), file('.envrc')]);
  assert.deepEqual(both, [
    { path: '.envrc', why: 'selfRunning' },
    { path: 'CODEOWNERS', why: 'codeowners' },
  ]);
});

test('a name that a file system takes for such a file is one', () => {
  const names = ['.GITMODULES', '.g\u200citmodules', '.github/Code\ufeffowners', '.husk\u200dy/pre-commit'];
  assert.deepEqual(
    delicateOf(names.map((name) => file(name))).map(({ path }) => path),
    names.toSorted(),
  );
});

test('a submodule counts by its mode, added or taken away', () => {
  for (const mode of [{ newMode: '160000' }, { oldMode: '160000' }])
    assert.deepEqual(delicateOf([file('lib', mode)]), [{ path: 'lib', why: 'submodule' }]);
});
