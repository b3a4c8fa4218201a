import { strict as assert } from 'node:assert';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { folderKey, inspectFolder, type Folder } from '../../../client/git/folder.ts';
import { useGit } from '../../../client/git/git.ts';
import {
  addSubmodule,
  fingerprint,
  git,
  initRepository,
  removeFolder,
  repositoryOfEverything,
  temporaryFolder,
  write,
} from '../../support/git.ts';

describe('inspecting a folder', () => {
  let dir: string;
  beforeEach(() => (dir = temporaryFolder('codex-inspect')));
  afterEach(() => {
    useGit('git');
    removeFolder(dir);
  });

  const repository = (folder: Folder) => {
    assert.ok(folder.kind === 'repository', folder.kind);
    return folder;
  };

  test('tells a repository, from any folder in it, and changes nothing', async () => {
    const { dir: root, head } = repositoryOfEverything(join(dir, 'work'));
    git(root, ['remote', 'add', 'origin', 'https://me:secret@example.com/a/b.git']);
    const before = fingerprint(root);
    assert.deepEqual(await inspectFolder(join(root, 'src')), {
      kind: 'repository',
      root,
      name: 'work',
      headSha: head,
      branch: 'main',
      remote: 'https://example.com/a/b.git',
      dirty: false,
      hasSubmodules: false,
      isWorktree: false,
      isShallow: false,
    });
    write(root, 'new.txt', 'new\n');
    assert.equal(repository(await inspectFolder(root)).dirty, true);
    assert.deepEqual(
      [...fingerprint(root)].filter(([path]) => path !== 'new.txt'),
      [...before],
    );
  });

  test('prefers the remote that the branch follows', async () => {
    const { dir: root } = repositoryOfEverything(join(dir, 'work'));
    git(root, ['remote', 'add', 'origin', 'https://example.com/origin.git']);
    git(root, ['remote', 'add', 'fork', 'git@example.com:fork.git']);
    git(root, ['config', 'branch.main.remote', 'fork']);
    assert.equal(repository(await inspectFolder(root)).remote, 'git@example.com:fork.git');
  });

  test('tells a detached HEAD, a worktree, a submodule', async () => {
    const { dir: root } = repositoryOfEverything(join(dir, 'work'));
    addSubmodule(root, 'module', join(dir, 'source'));
    assert.equal(repository(await inspectFolder(root)).hasSubmodules, true);
    git(root, ['worktree', 'add', '-q', '--detach', join(dir, 'side')]);
    const side = repository(await inspectFolder(join(dir, 'side')));
    assert.deepEqual([side.branch, side.isWorktree], [null, true]);
  });

  test('tells what is no repository to work in', async () => {
    mkdirSync(join(dir, 'plain'));
    initRepository(join(dir, 'fresh'));
    git(dir, ['init', '-q', '--bare', 'bare.git']);
    const kinds = async (...names: string[]) =>
      Promise.all(names.map(async (name) => (await inspectFolder(join(dir, name))).kind));
    assert.deepEqual(await kinds('plain', 'fresh', 'bare.git', 'fresh/.git', 'nowhere'), [
      'notGit',
      'noCommits',
      'noWorkTree',
      'noWorkTree',
      'missing',
    ]);
  });

  test('tells that git is missing', async () => {
    useGit('no-such-git');
    assert.deepEqual(await inspectFolder(dir), { kind: 'gitMissing' });
  });

  test('the key of a folder is its own', async () => {
    mkdirSync(join(dir, 'one'));
    mkdirSync(join(dir, 'two'));
    assert.equal(await folderKey(join(dir, 'one')), await folderKey(join(dir, 'two', '..', 'one')));
    assert.notEqual(await folderKey(join(dir, 'one')), await folderKey(join(dir, 'two')));
  });
});
