import { strict as assert } from 'node:assert';
import { randomUUID } from 'node:crypto';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { CodexError } from '../../../protocol/errors.ts';
import { binary, commitAll, git, gitAsync, write } from '../../support/git.ts';
import { openTestStore, type TestStore } from './support.ts';

describe('looking into a commit', () => {
  let store: TestStore;
  let repoId: string;
  let sha: string;
  const bytes = Buffer.concat([Buffer.from('\uFEFFline\r\n\0'), binary(5_000)]);

  before(async () => {
    store = await openTestStore();
    const work = join(store.dir, 'work');
    mkdirSync(work);
    git(work, ['init', '-q', '-b', 'main']);
    write(work, 'folder/ünï code.bin', bytes);
    write(work, 'folder/below/deep.txt', 'deep\n');
    write(work, 'package-lock.json', '{}');
    write(work, 'run.sh', '#!/bin/sh\n');
    write(work, 'empty', '');
    write(work, '*', 'a star\n');
    // Would convert the bytes at a checkout.
    write(work, '.gitattributes', '*.bin text eol=crlf\n* ident\n');
    symlinkSync('package-lock.json', join(work, 'link'));
    symlinkSync('/etc/passwd', join(work, 'out'));
    symlinkSync('folder', join(work, 'linked'));
    sha = commitAll(work, 'first');
    repoId = await store.repos.resolve({ name: 'work', remote: null, folder: 'work' });
    await gitAsync(work, ['push', '-q', store.url(repoId), `${sha}:refs/codex/in/${randomUUID()}`]);
  });
  after(() => store.close());

  const read = (path: string, maxBytes = 10_000) => store.repos.readFile(repoId, sha, path, maxBytes);
  const fails = (code: string, what?: string) => (error: unknown) =>
    error instanceof CodexError &&
    error.code === code &&
    (what === undefined || error.wire.params.what === what);

  test('a file comes byte for byte, without any conversion', async () => {
    assert.deepEqual(await read('run.sh'), Buffer.from('#!/bin/sh\n'));
    assert.deepEqual(await read('empty'), Buffer.alloc(0));
    const stored = git(store.repoDir(repoId), ['cat-file', '-s', `${sha}:folder/ünï code.bin`]);
    assert.equal((await read('folder/ünï code.bin'))?.length, Number(stored));
  });

  test('what is not there is null, and a name is no pattern', async () => {
    for (const path of ['nope', 'folder/nope', 'nope/nope', 'package-lock.jso?', 'folder/*'])
      assert.equal(await read(path), null, path);
    assert.deepEqual(await read('*'), Buffer.from('a star\n'));
  });

  test('links are not followed, at the end of a path or on the way', async () => {
    await assert.rejects(read('link'), fails('badRequest', 'symlink'));
    await assert.rejects(read('out'), fails('badRequest', 'symlink'));
    await assert.rejects(read('linked/below/deep.txt'), fails('badRequest', 'symlink'));
    await assert.rejects(read('folder'), fails('badRequest', 'folder'));
    await assert.rejects(read('run.sh/x'), fails('badRequest', 'file'));
  });

  test('a file that is too large is an error, at the limit it is not', async () => {
    assert.equal((await read('run.sh', 10))?.length, 10);
    await assert.rejects(read('run.sh', 9), fails('limitReached'));
  });

  test('a path that leads out, an unknown commit, an unknown repository: errors', async () => {
    for (const path of ['../x', '/etc/passwd', 'a/../../x', 'a\0b'])
      await assert.rejects(read(path), fails('badRequest'), path);
    await assert.rejects(store.repos.readFile(repoId, 'f'.repeat(40), 'run.sh', 10), fails('commitMissing'));
    await assert.rejects(store.repos.readFile('f'.repeat(32), sha, 'run.sh', 10), fails('repoUnknown'));
    await assert.rejects(store.repos.readFile(repoId, 'HEAD', 'run.sh', 10), fails('badRequest'));
  });

  test('a folder is listed without what is below it and without links', async () => {
    const names = await store.repos.listTree(repoId, sha, '');
    assert.deepEqual(names.sort(), ['*', '.gitattributes', 'empty', 'package-lock.json', 'run.sh']);
    assert.deepEqual(await store.repos.listTree(repoId, sha, 'folder/'), ['ünï code.bin']);
    for (const none of ['nope', 'linked', 'run.sh'])
      assert.deepEqual(await store.repos.listTree(repoId, sha, none), [], none);
  });
});
