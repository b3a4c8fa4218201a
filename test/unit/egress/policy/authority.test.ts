import assert from 'node:assert/strict';
import test from 'node:test';
import { parseAbsolute, parseAuthority } from '../../../../server/egress/policy/index.ts';

const long = (label: string, count: number) => Array<string>(count).fill(label).join('.');

const ACCEPTED: [written: string, host: string, port: number | null, ip?: 4 | 6][] = [
  ['example.com:443', 'example.com', 443],
  ['EXAMPLE.Com:443', 'example.com', 443],
  ['example.com.:443', 'example.com', 443],
  ['example.com', 'example.com', null],
  ['a_b.example.com:80', 'a_b.example.com', 80],
  ['r3---sn-abc.example.com:1', 'r3---sn-abc.example.com', 1],
  ['xn--bcher-kva.example:65535', 'xn--bcher-kva.example', 65535],
  ['XN--BCHER-KVA.example:443', 'xn--bcher-kva.example', 443],
  ['localhost:80', 'localhost', 80],
  [`${'a'.repeat(63)}.com:443`, `${'a'.repeat(63)}.com`, 443],
  [`${long('a'.repeat(49), 5)}.com:443`, `${long('a'.repeat(49), 5)}.com`, 443],
  ['1and1.com:443', '1and1.com', 443],
  ['0x7f.com:443', '0x7f.com', 443],
  ['127.0.0.1.example.com:443', '127.0.0.1.example.com', 443],
  ['192.0.2.1:443', '192.0.2.1', 443, 4],
  ['192.0.2.1', '192.0.2.1', null, 4],
  ['[2001:db8::1]:443', '2001:db8::1', 443, 6],
  ['[2001:0DB8:0:0::0001]:443', '2001:db8::1', 443, 6],
  ['[::ffff:10.0.0.1]:443', '::ffff:a00:1', 443, 6],
  ['[::]:80', '::', 80, 6],
];

test('what is written plainly is brought into one form', () => {
  for (const [written, host, port, ip = 0] of ACCEPTED) {
    assert.deepEqual(parseAuthority(written, 'host'), { ok: true, value: { host, ip, port } }, written);
  }
});

const REFUSED = [
  // nothing, or no host
  '',
  ':',
  ':443',
  '.',
  '.:443',
  '..',
  '.example.com:443',
  'a..b:443',
  'example.com..:443',
  // ports
  'example.com:',
  'example.com:0',
  'example.com:00',
  'example.com:080',
  'example.com:65536',
  'example.com:99999',
  'example.com:4294967739',
  'example.com:+443',
  'example.com:-1',
  'example.com:443 ',
  'example.com: 443',
  'example.com:4_4',
  'example.com:0x1bb',
  'example.com:443:443',
  'example.com:443a',
  'example.com:１',
  // user information and everything that ends an authority
  'user@example.com:443',
  'user:pass@example.com:443',
  'example.com:443@evil.test',
  '@example.com:443',
  'example.com/:443',
  'example.com:443/',
  'example.com?:443',
  'example.com#:443',
  'example.com\\:443',
  'evil.test\\@example.com:443',
  'evil.test#@example.com:443',
  'http://example.com:443',
  '//example.com:443',
  // encodings
  'example%2ecom:443',
  '%65xample.com:443',
  'example.com%00:443',
  'example.com%0d%0a:443',
  'a%25b.com:443',
  // whitespace and control characters
  ' example.com:443',
  'example.com :443',
  'exam ple.com:443',
  '\texample.com:443',
  'example.com\t:443',
  'example.com\r\n:443',
  'example.com:443\r\n',
  'example.com\n',
  'example.com\0.evil.test:443',
  '\0',
  'a\x7f.com:443',
  'example.com\x0b:443',
  'example.com\x85:443',
  '\ufeffexample.com:443',
  'example.com\u2028:443',
  // not ASCII: on the wire a name is in ASCII
  'bücher.example:443',
  'ex\u3002ample.com:443',
  'example\uff0ecom:443',
  '\u212a.com:443',
  'a\u00adb.com:443',
  'a\u200bb.com:443',
  'ⓐ.com:443',
  '１２７.0.0.1:443',
  'exämple.com:443',
  'example.com\u0000:443',
  'аpple.com:443',
  // labels
  '-a.com:443',
  'a-.com:443',
  'a.-b.com:443',
  'a,b.com:443',
  'a;b.com:443',
  "a'b.com:443",
  'a"b.com:443',
  'a!b.com:443',
  'a$b.com:443',
  'a&b.com:443',
  'a(b).com:443',
  'a*b.com:443',
  '*.example.com:443',
  '=example.com:443',
  'a+b.com:443',
  'a~b.com:443',
  'a|b.com:443',
  'a<b.com:443',
  'a{b}.com:443',
  'a^b.com:443',
  'a`b.com:443',
  `${'a'.repeat(64)}.com:443`,
  `${long('a'.repeat(49), 5)}.comm:443`,
  // labels that say xn-- and are not what IDNA writes
  'xn--.com:443',
  'xn--a.com:443',
  'xn--example-.com:443',
  'xn--99999999.com:443',
  'xn--iñvalid.com:443',
  // brackets
  '[',
  ']',
  '[]',
  '[]:443',
  '[::1',
  '::1',
  '::1:443',
  '2001:db8::1',
  '[::1]443',
  '[::1]:',
  '[::1]:0',
  '[[::1]]:443',
  '[::1]:443:443',
  '[::1].example.com:443',
  '[example.com]:443',
  '[127.0.0.1]:443',
  '[::g]:443',
  '[1:2:3]:443',
  '[::1%lo]:443',
  '[fe80::1%25eth0]:443',
  '[fe80::1%eth0]:443',
  '[::1 ]:443',
  '[ ::1]:443',
  '[v1.fe]:443',
  '[::1]a:443',
  '[::ffff:127.1]:443',
  '[::ffff:0177.0.0.1]:443',
  '[1::2::3]:443',
  '[12345::]:443',
  '[::1.2.3.4.5]:443',
  '[::1]\0:443',
  'a[::1]:443',
  'user@[::1]:443',
];

