import { strict as assert } from 'node:assert';
import { describe, test } from 'node:test';
import { checkRepoId, normaliseRemote, repoIdOf, resultRef } from '../../../server/repos/key.ts';

describe('the key of a repository', () => {
  test('is the same for every way to write a remote', () => {
    for (const remote of [
      'https://github.com/Owner/Name',
      'https://github.com/Owner/Name.git',
      'https://GitHub.com:443/Owner/Name.git/',
      'https://user:secret@github.com/Owner/Name.git',
      'https://github.com//Owner//Name.git?token=x#y',
      'ssh://git@github.com/Owner/Name.git',
      'ssh://git@github.com:22/Owner/Name',
      'git@github.com:Owner/Name.git',
      'github.com:Owner/Name',
      'git://github.com/Owner/Name.git',
    ]) {
      assert.equal(normaliseRemote(remote), 'github.com/Owner/Name', remote);
    }
  });

  test('tells other remotes apart', () => {
    const keys = ['https://h/a/b', 'https://h/a/c', 'https://h:8443/a/b', 'https://i/a/b', 'https://h/A/b'];
    assert.equal(new Set(keys.map(normaliseRemote)).size, keys.length);
  });

  test('of an address that only the client knows is the folder', () => {
    for (const remote of [
      '/srv/git/x.git',
      '../x',
      'C:\\repos\\x',
      'C:/repos/x',
      'file:///srv/x',
      '',
      'ext::sh -c x',
      'https:///x',
    ]) {
      assert.equal(normaliseRemote(remote), null, remote);
      const of = (folder: string) => repoIdOf({ remote, folder, format: 'sha1' });
      assert.notEqual(of('one'), of('two'));
    }
  });

  test('differs by the kind of object ids', () => {
    const of = (format: 'sha1' | 'sha256') => repoIdOf({ remote: 'https://h/a/b', folder: 'f', format });
    assert.notEqual(of('sha1'), of('sha256'));
  });

  test('a folder cannot pass for a remote', () => {
    const remote = repoIdOf({ remote: 'https://h/a', folder: '', format: 'sha1' });
    for (const folder of ['h/a', 'remote:h/a', 'https://h/a']) {
      assert.notEqual(repoIdOf({ remote: null, folder, format: 'sha1' }), remote);
    }
  });

  test('is always a valid id', () => {
    for (const folder of ['', '../..', 'x'.repeat(10_000), '\0']) {
      assert.doesNotThrow(() => checkRepoId(repoIdOf({ remote: null, folder, format: 'sha256' })));
    }
    for (const id of ['', '..', 'a/b', 'ABCDEFGH', 'aaaaaaaa\n', 'a'.repeat(65)]) {
      assert.throws(() => checkRepoId(id), { code: 'repoUnknown' });
    }
  });

  test('a result ref is made of checked parts only', () => {
    assert.equal(resultRef('abcd1234', 2, 1), 'refs/codex/tasks/abcd1234/2/1');
    assert.throws(() => resultRef('../x', 1, 1));
    assert.throws(() => resultRef('abcd1234', 1.5, 1));
    assert.throws(() => resultRef('abcd1234', -1, 1));
  });
});
