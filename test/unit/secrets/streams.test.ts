import assert from 'node:assert/strict';
import { test } from 'node:test';
import { patternsOf } from '../../../server/secrets/patterns.ts';
import { createRedactor } from '../../../server/secrets/redactor.ts';
import type { OpenSecret, Redactor } from '../../../server/secrets/types.ts';
import { oracle, seeded } from './oracle.ts';

const secret = (name: string, value: string): OpenSecret => ({ name, id: name, value });

/** Values that overlap, repeat themselves, need escaping, or have several lines. */
const SETS: Record<string, OpenSecret[]> = {
  one: [secret('TOKEN', 'ghp_1a2B3c4D5e6F7g8H9i0J')],
  'the shortest': [secret('PIN', 'aB3$xY9!')],
  overlapping: [
    secret('A', 'abcdefghij'),
    secret('B', 'abcdefghijklmnop'),
    secret('C', 'ghijklmnopqrst'),
    secret('D', 'cdefghij'),
  ],
  repeating: [secret('R', 'abababab'), secret('S', 'aaaaaaaaaaaa')],
  odd: [secret('Q', 'p"a\'s\\s/w ö&rd<1>\t$x`y'), secret('U', 'é☃🙂é☃🙂')],
  lines: [
    secret(
      'KEY',
      '-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\nAQEFAASCBKcwggSjAgEAAoIB\n-----END KEY-----\n',
    ),
  ],
};

function formsFor(random: (below: number) => number, value: string): Buffer {
  const bytes = Buffer.from(value);
  const padded = Buffer.concat([
    Buffer.from('xyz'.slice(0, random(4))),
    bytes,
    Buffer.from('tail'.slice(random(5))),
  ]);
  const wrapped = (text: string) =>
    text.replace(
      new RegExp(`.{${32 + random(45)}}`, 'g'),
      `$&${['\n', '\r\n', '\\n', '\n    ', '\n\n'][random(5)]}`,
    );
  const forms = [
    () => value,
    () => value,
    () => value.slice(random(value.length), random(value.length)),
    () => padded.toString('base64'),
    () => padded.toString('base64url'),
    () => wrapped(padded.toString('base64')),
    () => wrapped(Buffer.concat([Buffer.alloc(random(60), 'x'), padded]).toString('base64')),
    () => bytes.toString('hex'),
    () => wrapped(bytes.toString('hex').toUpperCase()),
    () => encodeURIComponent(value),
    () => new URLSearchParams({ v: value }).toString(),
    () => JSON.stringify(value),
  ];
  const form = forms[random(forms.length)]?.() ?? '';
  return random(12) === 0 ? Buffer.from(value, 'utf16le') : Buffer.from(form);
}

function textWith(random: (below: number) => number, secrets: readonly OpenSecret[]): Buffer {
  const parts: Buffer[] = [];
  for (let left = 1 + random(8); left > 0; left--) {
    const one = secrets[random(secrets.length)];
    const choice = random(5);
    if (one && choice < 3) parts.push(formsFor(random, one.value));
    else if (choice === 3) parts.push(Buffer.from(Array.from({ length: random(30) }, () => random(256))));
    else parts.push(Buffer.from('ab abab cdef aaaa\n  MII\\n+/=['.slice(random(10))));
  }
  return Buffer.concat(parts);
}

function chunks(random: (below: number) => number, text: Buffer): Buffer[] {
  const found: Buffer[] = [];
  const most = [1, 3, 17, 200][random(4)] ?? 1;
  for (let at = 0; at < text.length;) {
    const end = Math.min(text.length, at + random(most + 1));
    found.push(text.subarray(at, end));
    at = end;
  }
  return found;
}

function streamed(redactor: Redactor, pieces: readonly Buffer[], longest: number): string {
  const stream = redactor.stream();
  let out = '';
  let went = 0;
  let stood = 0;
  for (const piece of pieces) {
    // A copy that is overwritten afterwards: nothing of it may be kept.
    const own = Buffer.from(piece);
    const { bytes, standsFor } = stream.push(own);
    out += bytes.toString('latin1');
    own.fill(0);
    went += piece.length;
    stood += standsFor;
    assert.ok(went - stood <= longest - 1, `${went - stood} bytes are held back`);
  }
  const { bytes, standsFor } = stream.end();
  assert.equal(stood + standsFor, went, 'every byte is stood for');
  return out + bytes.toString('latin1');
}