test('what two parsers could read as two hosts is refused', () => {
  for (const written of REFUSED) {
    const parsed = parseAuthority(written, 'host');
    assert.ok(!parsed.ok, `${JSON.stringify(written)} was accepted`);
    assert.equal(parsed.denial.reason, 'badAuthority', JSON.stringify(written));
  }
});

const ODD_ADDRESSES = [
  '2130706433',
  '0',
  '1',
  '4294967295',
  '4294967296',
  '99999999999999',
  '017700000001',
  '0x7f000001',
  '0X7F000001',
  '0x7f.1',
  '0x7f.0x0.0x0.0x1',
  '0177.1',
  '0177.0.0.1',
  '0177.0.0.01',
  '127.1',
  '127.0.1',
  '127.0.0.1.',
  '127.1.',
  '127.0.0.01',
  '127.0.0.0x1',
  '0x',
  '0x.0x',
  '1.2.3.4.5',
  '256.0.0.1',
  '1.2.3.256',
  '1.2.3.999',
  'a.0x1',
  'foo.1',
  'example.1',
  'example.0x',
  '00000127.0.0.1',
  '169.254.43518',
  '0xa9fea9fe',
  '2852039166',
  '025177524776',
  '0251.0376.0251.0376',
  '0xa9.0xfe.0xa9.0xfe',
  '192.168.257',
  '10.1',
  '3232235777',
  '08.0.0.1',
  '1.1.1.1.',
];

test('an address in any other spelling than four decimals is known as one, and refused', () => {
  for (const written of ODD_ADDRESSES) {
    for (const text of [written, `${written}:443`]) {
      const parsed = parseAuthority(text, 'host');
      assert.ok(!parsed.ok, `${text} was accepted`);
      assert.equal(parsed.denial.reason, 'ipLiteral', text);
    }
  }
});

test('CONNECT has to name a port', () => {
  assert.equal(parseAuthority('example.com', 'connect').ok, false);
  assert.equal(parseAuthority('[::1]', 'connect').ok, false);
  assert.equal(parseAuthority('example.com:443', 'connect').ok, true);
});

test('what is shown of a refused address is short and has no control characters', () => {
  const parsed = parseAuthority(`a\x1b[2J\n${'b'.repeat(10_000)}`, 'connect');
  assert.ok(!parsed.ok);
  const text = String(parsed.denial.params.text);
  assert.match(text, /^[\x21-\x7e]+…$/);
  assert.ok(text.length < 100);
});

const ABSOLUTE: [text: string, host: string, port: number, path: string][] = [
  ['http://example.com/', 'example.com', 80, '/'],
  ['http://example.com', 'example.com', 80, '/'],
  ['HTTP://Example.COM./a?b=c', 'example.com', 80, '/a?b=c'],
  ['http://example.com:8080?q', 'example.com', 8080, '/?q'],
  ['http://example.com//evil.test/', 'example.com', 80, '//evil.test/'],
  ['http://example.com/@evil.test', 'example.com', 80, '/@evil.test'],
  ['http://example.com/a%2f..%2fb/../c', 'example.com', 80, '/a%2f..%2fb/../c'],
  ['http://[2001:db8::1]:8080/x', '2001:db8::1', 8080, '/x'],
];

test('an absolute request target is taken apart, its path byte for byte', () => {
  for (const [text, host, port, path] of ABSOLUTE) {
    const parsed = parseAbsolute(text);
    assert.ok(parsed.ok, text);
    const { value } = parsed;
    assert.deepEqual([value.scheme, value.host, value.port, value.path], ['http', host, port, path], text);
  }
});

const NOT_ABSOLUTE = [
  '',
  '/',
  '*',
  'example.com',
  'example.com:80',
  'http:',
  'http:/',
  'http://',
  'http:///',
  'http:///a',
  'http:example.com',
  'http:/example.com',
  'http:\\\\example.com\\',
  'http://\\example.com',
  'https://example.com/',
  'ftp://example.com/',
  'ws://example.com/',
  'file:///etc/passwd',
  'gopher://example.com/',
  '//example.com/',
  ' http://example.com/',
  'http://example.com/ ',
  'http://example.com/a b',
  'http://example.com/\r\nHost: evil.test',
  'http://example.com/#a',
  'http://example.com/\0',
  'http://user@example.com/',
  'http://example.com@evil.test/',
  'http://evil.test\\@example.com/',
  'http://example.com\\.evil.test/',
  'http://example.com:80@evil.test/',
  'http://example.com:/',
  'http://example.com:0/',
  'http://example.com%2f@evil.test/',
  'http://exam\tple.com/',
  'http://bücher.example/',
  'http://[::1/',
  'http://::1/',
  'http://0x7f.1/',
  'http://2130706433/',
  'http://127.1/',
  'http://example.com?@evil.test#',
  'http://e#@evil.test/',
];

test('no other request target is taken for an absolute one', () => {
  for (const text of NOT_ABSOLUTE) {
    const parsed = parseAbsolute(text);
    assert.equal(parsed.ok, false, `${JSON.stringify(text)} was accepted: ${JSON.stringify(parsed)}`);
  }
});
