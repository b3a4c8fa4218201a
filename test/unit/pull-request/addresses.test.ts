import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apiUrlOf, atForge, hostOf, tokenPage } from '../../../client/pull-request/forge-address.ts';
import { readIdent } from '../../../client/git/author.ts';

test('a remote’s address tells the forge and the repository, however it is written', () => {
  const acme = { host: 'github.com', repo: 'acme/shop' };
  for (const address of [
    'https://github.com/acme/shop.git',
    'https://github.com/acme/shop',
    'https://person:secret@github.com/acme/shop.git/',
    'git@github.com:acme/shop.git',
    'ssh://git@github.com/acme/shop.git',
    'ssh://git@ssh.github.com:443/acme/shop.git',
    'GitHub.com:acme/shop',
  ])
    assert.deepEqual(atForge(address), acme, address);
  assert.deepEqual(atForge('http://127.0.0.1:4012/acme/shop.git'), {
    host: '127.0.0.1:4012',
    repo: 'acme/shop',
  });
  assert.deepEqual(atForge('ssh://git@git.example.org:2222/a/b'), { host: 'git.example.org', repo: 'a/b' });
  assert.deepEqual(atForge('git@gitlab.com:group/sub/name.git'), {
    host: 'gitlab.com',
    repo: 'group/sub/name',
  });
  for (const address of [
    '/srv/git/shop.git',
    '../shop',
    'file:///srv/shop',
    'C:\\shop',
    'C:/shop',
    '',
    'https://github.com/',
  ])
    assert.equal(atForge(address), null, address);
});

test('a server is named by its host, its host with a port, or any address there', () => {
  assert.equal(hostOf(' Git.Example.com '), 'git.example.com');
  assert.equal(hostOf('git.example.com:8443'), 'git.example.com:8443');
  assert.equal(hostOf('https://git.example.com/acme/shop/pulls?q=1'), 'git.example.com');
  for (const written of ['', 'two words', 'https://', '-x']) assert.equal(hostOf(written), null, written);
});

test('the API and the page for tokens are at each server’s own address', () => {
  assert.equal(apiUrlOf('github.com'), 'https://api.github.com');
  assert.equal(apiUrlOf('acme.ghe.com'), 'https://api.acme.ghe.com');
  assert.equal(apiUrlOf('git.example.com'), 'https://git.example.com/api/v3');
  assert.equal(apiUrlOf('127.0.0.1:4012'), 'http://127.0.0.1:4012/api/v3');
  assert.equal(apiUrlOf('git.example.com', { 'git.example.com': 'http://api.local/' }), 'http://api.local');
  assert.match(tokenPage('git.example.com'), /^https:\/\/git\.example\.com\/settings\/.*contents=write/);
});

test('who the person is is read off git’s own line', () => {
  assert.deepEqual(readIdent('Ada <King> Lovelace <ada@example.org> 1700000000 +0100\n'), {
    name: 'Ada <King> Lovelace',
    email: 'ada@example.org',
  });
  assert.equal(readIdent('Ada <> 1700000000 +0100'), null);
});
