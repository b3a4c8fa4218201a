import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { ExecChannel } from '../../../server/sandbox/docker/exec-channel.ts';

function frame(kind: number, text: string): Buffer {
  const header = Buffer.alloc(8);
  header[0] = kind;
  header.writeUInt32BE(Buffer.byteLength(text), 4);
  return Buffer.concat([header, Buffer.from(text)]);
}

test('the engine’s frames are taken apart however they are cut', async () => {
  const bytes = Buffer.concat([frame(1, 'hello '), frame(2, 'warning'), frame(1, ''), frame(1, 'world')]);
  for (const size of [1, 3, 8, 9, bytes.length]) {
    const raw = new PassThrough();
    const channel = new ExecChannel(raw);
    for (let at = 0; at < bytes.length; at += size) raw.write(bytes.subarray(at, at + size));
    raw.end();
    let text = '';
    for await (const chunk of channel) text += String(chunk);
    assert.equal(text, 'hello world', `in pieces of ${size}`);
    assert.equal(channel.stderr, 'warning');
  }
});