for (const [name, secrets] of Object.entries(SETS)) {
  test(`a text is redacted as the slow way does it, however it is cut: ${name}`, () => {
    const redactor = createRedactor(secrets);
    const slow = oracle(secrets);
    const longest = Math.max(...patternsOf(secrets).map(({ spanMost }) => spanMost));
    let hits = 0;
    for (let seed = 1; seed <= 250; seed++) {
      const random = seeded(seed);
      const text = textWith(random, secrets);
      const expected = slow.redact(text);
      if (expected !== text.toString('latin1')) hits++;
      const what = `seed ${seed}: ${JSON.stringify(text.toString('latin1'))}`;
      assert.equal(redactor.bytes(text).toString('latin1'), expected, what);
      const pieces = chunks(random, text);
      assert.equal(streamed(redactor, pieces, longest), expected, what);
      for (const { value } of secrets) assert.ok(!expected.includes(Buffer.from(value).toString('latin1')));
    }
    assert.ok(hits > 100, `only ${hits} texts had something to redact`);
  });

  test(`a finder finds what is there, and nothing else, however it is cut: ${name}`, () => {
    const redactor = createRedactor(secrets);
    const slow = oracle(secrets);
    let [hits, misses] = [0, 0];
    for (let seed = 1; seed <= 250; seed++) {
      const random = seeded(seed * 7919);
      const text = textWith(random, secrets);
      const there = slow.find(text);
      const finder = redactor.finder();
      let found: string | null = null;
      for (const piece of chunks(random, text)) found = finder.push(Buffer.from(piece));
      const whole = redactor.find(text);
      if (there.length > 0) hits++;
      else misses++;
      for (const one of [found, whole])
        if (there.length === 0) assert.equal(one, null);
        else if (secrets.every(({ value }) => !value.includes('\n'))) {
          assert.ok(
            there.some((match) => match.name === one),
            `seed ${seed}: ${one}`,
          );
        }
    }
    assert.ok(hits > 50 && misses > 5, `${hits} ${misses}`);
  });
}

test('what can’t be the beginning of a secret comes out at once', () => {
  const stream = createRedactor([secret('TOKEN', 'zq9-secret-value-qz')]).stream();
  const line = Buffer.from('Installing packages …\n');
  const { bytes, standsFor } = stream.push(line);
  assert.equal(bytes.toString(), line.toString());
  assert.equal(standsFor, line.length);
  assert.equal(stream.push(Buffer.from('=> zq9-sec')).bytes.toString(), '=> ');
  assert.equal(stream.push(Buffer.from('tor\n')).bytes.toString(), 'zq9-sector\n');
  assert.equal(stream.push(Buffer.from('zq9-secret-val')).standsFor, 0);
  assert.deepEqual(
    { ...stream.push(Buffer.from('ue-qz!')) },
    { bytes: Buffer.from('[secret TOKEN]!'), standsFor: 20, end: { plain: 1, marked: 19 } },
  );
});

test('a stream without anything to find hands on the same bytes, without copying them', () => {
  const stream = createRedactor([secret('TOKEN', 'zq9-secret-value-qz')]).stream();
  const bytes = Buffer.from('nothing here.\n');
  assert.equal(stream.push(bytes).bytes, bytes);
  const nothing = createRedactor([]);
  assert.ok(nothing.isEmpty);
  assert.equal(nothing.stream().push(bytes).bytes, bytes);
  assert.equal(nothing.find(bytes), null);
});

test('a value of 64 KB holds back a part of itself at most, and leaves one mark', () => {
  const random = seeded(4);
  const value = Array.from({ length: 65_536 }, () => String.fromCharCode(33 + random(94))).join('');
  const redactor = createRedactor([secret('LONG', value)]);
  for (const form of [
    value,
    Buffer.from(`x${value}`).toString('base64'),
    Buffer.from(value).toString('hex'),
  ]) {
    const text = Buffer.from(`before ${form} after`);
    const stream = redactor.stream();
    let out = '';
    let [went, stood, held] = [0, 0, 0];
    for (let at = 0; at < text.length; at += 100) {
      const piece = text.subarray(at, at + 100);
      const { bytes, standsFor } = stream.push(piece);
      out += bytes.toString();
      went += piece.length;
      stood += standsFor;
      held = Math.max(held, went - stood);
    }
    out += stream.end().bytes.toString();
    assert.match(out, /^before .{0,2}\[secret LONG\].{0,2} after$/);
    assert.ok(held < 1_000, `${held} bytes were held back`);
  }
  // A part that is printed alone is found as well.
  assert.match(redactor.text(`-${value.slice(10_000, 12_000)}-`), /\[secret LONG\]/);
});

test('a text that is a secret over and over takes neither long nor much', () => {
  const redactor = createRedactor([secret('ZEROS', '00000000'), secret('ONES', '11111111')]);
  const text = Buffer.concat([Buffer.alloc(2_000_000, '0'), Buffer.alloc(2_000_000, '1')]);
  assert.equal(redactor.bytes(text).toString(), '[secret ZEROS][secret ONES]');
});

test('text that keeps almost being a secret is not slow', () => {
  const value = `${'a'.repeat(4_000)}b`;
  const redactor = createRedactor([secret('SLOW', value)]);
  const started = process.cpuUsage().user;
  const stream = redactor.stream();
  const piece = Buffer.alloc(1_000, 'a');
  for (let at = 0; at < 500; at++) stream.push(piece);
  stream.end();
  const seconds = (process.cpuUsage().user - started) / 1e6;
  assert.ok(seconds < 5, `${seconds} s for 500 kB`);
});
