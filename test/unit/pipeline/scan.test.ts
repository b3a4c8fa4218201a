/** What a look through a setup's files finds in git's objects, and what it makes of those that are none. */
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { deflateSync } from 'node:zlib';
import { findSecrets } from '../../../server/pipeline/setup/scan.ts';
import type { ChangedFile, SandboxDriver } from '../../../server/sandbox/sandbox.ts';
import { createRedactor } from '../../../server/secrets/redactor.ts';

const VALUE = 'tok-5up3r-s3cr3t-value';
const OBJECT = `/srv/dep/.git/objects/ab/${'0'.repeat(38)}`;
const MEBIBYTE = 1024 * 1024;

async function found(path: string, content: Buffer, allowed: string[] = []): Promise<string[]> {
  const pieces = Array.from({ length: Math.ceil(content.length / 1000) }, (_, at) =>
    content.subarray(at * 1000, at * 1000 + 1000),
  );
  const files: ChangedFile[] = [{ path: Buffer.from(path), content: Readable.from(pieces) }];
  const driver = {
    async *changedFiles() {
      yield* files;
    },
  } as unknown as SandboxDriver;
  const redactor = createRedactor([{ name: 'TOKEN', id: '1', value: VALUE }]);
  const signal = new AbortController().signal;
  return (await findSecrets(driver, 'x', redactor, allowed, '/root', signal)).map(({ name }) => name);
}

const blob = (text: string): Buffer => deflateSync(`blob ${text.length}\0${text}`);

test('an object of git’s is looked into', async () => {
  assert.deepEqual(await found(OBJECT, blob(`x ${VALUE}`)), ['TOKEN']);
  assert.deepEqual(await found(`/a/objects/ab/${'1'.repeat(62)}`, blob(VALUE)), ['TOKEN']);
  assert.deepEqual(await found(OBJECT, blob('nothing')), []);
  assert.deepEqual(await found(OBJECT, blob(`${'0123456789'.repeat(MEBIBYTE)}${VALUE}`)), ['TOKEN']);
  assert.deepEqual(await found(OBJECT, blob(VALUE), [OBJECT]), []);
  assert.deepEqual(await found('/srv/x.z', blob(VALUE)), [], 'what is compressed elsewhere is not');
});

test('what is named as one and is none is read as it is, to its end', async () => {
  const long = Buffer.alloc(MEBIBYTE, 'x');
  const secret = Buffer.from(VALUE);
  assert.deepEqual(await found(OBJECT, secret), ['TOKEN']);
  assert.deepEqual(await found(OBJECT, Buffer.concat([long, secret])), ['TOKEN']);
  assert.deepEqual(await found(OBJECT, Buffer.concat([blob('short'), long, secret])), ['TOKEN']);
  assert.deepEqual(await found(OBJECT, blob('cut off').subarray(0, 8)), []);
  assert.deepEqual(await found(OBJECT, Buffer.alloc(0)), []);
});
