import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { publicRemote } from '../../../client/git/remote.ts';
import { incomingRef } from '../../../client/snapshot/push.ts';

test('an address leaves the machine without what is secret in it', () => {
  for (const [address, shown] of [
    ['https://user:secret@host/a/b.git', 'https://host/a/b.git'],
    ['https://token@host/a/b.git', 'https://host/a/b.git'],
    ['https://host/a/b.git?private_token=secret#secret', 'https://host/a/b.git'],
    ['ssh://git:secret@host:2222/a/b', 'ssh://git@host:2222/a/b'],
    ['git@host:a/b.git', 'git@host:a/b.git'],
    ['/srv/git/a.git', null],
    ['../a', null],
    ['C:\\a', null],
    ['C:/a', null],
    ['file:///srv/a', null],
    ['ext::sh -c whoami', null],
    ['', null],
  ] as const) {
    assert.equal(publicRemote(address), shown, address);
  }
});

test('the same commit is the same incoming ref, another is another', () => {
  const sha = '0123456789abcdef0123456789abcdef01234567';
  assert.match(
    incomingRef(sha),
    /^refs\/codex\/in\/[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  );
  assert.equal(incomingRef(sha), incomingRef(sha));
  assert.notEqual(incomingRef(sha), incomingRef(`f${sha.slice(1)}`));
});
