import assert from 'node:assert/strict';
import test from 'node:test';
import { checkRequest, type RequestHead } from '../../../../server/egress/policy/index.ts';
import { outcome, rulesOf, target } from './support.ts';

const all = rulesOf({ preset: 'all' });
const read = rulesOf({ preset: 'all', methods: 'read' });
const https = target('example.com');
const http = target('example.com', 'http');

type Headers = readonly (readonly [string, string])[];

function http1(
  method: string,
  url: string,
  headers: Headers = [['Host', 'example.com']],
  httpVersion = '1.1',
): RequestHead {
  return { method, url, httpVersion, rawHeaders: headers.flat() };
}

function http2(method: string, headers: Headers, endsWithHeaders = true): RequestHead {
  const [, url = '/'] = headers.find(([name]) => name === ':path') ?? [];
  return { method, url, httpVersion: '2.0', rawHeaders: headers.flat(), endsWithHeaders };
}

const H2: Headers = [
  [':method', 'GET'],
  [':path', '/'],
  [':scheme', 'https'],
  [':authority', 'example.com'],
];
const HOST = ['Host', 'example.com'] as const;

test('with limited methods only GET, HEAD and OPTIONS go, and their spelling counts', () => {
  for (const method of ['GET', 'HEAD', 'OPTIONS']) {
    assert.equal(outcome(checkRequest(read, https, http1(method, '/'))), 'allow', method);
  }
  for (const method of [
    'POST',
    'PUT',
    'PATCH',
    'DELETE',
    'TRACE',
    'PROPFIND',
    'PURGE',
    'LINK',
    'QUERY',
    'get',
    'Get',
    'GETX',
    'M-SEARCH',
    'SOURCE',
    'BREW',
  ]) {
    assert.equal(outcome(checkRequest(read, https, http1(method, '/'))), 'method', method);
    assert.equal(outcome(checkRequest(all, https, http1(method, '/'))), 'allow', method);
  }
});

const BODIES: [headers: Headers, underRead: string, underAll: string][] = [
  [[HOST, ['Content-Length', '0']], 'allow', 'allow'],
  [[HOST, ['Content-Length', '00']], 'allow', 'allow'],
  [[HOST, ['Content-Length', '1']], 'body', 'allow'],
  [[HOST, ['content-length', '5']], 'body', 'allow'],
  [[HOST, ['Transfer-Encoding', 'chunked']], 'body', 'allow'],
  [[HOST, ['Transfer-Encoding', 'CHUNKED']], 'body', 'allow'],
];

test('with limited methods no request has a body', () => {
  for (const [headers, underRead, underAll] of BODIES) {
    for (const method of ['GET', 'HEAD', 'OPTIONS']) {
      const head = http1(method, '/', headers);
      assert.equal(outcome(checkRequest(read, https, head)), underRead, JSON.stringify(head));
      assert.equal(outcome(checkRequest(all, https, head)), underAll, JSON.stringify(head));
    }
  }
  assert.equal(outcome(checkRequest(read, https, http2('GET', H2, false))), 'body');
  assert.equal(outcome(checkRequest(read, https, http2('GET', H2, true))), 'allow');
  const unknown = http1('GET', '/', H2, '2.0');
  assert.equal(outcome(checkRequest(read, https, unknown)), 'body');
  assert.equal(outcome(checkRequest(all, https, http2('GET', H2, false))), 'allow');
});

const SMUGGLED: Headers[] = [
  [HOST, ['Content-Length', '5'], ['Transfer-Encoding', 'chunked']],
  [HOST, ['Transfer-Encoding', 'chunked'], ['Content-Length', '5']],
  [HOST, ['Content-Length', '5'], ['Content-Length', '6']],
  [HOST, ['Content-Length', '5'], ['Content-Length', '5']],
  [HOST, ['Content-Length', '5, 5']],
  [HOST, ['Content-Length', '+5']],
  [HOST, ['Content-Length', '-1']],
  [HOST, ['Content-Length', '0x5']],
  [HOST, ['Content-Length', '5 ']],
  [HOST, ['Content-Length', '']],
  [HOST, ['Content-Length', '1e3']],
  [HOST, ['Content-Length', '9999999999999999999']],
  [HOST, ['Transfer-Encoding', 'chunked'], ['Transfer-Encoding', 'chunked']],
  [HOST, ['Transfer-Encoding', 'chunked, identity']],
  [HOST, ['Transfer-Encoding', 'gzip, chunked']],
  [HOST, ['Transfer-Encoding', 'gzip']],
  [HOST, ['Transfer-Encoding', 'identity']],
  [HOST, ['Transfer-Encoding', 'xchunked']],
  [HOST, ['Transfer-Encoding', 'chunked\x0b']],
  [HOST, ['Transfer-Encoding', ' chunked']],
  [HOST, ['Transfer-Encoding', '']],
  [HOST, ['Transfer-Encoding ', 'chunked']],
  [HOST, ['Transfer_Encoding:', 'chunked']],
  [HOST, ['X\0', 'a']],
  [HOST, ['', 'a']],
  [HOST, [':authority', 'evil.test']],
  [HOST, ['X', 'a\r\nHost: evil.test']],
  [HOST, ['X', 'a\nb']],
  [HOST, ['X', 'a\0b']],
  [HOST, ['Connection', 'close, Host']],
  [HOST, ['Connection', 'content-length']],
  [HOST, ['Connection', 'keep-alive'], ['Connection', 'Transfer-Encoding']],
  [HOST, ['Connection', 'authorization']],
  [HOST, HOST],
  [HOST, ['Host', 'evil.test']],
  [['Host', 'evil.test'], HOST],
  [],
];

