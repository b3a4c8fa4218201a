import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { deflateSync } from 'node:zlib';
import { createRedactor } from '../../../server/secrets/redactor.ts';

const PLAIN = 'ghp_1a2B3c4D5e6F7g8H9i0JkLmN';
const ODD = 'p"a\'s$s\\w/o&r<d> ö`x!{y}+z=';
const KEY = `-----BEGIN PRIVATE KEY-----
MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj
MzEfYyjiWA4R4/M2bS1GB4t7NXp98C3SC6dVMvDuictGeurT8jNbvJZHtCSuYEvu
-----END PRIVATE KEY-----
`;
const SERVICE_ACCOUNT = JSON.stringify(
  {
    type: 'service_account',
    auth_provider_x509_cert_url: 'https://www.googleapis.com/oauth2/v1/certs',
    private_key: KEY,
  },
  null,
  2,
);

const redactorOf = (value: string) => createRedactor([{ name: 'S', id: 'id', value }]);
/** What `value` looks like after a tool had it. */
function shell(script: string, value: string): Buffer {
  return execFileSync('bash', ['--norc', '-c', script], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, S: value, LC_ALL: 'C.UTF-8' },
  });
}

const SHELL: Record<string, string> = {
  'printed as it is': 'printf "before %s after" "$S"',
  env: 'env',
  'a trace': 'set -x; exec 2>&1; : "token $S end" "$S"',
  'declare -p': 'declare -p S',
  'export -p': 'export -p',
  set: 'set',
  'printf %q': 'printf %q "$S"',
  '${S@Q}': 'printf %s "${S@Q}"',
  'base64, broken into lines': 'printf "user:%s@host and then some more text to make it long" "$S" | base64',
  'base64, broken and indented': 'printf "user:%s" "$S" | base64 -w 64 | sed "s/^/      /"',
  'base64 in one line': 'printf "x%s" "$S" | base64 -w 0',
  'base64, with two before it': 'printf "xy%s!" "$S" | base64 -w 0',
  'base64 in a line of JSON':
    'printf "{\\"v\\":\\"%s\\"}" "$(printf "aaaa:%s" "$S" | base64 -w 40 | sed ":a;N;\\$!ba;s/\\n/\\\\\\\\n/g")"',
};

for (const [tool, script] of Object.entries(SHELL)) {
  for (const [kind, value] of Object.entries({ plain: PLAIN, odd: ODD })) {
    test(`a value does not survive in the output of a shell: ${tool}, ${kind}`, () => {
      const output = shell(script, value);
      const redactor = redactorOf(value);
      assert.equal(redactor.find(output), 'S', output.toString());
      const left = redactor.bytes(output).toString();
      assert.match(left, /\[secret S\]/);
      assert.ok(!left.includes(value.slice(4, 12)), left);
    });
  }
}

