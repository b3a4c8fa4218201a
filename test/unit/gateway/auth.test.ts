import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CodexError } from '../../../protocol/errors.ts';
import { authorize, checkPlace, hostName, LOOPBACK_HOSTS } from '../../../server/gateway/auth.ts';

const access = { token: 'the-right-token', hosts: [...LOOPBACK_HOSTS] };
const good = { host: '127.0.0.1:4100', authorization: 'Bearer the-right-token' };

function codeOf(headers: Record<string, string>): string {
  try {
    authorize(headers, access);
    return 'ok';
  } catch (error) {
    return error instanceof CodexError ? error.code : 'thrown';
  }
}

test('the right token under one of our names is the owner', () => {
  assert.equal(codeOf(good), 'ok');
  assert.equal(codeOf({ ...good, host: 'LOCALHOST:80' }), 'ok');
  assert.equal(codeOf({ ...good, host: '[::1]:4100' }), 'ok');
  assert.equal(codeOf({ ...good, authorization: 'bearer the-right-token' }), 'ok');
});

test('a wrong, missing or dressed-up token is refused', () => {
  const wrong = ['', 'Bearer', 'Bearer ', 'Bearer x', 'Basic the-right-token', 'Bearer the-right-token2'];
  for (const authorization of wrong)
    assert.equal(codeOf({ ...good, authorization }), 'unauthorized', authorization);
  assert.equal(codeOf({ host: good.host }), 'unauthorized');
});

test('a page of another origin is refused even with the token', () => {
  for (const origin of [
    'https://evil.example',
    'null',
    'http://127.0.0.1:9',
    'http://127.0.0.1:4100.evil.example',
    '',
  ]) {
    assert.equal(codeOf({ ...good, origin }), 'forbiddenOrigin', origin);
  }
  assert.equal(codeOf({ ...good, origin: 'http://127.0.0.1:4100' }), 'ok');
});

test('a name that was rebound to loopback is refused', () => {
  for (const host of [
    'evil.example',
    '127.0.0.1.nip.example:4100',
    '',
    'user@127.0.0.1',
    '127.0.0.1:4100:1',
  ]) {
    assert.equal(codeOf({ ...good, host }), 'forbiddenOrigin', host);
  }
  assert.throws(() => checkPlace({}, access), CodexError);
});

test('a host header is taken apart strictly', () => {
  assert.equal(hostName('Example.COM:443'), 'example.com');
  assert.equal(hostName('[::1]'), '[::1]');
  assert.equal(hostName('a b'), null);
  assert.equal(hostName('a:123456'), null);
});