test('a request that two servers could split or address differently is refused', () => {
  for (const headers of SMUGGLED) {
    const verdict = checkRequest(all, https, http1('POST', '/', headers));
    assert.equal(outcome(verdict), 'badRequest', JSON.stringify(headers));
  }
  assert.equal(
    outcome(checkRequest(all, https, http1('POST', '/', [HOST, ['Transfer-Encoding', 'chunked']], '1.0'))),
    'badRequest',
  );
  assert.equal(outcome(checkRequest(all, https, http1('GET', '/', [HOST], '0.9'))), 'badRequest');
  assert.equal(outcome(checkRequest(all, https, http1('GET', '/', [], '1.0'))), 'allow');
  assert.equal(outcome(checkRequest(all, https, http1('GE T', '/'))), 'badRequest');
  assert.equal(outcome(checkRequest(all, https, http1('GET\r\nX:', '/'))), 'badRequest');
  assert.equal(outcome(checkRequest(all, https, http1('', '/'))), 'badRequest');
});

const HOSTS: [host: string, onHttps: string, onHttp: string][] = [
  ['example.com', 'allow', 'allow'],
  ['EXAMPLE.COM', 'allow', 'allow'],
  ['example.com.', 'allow', 'allow'],
  ['example.com:443', 'allow', 'authorityMismatch'],
  ['example.com:80', 'authorityMismatch', 'allow'],
  ['example.com:8443', 'authorityMismatch', 'authorityMismatch'],
  ['evil.test', 'authorityMismatch', 'authorityMismatch'],
  ['a.example.com', 'authorityMismatch', 'authorityMismatch'],
  ['example.com.evil.test', 'authorityMismatch', 'authorityMismatch'],
  ['example.co', 'authorityMismatch', 'authorityMismatch'],
  ['10.0.0.1', 'authorityMismatch', 'authorityMismatch'],
  ['[::1]', 'authorityMismatch', 'authorityMismatch'],
  ['127.1', 'ipLiteral', 'ipLiteral'],
  ['', 'badAuthority', 'badAuthority'],
  ['example.com,evil.test', 'badAuthority', 'badAuthority'],
  ['example.com evil.test', 'badAuthority', 'badAuthority'],
  ['example.com/evil', 'badAuthority', 'badAuthority'],
  ['user@example.com', 'badAuthority', 'badAuthority'],
  ['example.com@evil.test', 'badAuthority', 'badAuthority'],
  ['example.com:', 'badAuthority', 'badAuthority'],
  ['example%2ecom', 'badAuthority', 'badAuthority'],
  ['http://example.com', 'badAuthority', 'badAuthority'],
];

test('the Host of every request is the host of its connection', () => {
  for (const [host, onHttps, onHttp] of HOSTS) {
    assert.equal(outcome(checkRequest(all, https, http1('GET', '/', [['Host', host]]))), onHttps, host);
    assert.equal(outcome(checkRequest(all, http, http1('GET', '/', [['host', host]]))), onHttp, host);
    const replaced = H2.map(([name, value]) => [name, name === ':authority' ? host : value] as const);
    assert.equal(outcome(checkRequest(all, https, http2('GET', replaced))), onHttps, `:authority ${host}`);
    assert.equal(
      outcome(checkRequest(all, https, http2('GET', [...H2, ['host', host]]))),
      onHttps,
      `host ${host} beside`,
    );
  }
});

test('a port other than the scheme’s must stand in the Host', () => {
  const odd = target('example.com:8443');
  assert.equal(outcome(checkRequest(all, odd, http1('GET', '/', [['Host', 'example.com:8443']]))), 'allow');
  assert.equal(outcome(checkRequest(all, odd, http1('GET', '/'))), 'authorityMismatch');
  const six = target('[2001:db8::1]:8443');
  assert.equal(
    outcome(checkRequest(all, six, http1('GET', '/', [['Host', '[2001:DB8:0::1]:8443']]))),
    'allow',
  );
});

