import assert from 'node:assert/strict';
import { Duplex } from 'node:stream';
import { connect } from 'node:tls';
import test from 'node:test';
import { HELLO_MAX_BYTES, readClientHello } from '../../../../server/egress/proxy/client-hello.ts';

/** What a real client says first. */
function helloOf(servername: string, alpn: string[] = ['h2', 'http/1.1']): Promise<Buffer> {
  return new Promise((resolve) => {
    const socket = new Duplex({
      read() {},
      write(chunk: Buffer, _encoding, done) {
        resolve(chunk);
        done();
      },
    });
    connect({ socket, servername, ALPNProtocols: alpn }).on('error', () => {});
  });
}

/** The handshake of one record, cut into records of `size` bytes. */
function inRecords(hello: Buffer, size: number): Buffer {
  const records: Buffer[] = [];
  for (let at = 5; at < hello.length; at += size) {
    const part = hello.subarray(at, at + size);
    records.push(Buffer.from([22, 3, 1, part.length >> 8, part.length & 255]), part);
  }
  return Buffer.concat(records);
}

test('a real hello gives its name and protocols, and nothing before it is complete', async () => {
  const hello = await helloOf('www.example.com');
  for (let end = 0; end < hello.length; end++) assert.equal(readClientHello(hello.subarray(0, end)), null);
  assert.deepEqual(readClientHello(hello), {
    facts: { tls: true, serverName: 'www.example.com', encrypted: false },
    alpn: ['h2', 'http/1.1'],
  });
});

test('a hello in many small records is the same hello', async () => {
  const hello = await helloOf('www.example.com');
  for (const size of [1, 3, 100])
    assert.deepEqual(readClientHello(inRecords(hello, size)), readClientHello(hello));
});

test('a hello without a name says so', async () => {
  assert.deepEqual(readClientHello(await helloOf(''))?.facts, {
    tls: true,
    serverName: null,
    encrypted: false,
  });
});

test('what is not exactly a hello is no TLS', async () => {
  const hello = await helloOf('www.example.com');
  const changed = (at: number, value: number): Buffer => {
    const copy = Buffer.from(hello);
    copy[at] = value;
    return copy;
  };
  const cases: Record<string, Buffer> = {
    HTTP: Buffer.from('GET / HTTP/1.1\r\n'),
    SSH: Buffer.from('SSH-2.0-x\r\n'),
    'another record': changed(0, 23),
    'another version': changed(1, 2),
    'another handshake': changed(5, 2),
    'an empty record': Buffer.from([22, 3, 1, 0, 0]),
    'bytes after it in its record': Buffer.concat([changed(4, (hello[4] ?? 0) + 1), Buffer.from('x')]),
    'an endless one': Buffer.concat([Buffer.from([22, 3, 1, 64, 0, 1, 255, 255, 255]), Buffer.alloc(100)]),
  };
  for (const [name, bytes] of Object.entries(cases))
    assert.deepEqual(readClientHello(bytes)?.facts, { tls: false }, name);
  assert.ok(HELLO_MAX_BYTES < 0x10000);
});
