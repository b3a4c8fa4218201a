import { strict as assert } from 'node:assert';
import { describe, test } from 'node:test';
import { basicPair, cleaner } from '../../../server/repos/clean-text.ts';

describe('what a forge said', () => {
  const clean = cleaner(
    { username: 'me', password: 'to/ken' },
    { https_proxy: 'http://p:pass%20word@proxy:8080', HTTP_PROXY: 'not an address', HOME: '/root' },
  );

  test('has no credential in it, in any form', () => {
    for (const form of [
      'to/ken',
      'to%2Fken',
      basicPair('me', 'to/ken'),
      'pass word',
      'pass%20word',
      basicPair('p', 'pass word'),
    ])
      assert.equal(clean(`a ${form} b`), 'a *** b');
    assert.equal(clean('at https://x:y@host/path'), 'at https://host/path');
  });

  test('is text of a bearable length, in lines', () => {
    assert.equal(clean('\x1b[1mone\x1b[0m\r\ntwo\x07\x9b\n'), 'one\ntwo');
    assert.equal(clean('x'.repeat(5_000)).length, 1_024);
    assert.equal(clean('x'.repeat(5_000), 10), 'xxxxxxxxxx');
  });

  test('is left alone when nothing is secret', () => {
    assert.equal(cleaner(undefined, {})('größe'), 'größe');
    assert.equal(cleaner({ username: 'me', password: '' }, {})('abc'), 'abc');
  });
});
