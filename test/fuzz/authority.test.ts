/**
 * Is what the policy checks what would be dialled? Seeded inputs, and oracles that share no code with
 * the policy: what it accepts every other reader must read alike, and what is plainly right it must
 * not refuse. `CODEX_FUZZ_INPUTS` (a million) are shared between the authority, the absolute target,
 * the request, the rules and the addresses.
 */
import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import test from 'node:test';
import {
  checkRequest,
  parseAbsolute,
  parseAuthority,
  type RequestHead,
  type Target,
} from '../../server/egress/policy/index.ts';
import { rulesOf } from '../unit/egress/policy/support.ts';
import { authority, plainName } from './generate.ts';
import { isCAddress, readings } from './oracles.ts';
import { INPUTS, type Random, seeded, SEED } from './random.ts';

const told = (text: unknown) => `${JSON.stringify(text)} (CODEX_FUZZ_SEED=${SEED})`;

test(`an accepted authority is read alike by everyone, in ${INPUTS * 0.6} inputs`, () => {
  const random = seeded(SEED);
  let accepted = 0;
  for (let index = 0; index < INPUTS * 0.6; index += 1) {
    const text = authority(random);
    const parsed = parseAuthority(text, 'host');
    if (!parsed.ok) continue;
    accepted += 1;
    const { host, ip, port } = parsed.value;
    for (const reading of readings(text)) {
      assert.ok(reading, `${told(text)}: refused by another`);
      assert.equal(reading.host, host, `${told(text)}: ${reading.by}`);
      assert.equal(reading.port, port ?? reading.usual, `${told(text)}: ${reading.by}`);
    }
    assert.equal(isIP(host), ip, told(text));
    assert.ok(ip !== 0 || !isCAddress(host), `${told(text)}: the C library takes it for an address`);
    assert.match(host, ip === 6 ? /^[0-9a-f:]+$/ : /^[0-9a-z_.-]+$/, told(text));
    const again = parseAuthority(ip === 6 ? `[${host}]` : host, 'host');
    assert.deepEqual(again, { ok: true, value: { host, ip, port: null } }, `${told(text)}: not stable`);
  }
  // Otherwise the inputs would not reach what they are to try.
  assert.ok(accepted > INPUTS * 0.02, `only ${accepted} accepted`);
});

test('a plain name with a port is never refused', () => {
  const random = seeded(SEED + 1);
  for (let index = 0; index < INPUTS * 0.05; index += 1) {
    const host = plainName(random);
    const port = 1 + random.below(65_535);
    const text = `${random.chance(0.5) ? host.toUpperCase() : host}${random.chance(0.2) ? '.' : ''}:${port}`;
    assert.deepEqual(parseAuthority(text, 'connect'), { ok: true, value: { host, ip: 0, port } }, told(text));
  }
});

const PATHS = [
  '',
  '/',
  '/a',
  '//evil.test/',
  '/@evil.test',
  '/..',
  '?q',
  '/?@evil.test',
  '/a b',
  '#',
  '/#@evil.test',
  '\\',
  '/\\a',
  '/\0',
  '/%00',
  '/:80',
  '@evil.test',
  ';',
  '/a\r\nHost: evil.test',
] as const;
const SCHEMES = [
  'http://',
  'http://',
  'http://',
  'HTTP://',
  'https://',
  'http:/',
  'http:',
  'http:///',
  '//',
  'http:\\\\',
  ' http://',
  'ws://',
  'http://a@',
  'h\ttp://',
] as const;