test('HTTP/2 names its scheme and host once, and has no headers of a single connection', () => {
  const without = (name: string) => H2.filter(([one]) => one !== name);
  const cases: [Headers, string][] = [
    [H2, 'allow'],
    [[...without(':authority'), HOST], 'allow'],
    [without(':authority'), 'badRequest'],
    [without(':scheme'), 'badRequest'],
    [[...H2, [':scheme', 'https']], 'badRequest'],
    [[...without(':scheme'), [':scheme', 'http']], 'authorityMismatch'],
    [[...without(':scheme'), [':scheme', 'HTTPS']], 'authorityMismatch'],
    [[...H2, [':authority', 'example.com']], 'badRequest'],
    [[...H2, HOST, HOST], 'badRequest'],
    [[...H2, ['connection', 'close']], 'badRequest'],
    [[...H2, ['transfer-encoding', 'chunked']], 'badRequest'],
    [[...H2, ['upgrade', 'websocket']], 'badRequest'],
    [[...H2, ['content-length', '1'], ['content-length', '1']], 'badRequest'],
    [[...H2, ['content-length', '+1']], 'badRequest'],
    [[...H2, ['content-length', '0']], 'allow'],
    // a length, and yet no body follows
    [[...H2, ['content-length', '5']], 'badRequest'],
    [[...H2, [':protocol', 'websocket']], 'upgrade'],
    [[...H2, [':', 'a']], 'badRequest'],
  ];
  for (const [headers, expected] of cases) {
    assert.equal(outcome(checkRequest(all, https, http2('GET', headers))), expected, JSON.stringify(headers));
  }
  assert.equal(outcome(checkRequest(all, https, http2('CONNECT', H2))), 'badRequest');
});

const URLS: [url: string, method: string, expected: string][] = [
  ['/', 'GET', '/'],
  ['/a?b', 'GET', '/a?b'],
  ['//evil.test/', 'GET', '//evil.test/'],
  ['/a/../%2e%2e/%00', 'GET', '/a/../%2e%2e/%00'],
  ['/\\evil.test', 'GET', '/\\evil.test'],
  ['/http://evil.test/', 'GET', '/http://evil.test/'],
  ['http://example.com/a?b', 'GET', '/a?b'],
  ['http://EXAMPLE.com.:80/a', 'GET', '/a'],
  ['http://example.com', 'GET', '/'],
  ['*', 'OPTIONS', '*'],
  ['*', 'GET', 'badRequest'],
  ['/a b', 'GET', 'badRequest'],
  ['/a\r\nHost: evil.test', 'GET', 'badRequest'],
  ['/a\0', 'GET', 'badRequest'],
  ['/a#b', 'GET', 'badRequest'],
  ['example.com:443', 'CONNECT', 'badRequest'],
  ['/', 'CONNECT', 'badRequest'],
  ['', 'GET', 'badAuthority'],
  ['example.com', 'GET', 'badAuthority'],
  ['?a', 'GET', 'badAuthority'],
  ['http://example.com@evil.test/', 'GET', 'badAuthority'],
  ['http://example.com#@evil.test/', 'GET', 'badAuthority'],
  ['http://evil.test/', 'GET', 'authorityMismatch'],
  ['http://example.com:8080/', 'GET', 'authorityMismatch'],
  ['https://example.com/', 'GET', 'authorityMismatch'],
  ['http://127.1/', 'GET', 'ipLiteral'],
];

test('the request target is a path, or names the host of its connection; the path goes on as it was written', () => {
  for (const [url, method, expected] of URLS) {
    const verdict = checkRequest(all, http, http1(method, url));
    assert.equal(verdict.verdict === 'allow' ? verdict.path : verdict.reason, expected, url);
  }
  assert.equal(outcome(checkRequest(all, https, http1('GET', 'https://example.com/'))), 'allow');
  assert.equal(outcome(checkRequest(all, https, http1('GET', 'http://example.com/'))), 'authorityMismatch');
});

const WEBSOCKET: Headers = [HOST, ['Connection', 'Upgrade'], ['Upgrade', 'websocket']];

test('the only upgrade is to a WebSocket, and only where all methods are allowed', () => {
  const verdict = checkRequest(all, https, http1('GET', '/', WEBSOCKET));
  assert.deepEqual(verdict, { verdict: 'allow', path: '/', upgrade: true });
  assert.equal(outcome(checkRequest(read, https, http1('GET', '/', WEBSOCKET))), 'upgrade');
  assert.equal(outcome(checkRequest(all, https, http1('POST', '/', WEBSOCKET))), 'upgrade');
  assert.equal(
    outcome(checkRequest(all, https, http1('GET', '/', [...WEBSOCKET, ['Content-Length', '4']]))),
    'upgrade',
  );
  for (const protocol of ['h2c', 'h2c, websocket', 'TLS/1.0', 'connect-udp', '', 'websocket\t']) {
    const head = http1('GET', '/', [HOST, ['Connection', 'Upgrade'], ['Upgrade', protocol]]);
    assert.equal(outcome(checkRequest(all, http, head)), 'upgrade', protocol);
  }
  assert.equal(
    outcome(checkRequest(all, http, http1('GET', '/', [...WEBSOCKET, ['Upgrade', 'h2c']]))),
    'badRequest',
  );
  assert.equal(outcome(checkRequest(all, http, http1('GET', '/'))), 'allow');
});