const WRITTEN: Record<string, (value: string) => string | Buffer> = {
  JSON: (value) => JSON.stringify({ a: [value] }),
  'JSON in JSON': (value) => JSON.stringify(JSON.stringify({ value })),
  'JSON with escaped slashes': (value) => JSON.stringify(value).replaceAll('/', '\\/'),
  'JSON in ASCII': (value) =>
    JSON.stringify(value).replace(
      /[\u0080-\uffff]/g,
      (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
    ),
  'a query string': (value) => new URLSearchParams({ q: `x${value}x` }).toString(),
  'a path': (value) => `https://h.example/${encodeURIComponent(value)}/x`,
  'a URL with lower-case digits': (value) =>
    encodeURIComponent(value).replace(/%../g, (code) => code.toLowerCase()),
  'the password of a URL': (value) => {
    const url = new URL('https://h.example');
    url.password = encodeURIComponent(value);
    return url.href;
  },
  encodeURI: (value) => encodeURI(value),
  hex: (value) => Buffer.from(`x${value}`).toString('hex'),
  'hex in capitals, in lines of 60': (value) =>
    Buffer.from(`some text before ${value}`).toString('hex').toUpperCase().replace(/.{60}/g, '$&\n'),
  base64url: (value) => Buffer.from(`x${value}y`).toString('base64url'),
  'a basic header': (value) => `Authorization: Basic ${Buffer.from(`user:${value}`).toString('base64')}`,
  'UTF-16': (value) => Buffer.from(`x${value}`, 'utf16le'),
  XML: (value) =>
    value.replace(
      /[&<>"']/g,
      (mark) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' })[mark] ?? '',
    ),
};

for (const [name, write] of Object.entries(WRITTEN)) {
  for (const value of [PLAIN, ODD, '?>?>?>~~', '12345678', 'ÿþýüûúùø']) {
    test(`a value is found as ${name}: ${value}`, () => {
      const text = Buffer.from(write(value));
      assert.equal(redactorOf(value).find(text), 'S', text.toString());
    });
  }
}

test('whatever stands before and after a value in base64, nothing that it determines is left', () => {
  const value = Buffer.from('\u0007Zq*9]kX~'.repeat(2));
  const redactor = redactorOf(value.toString());
  for (let before = 0; before < 9; before++) {
    for (let after = 0; after < 9; after++) {
      const fill = (count: number, byte: number) => Buffer.alloc(count, byte);
      const all = [0x00, 0x5a, 0xff].map((byte) =>
        redactor.text(Buffer.concat([fill(before, byte), value, fill(after, byte)]).toString('base64')),
      );
      for (const [index, byte] of [0x00, 0x5a, 0xff].entries()) {
        // What is left is what is left of another value in the same place.
        const other = Buffer.concat([fill(before, byte), fill(value.length, 0x31), fill(after, byte)]);
        const [front = '', back = ''] = all[index]?.split('[secret S]') ?? [];
        assert.ok(other.toString('base64').startsWith(front), `${before} ${after} ${all[index]}`);
        assert.ok(other.toString('base64').endsWith(back), `${before} ${after} ${all[index]}`);
      }
    }
  }
});

test('each line of a key goes, also when it is indented, quoted or behind another', () => {
  const redactor = redactorOf(KEY);
  const [, first = '', second = ''] = KEY.split('\n');
  assert.equal(redactor.text(KEY), '[secret S]');
  assert.equal(redactor.text(KEY.replaceAll('\n', '\r\n')), '[secret S]');
  for (const text of [
    `  key: |\n    ${first}\n    ${second}\n`,
    `"${first}" +\n"${second}"`,
    `12: ${second}`,
  ]) {
    const left = redactor.text(text);
    assert.ok(!left.includes(first.slice(0, 20)) && !left.includes(second.slice(0, 20)), left);
    assert.equal(redactor.find(Buffer.from(text)), 'S');
  }
  const frame = 'has -----BEGIN PRIVATE KEY----- in it';
  assert.equal(redactor.text(frame), frame);
});

test('a key inside a JSON file goes when it was taken out of it, and what all such files say does not stop a turn', () => {
  const redactor = redactorOf(SERVICE_ACCOUNT);
  const { private_key: key } = JSON.parse(SERVICE_ACCOUNT) as { private_key: string };
  assert.ok(!/MIIE|MzEf/.test(redactor.text(key)));
  assert.equal(redactor.find(Buffer.from(key)), 'S');
  const common = '  "auth_provider_x509_cert_url": "https://www.googleapis.com/oauth2/v1/certs",';
  assert.equal(redactor.find(Buffer.from(common)), null);
  assert.equal(redactor.find(Buffer.from(SERVICE_ACCOUNT)), 'S');
});

test('in data every string and key is looked at, and what has nothing is the same object', () => {
  const redactor = redactorOf(PLAIN);
  const clean = { a: [1, null, { b: 'x', c: true }], at: 1e12 };
  assert.equal(redactor.json(clean), clean);
  const inner = { kept: 'as it is' };
  const data = {
    [PLAIN]: 1,
    [`${PLAIN}${PLAIN}`]: 2,
    list: [`x ${PLAIN}`, inner],
    __proto__: { own: PLAIN },
  };
  const redacted = redactor.json(data);
  assert.deepEqual(redacted, {
    '[secret S]': 1,
    '[secret S] (2)': 2,
    list: ['x [secret S]', inner],
  });
  assert.equal(redacted.list[1], inner);
  const own = JSON.parse(`{"__proto__": {"x": "${PLAIN}"}}`) as object;
  assert.equal(JSON.stringify(redactor.json(own)), '{"__proto__":{"x":"[secret S]"}}');
});

test('text that is not touched keeps what UTF-8 can’t hold', () => {
  const odd = 'half a pair: \ud83d, and more';
  assert.equal(redactorOf(PLAIN).text(odd), odd);
});

test('a mark names the secret that begins first, and of those the longest', () => {
  const redactor = createRedactor([
    { name: 'SHORT', id: '1', value: 'abcdefgh' },
    { name: 'LONG', id: '2', value: 'abcdefghijkl' },
    { name: 'LATER', id: '3', value: 'ghijklmnop' },
    { name: 'SAME', id: '4', value: 'abcdefgh' },
  ]);
  assert.equal(redactor.text('-abcdefgh-'), '-[secret SHORT]-');
  assert.equal(redactor.text('-abcdefghijkl-'), '-[secret LONG]-');
  assert.equal(redactor.text('-abcdefghijklmnop-'), '-[secret LONG]-');
  assert.equal(redactor.text('-ghijklmnop-'), '-[secret LATER]-');
});

test('JSON in JSON is found however the inner one escapes', () => {
  const ascii = (text: string): string =>
    text.replace(/[\u0080-\uffff]/g, (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, '0')}`);
  const inner = ascii(JSON.stringify({ t: ODD }));
  assert.match(inner, /\\u00f6/);
  assert.equal(redactorOf(ODD).find(Buffer.from(JSON.stringify(inner))), 'S');
  const html = JSON.stringify(ODD).replace(/</g, '\\u003c').replace(/>/g, '\\u003e').replace(/&/g, '\\u0026');
  assert.equal(redactorOf(ODD).find(Buffer.from(JSON.stringify(html))), 'S');
});

test('as a host’s name a value is small; words are not looked for in that way, and files not at all', () => {
  const host = 'ghp-1a2B3c4D5e6F7g8H9';
  const redactor = redactorOf(host);
  assert.equal(
    redactor.text(`no such host: ${host.toLowerCase()}.a.test`),
    'no such host: [secret S].a.test',
  );
  assert.equal(redactor.find(Buffer.from(host.toLowerCase())), null);
  assert.equal(redactorOf('Password').text('password'), 'password');
});

test('what the page on secrets names as not covered is not found', () => {
  const redactor = redactorOf(PLAIN);
  assert.equal(redactor.find(deflateSync(Buffer.from(PLAIN))), null);
  assert.equal(redactor.find(Buffer.from([...PLAIN].reverse().join(''))), null);
  assert.equal(redactor.find(Buffer.from([...PLAIN].join(' '))), null);
});
