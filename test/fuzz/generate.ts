/** Authorities as attackers write them: pieces of real ones, put together wrongly and then damaged. */
import type { Random } from './random.ts';

const LABELS = [
  'a',
  'b',
  'www',
  'example',
  'com',
  'localhost',
  'internal',
  'evil',
  'xn--bcher-kva',
  'xn--a',
  'xn--',
  'xn--ls8h',
  'r3---sn',
  '-a',
  'a-',
  '_dmarc',
  'a_b',
  '0x7f',
  '0x',
  '0',
  '1',
  '01',
  '08',
  '127',
  '255',
  '256',
  '999',
  '2130706433',
  '0177',
  '1e3',
  '0xg',
  '１２７',
  'bücher',
  'ß',
  '\u212a',
  'ⓐ',
  'a\u00ad',
  '\u200d',
  'а',
  '*',
  '',
  'x'.repeat(63),
  'x'.repeat(64),
  '%61',
  '%2e',
] as const;

const ADDRESSES = [
  '127.0.0.1',
  '10.0.0.1',
  '169.254.169.254',
  '8.8.8.8',
  '127.1',
  '0x7f.1',
  '2130706433',
  '0177.0.0.1',
  '0',
  '1.2.3.4.5',
  '[::1]',
  '[::]',
  '[::ffff:127.0.0.1]',
  '[::ffff:7f00:1]',
  '[64:ff9b::7f00:1]',
  '[2002:7f00:1::]',
  '[fe80::1%25eth0]',
  '[fe80::1%eth0]',
  '[2001:DB8:0:0:0:0:0:1]',
  '[::127.0.0.1]',
  '::1',
  '2001:db8::1',
  '[1:2:3:4:5:6:7:8]',
  '[1::8',
  '1::8]',
] as const;

const PORTS = [
  '',
  '',
  '',
  ':80',
  ':443',
  ':8443',
  ':1',
  ':',
  ':80',
  ':443',
  ':8443',
  ':0',
  ':080',
  ':65535',
  ':65536',
  ':99999',
  ':+80',
  ':-1',
  ': 80',
  ':80 ',
  ':8 0',
  ':0x50',
  ':80:443',
  ':4294967376',
  ':１',
  ':1',
  ':443@evil.test',
  ':80/',
  ':80?',
  ':80#',
] as const;

const DOTS = ['.', '.', '.', '.', '.', '.', '。', '．', '..', '%2e', '\u2024'] as const;

/** What ends, starts or splits an authority for one parser and not for another. */
const SPLITTERS = [
  '@',
  ':',
  '/',
  '\\',
  '?',
  '#',
  '%',
  '%00',
  '%2f',
  '%40',
  '\0',
  '\t',
  '\n',
  '\r',
  '\r\n',
  ' ',
  '\x0b',
  '\x7f',
  '\x85',
  '\u00a0',
  '\u2028',
  '\ufeff',
  '\u202e',
  ',',
  ';',
  '&',
  '=',
  '[',
  ']',
  '|',
  '^',
  '<',
  '"',
  "'",
  '`',
  '{',
  '~',
  '!',
  '$',
  '(',
  '*',
  '+',
  'user@',
  'user:pass@',
  '//',
  '://',
  '@evil.test',
  '#@evil.test',
  '\\@evil.test',
  '.',
  '-',
  '_',
] as const;

const CHARACTERS = 'abcxyzABCXYZ0123456789.-_:@[]/%\\?# \t\0*=';

export function authority(random: Random): string {
  const host = random.chance(0.25) ? random.pick(ADDRESSES) : name(random);
  let text = host + (random.chance(0.2) ? '.' : '') + random.pick(PORTS);
  if (random.chance(0.3)) text = text.toUpperCase();
  for (let times = random.pick([0, 0, 0, 0, 1, 1, 1, 2, 4]); times > 0; times -= 1)
    text = damage(random, text);
  return text;
}

const GOOD_LABELS = [
  'a',
  'www',
  'example',
  'com',
  'EXAMPLE',
  'xn--bcher-kva',
  'r3---sn',
  'a_b',
  '127',
  '0x7f',
  '1e3',
] as const;

function name(random: Random): string {
  // Half of the names are right, or damage would never be the only thing that is wrong.
  const good = random.chance(0.5);
  const label = () => random.pick<string>(good ? GOOD_LABELS : LABELS);
  let text = label();
  for (let labels = random.below(5); labels > 0; labels -= 1)
    text += (good ? '.' : random.pick(DOTS)) + label();
  return text;
}

function damage(random: Random, text: string): string {
  const at = random.below(text.length + 1);
  const [left, right] = [text.slice(0, at), text.slice(at)];
  switch (random.below(6)) {
    case 0:
      return left + right.slice(1);
    case 1:
      return left + (CHARACTERS[random.below(CHARACTERS.length)] ?? '') + right.slice(1);
    case 2:
      return left + (CHARACTERS[random.below(CHARACTERS.length)] ?? '') + right;
    case 3:
      return left + String.fromCharCode(random.below(random.chance(0.8) ? 0x100 : 0x10000)) + right;
    case 4:
      return left + random.pick(SPLITTERS) + right;
    default:
      return right + left;
  }
}

const LETTERS = 'abcdefghijklmnopqrstuvwxyz';
const INNER = `${LETTERS}0123456789-_`;

/** A name that has to be accepted: letters at both ends of each label, nothing that looks like IDNA or a number. */
export function plainName(random: Random): string {
  const letter = () => LETTERS[random.below(LETTERS.length)] ?? 'a';
  const label = () => {
    let text = letter();
    for (let length = random.below(12); length > 0; length -= 1)
      text += INNER[random.below(INNER.length)] ?? 'a';
    return `${text.startsWith('xn') ? 'y' : ''}${text}${letter()}`;
  };
  let text = label();
  for (let labels = random.below(5); labels > 0; labels -= 1) text += `.${label()}`;
  return text;
}