test('an accepted absolute target is read alike by WHATWG, and its path goes on as it was written', () => {
  const random = seeded(SEED + 2);
  let accepted = 0;
  for (let index = 0; index < INPUTS * 0.1; index += 1) {
    const text = random.pick(SCHEMES) + authority(random) + random.pick(PATHS);
    const parsed = parseAbsolute(text);
    if (!parsed.ok) continue;
    accepted += 1;
    const { scheme, host, ip, port, path } = parsed.value;
    const url = new URL(text);
    assert.equal(url.hostname.replace(/\.$/, ''), ip === 6 ? `[${host}]` : host, told(text));
    assert.equal(Number(url.port || 80), port, told(text));
    assert.deepEqual(
      [url.protocol, url.username, url.password, url.hash],
      [`${scheme}:`, '', '', ''],
      told(text),
    );
    assert.ok(text.endsWith(path) || text.endsWith(path.slice(1)), told(text));
    assert.match(path, /^\/[^\s#]*$/, told(text));
  }
  assert.ok(accepted > INPUTS * 0.002, `only ${accepted} accepted`);
});

const NAMES = [
  'Host',
  'host',
  'HOST',
  'Content-Length',
  'Transfer-Encoding',
  'Connection',
  'Upgrade',
  'X',
  ':authority',
  ':scheme',
  'Host ',
  ':protocol',
  'Te',
  'Content_Length',
  ' Host',
  'Transfer-Encoding\x0b',
] as const;
const VALUES = [
  'example.com',
  'example.com:443',
  'example.com.',
  'EXAMPLE.com',
  'evil.test',
  '5',
  '0',
  '5, 5',
  '+5',
  'chunked',
  'gzip',
  'Chunked',
  'chunked, identity',
  'identity',
  'close',
  'host',
  'upgrade',
  'websocket',
  'h2c',
  'https',
  'http',
  '',
  'example.com:80',
  'example.com\0',
  'a\r\nHost: evil.test',
  'keep-alive, content-length',
] as const;
const METHODS = ['GET', 'HEAD', 'OPTIONS', 'POST', 'get', 'CONNECT', 'PUT', 'G T', '', 'GET\r\n'] as const;
const REQUEST_TARGETS = [
  '/',
  '/a?b',
  '*',
  '//evil.test/',
  'https://example.com/',
  'http://example.com/',
  'https://evil.test/',
  'example.com:443',
  'https://example.com@evil.test/',
  'https://example.com:443',
  '/a b',
  '/#',
  '',
] as const;

function requestHead(random: Random): RequestHead {
  const http2 = random.chance(0.3);
  const rawHeaders: string[] = [];
  if (random.chance(0.8)) rawHeaders.push(http2 ? ':authority' : 'Host', 'example.com');
  if (http2 && random.chance(0.8)) rawHeaders.push(':scheme', 'https');
  for (let count = random.below(4); count > 0; count -= 1) {
    const value = random.chance(0.15) ? authority(random) : random.pick(VALUES);
    rawHeaders.push(random.pick(NAMES), value);
  }
  return {
    method: random.pick(METHODS),
    url: random.chance(0.6) ? '/' : random.pick(REQUEST_TARGETS),
    httpVersion: http2 ? '2.0' : random.pick(['1.1', '1.1', '1.1', '1.0', '0.9']),
    rawHeaders,
    ...(http2 ? { endsWithHeaders: random.chance(0.7) } : {}),
  };
}

test('an allowed request has one length, one host, and under limited methods no effect', () => {
  const random = seeded(SEED + 3);
  const [all, read] = [rulesOf({ preset: 'all' }), rulesOf({ preset: 'all', methods: 'read' })];
  const target: Target = { scheme: 'https', host: 'example.com', ip: 0, port: 443 };
  let accepted = 0;
  for (let index = 0; index < INPUTS * 0.15; index += 1) {
    const head = requestHead(random);
    const limited = random.chance(0.5);
    const verdict = checkRequest(limited ? read : all, target, head);
    if (verdict.verdict === 'deny') continue;
    accepted += 1;
    const values = (name: string) =>
      head.rawHeaders.filter((_, at) => at % 2 === 1 && head.rawHeaders[at - 1]?.toLowerCase() === name);
    const hosts = [...values('host'), ...values(':authority')];
    for (const host of hosts) {
      const url = new URL(`https://${host}/`);
      assert.equal(url.hostname.replace(/\.$/, '') + (url.port || ':443'), 'example.com:443', told(head));
    }
    assert.ok(hosts.length > 0 || head.httpVersion === '1.0', told(head));
    const [lengths, encodings] = [values('content-length'), values('transfer-encoding')];
    assert.ok(lengths.length + encodings.length <= 1, told(head));
    assert.ok(
      lengths.every((length) => /^[0-9]+$/.test(length)),
      told(head),
    );
    assert.ok(
      encodings.every((encoding) => encoding.toLowerCase() === 'chunked'),
      told(head),
    );
    assert.ok(verdict.path === '*' || verdict.path.startsWith('/'), told(head));
    assert.ok(!/[\s\0#]/.test(verdict.path + head.method), told(head));
    if (!limited) continue;
    assert.ok(['GET', 'HEAD', 'OPTIONS'].includes(head.method), told(head));
    assert.ok(
      !verdict.upgrade && encodings.length === 0 && lengths.every((length) => Number(length) === 0),
      told(head),
    );
    assert.ok(head.httpVersion !== '2.0' || head.endsWithHeaders === true, told(head));
  }
  assert.ok(accepted > INPUTS * 0.002, `only ${accepted} accepted`);
});
