/**
 * Bytes through Node's own HTTP parser and the policy, beside a parser that knows nothing but lines:
 * what comes through must have been read alike by both, or a request could hide in another's body.
 */
import assert from 'node:assert/strict';
import { createServer, type IncomingMessage } from 'node:http';
import { Duplex } from 'node:stream';
import test from 'node:test';
import { checkRequest, type Target } from '../../server/egress/policy/index.ts';
import { rulesOf } from '../unit/egress/policy/support.ts';
import { INPUTS, type Random, seeded, SEED } from './random.ts';

const LINES = [
  'Host: example.com',
  'Host: evil.test',
  'Host:example.com',
  'Host : example.com',
  ' Host: evil.test',
  'HOST: example.com:80',
  'Content-Length: 5',
  'Content-Length: 0',
  'Content-Length: 5, 5',
  'Content-Length: +5',
  'Content-Length:\t5',
  'Content-Length: 05',
  'Transfer-Encoding: chunked',
  'Transfer-Encoding: gzip',
  'Transfer-Encoding : chunked',
  'Transfer-Encoding:\x0bchunked',
  'Transfer-Encoding: identity',
  'Transfer-Encoding: chunked, chunked',
  'X: a\rb',
  'X: a\nHost: evil.test',
  'X: a\0b',
  'Connection: close',
  'Connection: host',
  'Upgrade: h2c',
  ' folded',
  'X',
] as const;
const STARTS = [
  'GET / HTTP/1.1',
  'POST / HTTP/1.1',
  'GET / HTTP/1.0',
  'GET http://example.com/ HTTP/1.1',
  'GET http://evil.test/ HTTP/1.1',
  'GET  / HTTP/1.1',
  'GET / HTTP/1.1 ',
  'GET /\t HTTP/1.1',
  'get / HTTP/1.1',
  'OPTIONS * HTTP/1.1',
  'GET //evil.test HTTP/1.1',
  'GET http://example.com@evil.test/ HTTP/1.1',
  'HEAD / HTTP/1.1',
  'GET / HTTP/2.0',
] as const;
const ENDS = ['\r\n', '\r\n', '\r\n', '\r\n', '\r\n', '\r\n', '\n', '\r', '\r\r\n'] as const;
const BODIES = [
  '',
  'hello',
  '5\r\nhello\r\n0\r\n\r\n',
  '0\r\n\r\n',
  'GET /hidden HTTP/1.1\r\nHost: evil.test\r\n\r\n',
] as const;

function request(random: Random): string {
  let text = random.pick(STARTS) + random.pick(ENDS);
  if (random.chance(0.7)) text += `Host: example.com\r\n`;
  for (let count = random.below(4); count > 0; count -= 1) text += random.pick(LINES) + random.pick(ENDS);
  return `${text}\r\n${random.pick(BODIES)}`;
}

/** Which head the policy let through first, if any. */
async function firstAllowed(bytes: string): Promise<IncomingMessage | null> {
  const target: Target = { scheme: 'http', host: 'example.com', ip: 0, port: 80 };
  const rules = rulesOf({ preset: 'all' });
  return await new Promise((resolve) => {
    const server = createServer((message) => {
      const { method = '', url = '', httpVersion, rawHeaders } = message;
      const verdict = checkRequest(rules, target, { method, url, httpVersion, rawHeaders });
      resolve(verdict.verdict === 'allow' ? message : null);
      socket.destroy();
    });
    server.on('clientError', () => socket.destroy());
    const socket = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
    socket.once('close', () => resolve(null));
    server.emit('connection', socket);
    socket.push(Buffer.from(bytes, 'latin1'));
    socket.push(null);
  });
}

test('a request that passes was read alike by a parser of plain lines', async () => {
  const random = seeded(SEED);
  let passed = 0;
  for (let index = 0; index < INPUTS / 100; index += 1) {
    const bytes = request(random);
    const message = await firstAllowed(bytes);
    if (!message) continue;
    passed += 1;
    const what = `${JSON.stringify(bytes)} (CODEX_FUZZ_SEED=${SEED})`;
    const [head = ''] = bytes.split('\r\n\r\n');
    assert.doesNotMatch(head, /\r(?!\n)|(?<!\r)\n|\0/, what);
    const [start, ...lines] = head.split('\r\n');
    // Node takes several spaces for one; what goes upstream is written anew.
    assert.deepEqual([message.method, message.url, `HTTP/${message.httpVersion}`], start?.split(/ +/), what);
    const headers = lines.map(
      (line) => /^([^\s:]+):[ \t]*(.*?)[ \t]*$/.exec(line)?.slice(1) ?? assert.fail(what),
    );
    assert.deepEqual(headers.flat(), message.rawHeaders, what);
    const named = headers.filter(([name]) => name?.toLowerCase() === 'host').map(([, value]) => value);
    assert.ok(named.length <= 1 && named.every((value) => /^example\.com(:80)?$/.test(value ?? '')), what);
    const framing = headers.filter(([name]) => /^(content-length|transfer-encoding)$/i.test(name ?? ''));
    assert.ok(framing.length <= 1, what);
  }
  assert.ok(passed > INPUTS / 5_000, `only ${passed} passed`);
});
