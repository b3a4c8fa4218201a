import { strict as assert } from 'node:assert';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { takeSnapshot, type Snapshot } from '../../../client/snapshot/snapshot.ts';
import {
  TEST_GIT_ENV,
  addSubmodule,
  binary,
  changeEverything,
  commitAll,
  fingerprint,
  git,
  initRepository,
  removeFolder,
  repositoryOfEverything,
  temporaryFolder,
  tryGit,
  write,
} from '../../support/git.ts';

describe('a snapshot of a folder', () => {
  let dir: string;
  const saved: Record<string, string | undefined> = {};
  const taken: Snapshot[] = [];

  before(() => {
    for (const [name, value] of Object.entries(TEST_GIT_ENV)) {
      saved[name] = process.env[name];
      if (name.startsWith('GIT_CONFIG')) process.env[name] = value;
    }
  });
  after(() => {
    for (const [name, value] of Object.entries(saved)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });
  beforeEach(() => (dir = temporaryFolder('codex-folder')));
  afterEach(async () => {
    for (const snapshot of taken.splice(0)) await snapshot.dispose();
    removeFolder(dir);
  });

  const snap = async (root: string, options: Partial<Parameters<typeof takeSnapshot>[1]> = {}) => {
    const snapshot = await takeSnapshot(root, { includeLocal: true, ...options });
    taken.push(snapshot);
    return snapshot;
  };
  const inside = (snapshot: Snapshot, ...args: string[]) =>
    git(snapshot.root, args, { env: { ...snapshot.gitEnv } });
  const names = (snapshot: Snapshot) =>
    inside(snapshot, 'ls-tree', '-r', '--name-only', snapshot.sha).split('\n');
  const codes = (snapshot: Snapshot) => snapshot.warnings.map((warning) => warning.code);

  test('holds every kind of local change and touches nothing of the person', async () => {
    const { dir: root, head } = repositoryOfEverything(join(dir, 'work'));
    changeEverything(root);
    write(root, 'staged.txt', 'staged\n');
    git(root, ['add', 'staged.txt']);
    write(root, 'staged.txt', 'changed after staging\n');
    const before = fingerprint(root);
    const snapshot = await snap(root);
    assert.deepEqual(fingerprint(root), before);
    assert.equal(snapshot.includesLocal, true);
    assert.equal(snapshot.headSha, head);
    assert.equal(snapshot.branch, 'main');
    assert.deepEqual(snapshot.warnings, []);
    assert.equal(inside(snapshot, 'rev-parse', `${snapshot.sha}^`), head);
    // What git itself makes of it, the index being ours to change now.
    assert.equal(inside(snapshot, 'rev-parse', `${snapshot.sha}^{tree}`), treeByGit(root));
  });

  test('of a clean folder is the commit itself', async () => {
    const { dir: root, head } = repositoryOfEverything(join(dir, 'work'));
    const snapshot = await snap(join(root, 'src'));
    assert.deepEqual(
      [snapshot.root, snapshot.sha, snapshot.headSha, snapshot.includesLocal],
      [root, head, head, false],
    );
  });

  test('of the same state is the same commit', async () => {
    const { dir: root } = repositoryOfEverything(join(dir, 'work'));
    changeEverything(root);
    assert.equal((await snap(root)).sha, (await snap(root)).sha);
  });

  test('leaves local changes out when they are not asked for, and follows a ref', async () => {
    const { dir: root, head } = repositoryOfEverything(join(dir, 'work'));
    write(root, 'more.txt', 'more\n');
    const second = commitAll(root);
    changeEverything(root);
    assert.equal((await snap(root, { includeLocal: false })).sha, second);
    const older = await snap(root, { includeLocal: false, ref: 'HEAD~1' });
    assert.deepEqual([older.sha, older.branch], [head, null]);
    await assert.rejects(snap(root, { ref: 'HEAD~1' }), { code: 'badRequest' });
    await assert.rejects(snap(root, { includeLocal: false, ref: '--all' }), { code: 'refUnknown' });
    await assert.rejects(snap(root, { includeLocal: false, ref: 'nowhere' }), { code: 'refUnknown' });
  });

  test('sees edits that git was told to overlook', async () => {
    const { dir: root } = repositoryOfEverything(join(dir, 'work'));
    git(root, ['update-index', '--assume-unchanged', 'README.md']);
    git(root, ['update-index', '--skip-worktree', 'src/app.js']);
    write(root, 'README.md', 'assumed\n');
    write(root, 'src/app.js', 'skipped\n');
    const before = fingerprint(root);
    const snapshot = await snap(root);
    assert.equal(inside(snapshot, 'show', `${snapshot.sha}:README.md`), 'assumed');
    assert.equal(inside(snapshot, 'show', `${snapshot.sha}:src/app.js`), 'skipped');
    assert.deepEqual(fingerprint(root), before);
  });

  test('of a sparse checkout keeps what is not checked out, and takes what is', async () => {
    const { dir: root } = repositoryOfEverything(join(dir, 'work'));
    write(root, 'docs/a.md', 'a\n');
    commitAll(root);
    git(root, ['sparse-checkout', 'set', 'docs']);
    write(root, 'docs/a.md', 'edited\n');
    write(root, 'src/app.js', 'outside the cone, and there all the same\n');
    const snapshot = await snap(root);
    assert.equal(
      inside(snapshot, 'diff', '--name-status', 'HEAD', snapshot.sha),
      'M\tdocs/a.md\nM\tsrc/app.js',
    );
  });

  test('takes repositories inside as files, with and without a commit', async () => {
    const { dir: root } = repositoryOfEverything(join(dir, 'work'));
    initRepository(join(root, 'empty-repo'));
    write(root, 'empty-repo/a.txt', 'a\n');
    const other = initRepository(join(root, 'full-repo'));
    write(other, 'b.txt', 'b\n');
    write(other, '.gitignore', 'ignored\n');
    commitAll(other);
    write(other, 'c.txt', 'c\n');
    write(other, 'ignored', 'x\n');
    initRepository(join(other, 'deeper'));
    write(other, 'deeper/d.txt', 'd\n');
    const before = fingerprint(root);
    const snapshot = await snap(root);
    const there = names(snapshot).filter((name) => name.includes('-repo/'));
    assert.deepEqual(there, [
      'empty-repo/a.txt',
      'full-repo/.gitignore',
      'full-repo/b.txt',
      'full-repo/c.txt',
      'full-repo/deeper/d.txt',
    ]);
    assert.deepEqual(codes(snapshot), ['embeddedRepository', 'embeddedRepository']);
    assert.deepEqual(fingerprint(root), before);
  });

  test('names a file whose required filter is missing, and takes all others', async () => {
    const { dir: root } = repositoryOfEverything(join(dir, 'work'));
    write(root, '.gitattributes', '*.secret filter=vault\n');
    git(root, ['config', 'filter.vault.clean', 'no-such-program-anywhere']);
    git(root, ['config', 'filter.vault.required', 'true']);
    write(root, 'one.secret', 'x\n');
    for (let n = 0; n < 30; n += 1) write(root, `plain${n}.txt`, `${n}\n`);
    const snapshot = await snap(root);
    assert.deepEqual(
      snapshot.warnings.map(({ code, params }) => [code, params['path']]),
      [['notIncluded', 'one.secret']],
    );
    const there = names(snapshot);
    assert.equal(there.includes('one.secret'), false);
    assert.equal(there.filter((name) => name.startsWith('plain')).length, 30);
  });

  test("keeps the person's own conversions", async () => {
    const { dir: root } = repositoryOfEverything(join(dir, 'work'));
    git(root, ['config', 'core.autocrlf', 'true']);
    git(root, ['config', 'core.safecrlf', 'true']);
    git(root, ['config', 'filter.upper.clean', 'tr a-z A-Z']);
    write(root, '.gitattributes', '*.up filter=upper\n');
    write(root, 'crlf.txt', 'a\r\nb\r\n');
    write(root, 'lf.txt', 'a\nb\n');
    write(root, 'x.up', 'loud\n');
    const snapshot = await snap(root);
    assert.equal(inside(snapshot, 'show', `${snapshot.sha}:crlf.txt`), 'a\nb');
    assert.equal(inside(snapshot, 'show', `${snapshot.sha}:lf.txt`), 'a\nb');
    assert.equal(inside(snapshot, 'show', `${snapshot.sha}:x.up`), 'LOUD');
    assert.deepEqual(snapshot.warnings, []);
  });

  test('runs no hook', async () => {
    const { dir: root } = repositoryOfEverything(join(dir, 'work'));
    for (const hook of [
      'post-index-change',
      'reference-transaction',
      'pre-commit',
      'post-commit',
      'pre-push',
    ]) {
      write(root, `.git/hooks/${hook}`, `#!/bin/sh\ntouch '${join(dir, 'ran')}'\n`);
      chmodSync(join(root, '.git/hooks', hook), 0o755);
    }
    changeEverything(root);
    await snap(root);
    assert.throws(() => statSync(join(dir, 'ran')));
  });

  test('keeps a submodule as the commit it names', async () => {
    const { dir: root } = repositoryOfEverything(join(dir, 'work'));
    addSubmodule(root, 'module', join(dir, 'source'));
    const pinned = git(root, ['rev-parse', 'HEAD:module']);
    write(root, 'module/module.txt', 'changed inside\n');
    write(root, 'README.md', 'changed\n');
    const snapshot = await snap(root);
    assert.equal(inside(snapshot, 'rev-parse', `${snapshot.sha}:module`), pinned);
    assert.deepEqual(codes(snapshot), ['submoduleChanges']);
  });

  test('of a linked worktree is that worktree, and one that lies inside is left out with a word', async () => {
    const { dir: root } = repositoryOfEverything(join(dir, 'work'));
    git(root, ['worktree', 'add', '-q', '-b', 'side', join(dir, 'side')]);
    git(root, ['worktree', 'add', '-q', '-b', 'within', join(root, 'within')]);
    write(join(dir, 'side'), 'side.txt', 'side\n');
    const side = await snap(join(dir, 'side'));
    assert.equal(side.branch, 'side');
    assert.ok(names(side).includes('side.txt'));
    const main = await snap(root);
    assert.deepEqual(codes(main), ['linkedWorktree']);
    assert.equal(main.includesLocal, false);
  });

  test('of a detached HEAD has no branch', async () => {
    const { dir: root, head } = repositoryOfEverything(join(dir, 'work'));
    git(root, ['checkout', '-q', '--detach']);
    write(root, 'new.txt', 'new\n');
    const snapshot = await snap(root);
    assert.deepEqual([snapshot.branch, snapshot.headSha, snapshot.includesLocal], [null, head, true]);
  });

  test('before the first commit stands on nothing', async () => {
    const root = initRepository(join(dir, 'fresh'));
    write(root, 'a.bin', binary(100));
    write(root, '.gitignore', 'ignored\n');
    write(root, 'ignored', 'x');
    const before = fingerprint(root);
    const snapshot = await snap(root, { includeLocal: false });
    assert.deepEqual([snapshot.headSha, snapshot.branch, snapshot.includesLocal], [null, 'main', true]);
    assert.deepEqual(names(snapshot), ['.gitignore', 'a.bin']);
    assert.equal(inside(snapshot, 'rev-list', '--count', snapshot.sha), '1');
    assert.deepEqual(fingerprint(root), before);
  });

  test('of a folder without git honours .gitignore and puts nothing in the folder', async () => {
    const root = join(dir, 'plain');
    mkdirSync(root);
    write(root, '.gitignore', 'node_modules/\n');
    write(root, 'node_modules/x.js', 'x');
    write(root, 'src/a.js', 'a');
    symlinkSync('src/a.js', join(root, 'link'));
    const before = fingerprint(root);
    const snapshot = await snap(root);
    assert.deepEqual(names(snapshot), ['.gitignore', 'link', 'src/a.js']);
    assert.equal(snapshot.headSha, null);
    assert.deepEqual(fingerprint(root), before);
    assert.equal((await snap(root)).sha, snapshot.sha);
  });

  test('of a shallow clone stands on a commit that needs no history', async () => {
    const { dir: root } = repositoryOfEverything(join(dir, 'work'));
    write(root, 'second.txt', 'second\n');
    commitAll(root);
    git(dir, ['clone', '-q', '--depth', '1', `file://${root}`, 'shallow']);
    const clone = join(dir, 'shallow');
    write(clone, 'local.txt', 'local\n');
    const snapshot = await snap(clone);
    assert.deepEqual(codes(snapshot), ['shallowHistory']);
    assert.equal(inside(snapshot, 'rev-list', '--count', snapshot.sha), '2');
    assert.equal(
      inside(snapshot, 'rev-parse', `${snapshot.headSha}^{tree}`),
      git(clone, ['rev-parse', 'HEAD^{tree}']),
    );
  });

  test('in the middle of a merge takes the files as they are and says so', async () => {
    const { dir: root } = repositoryOfEverything(join(dir, 'work'));
    git(root, ['checkout', '-q', '-b', 'other']);
    write(root, 'README.md', 'theirs\n');
    commitAll(root);
    git(root, ['checkout', '-q', 'main']);
    write(root, 'README.md', 'ours\n');
    commitAll(root);
    assert.notEqual(tryGit(root, ['merge', 'other']).code, 0);
    const snapshot = await snap(root);
    assert.deepEqual(codes(snapshot), ['conflicts']);
    assert.equal(
      `${inside(snapshot, 'show', `${snapshot.sha}:README.md`)}\n`,
      readFileSync(join(root, 'README.md'), 'utf8'),
    );
  });

  test('warns of a large file and takes it', async () => {
    const root = initRepository(join(dir, 'large'));
    write(root, 'large.bin', Buffer.alloc(51 * 1024 * 1024));
    const snapshot = await snap(root);
    assert.deepEqual(snapshot.warnings, [
      { code: 'largeFile', params: { path: 'large.bin', bytes: 51 * 1024 * 1024 } },
    ]);
    assert.deepEqual(names(snapshot), ['large.bin']);
  });

  test('of a folder with a file in place of a folder, and a folder in place of a link', async () => {
    const { dir: root } = repositoryOfEverything(join(dir, 'work'));
    rmSync(join(root, 'src'), { recursive: true });
    write(root, 'src', 'a file now\n');
    rmSync(join(root, 'link'));
    write(root, 'link/inside.txt', 'a folder now\n');
    const elsewhere = join(root, 'elsewhere');
    mkdirSync(elsewhere);
    copyFileSync(join(root, 'run.sh'), join(elsewhere, 'run.sh'));
    commitAll(root, 'A folder');
    renameSync(elsewhere, join(root, 'moved'));
    symlinkSync('moved', elsewhere);
    const snapshot = await snap(root);
    assert.deepEqual(snapshot.warnings, []);
    assert.equal(inside(snapshot, 'rev-parse', `${snapshot.sha}^{tree}`), treeByGit(root));
  });

  test('is refused with a reason where there is nothing to take', async () => {
    await assert.rejects(snap(join(dir, 'nowhere')), { code: 'gitFailed', message: /missing/ });
    git(dir, ['init', '-q', '--bare', 'bare.git']);
    await assert.rejects(snap(join(dir, 'bare.git')), { code: 'gitFailed', message: /noWorkTree/ });
    const stop = new AbortController();
    stop.abort();
    const { dir: root } = repositoryOfEverything(join(dir, 'work'));
    await assert.rejects(snap(root, { signal: stop.signal }), { code: 'cancelled' });
  });
});

function treeByGit(root: string): string {
  git(root, ['add', '-A']);
  return git(root, ['write-tree']);
}
