/** Random texts and changes of them, as people and tools leave them: every kind of line end and encoding. */
import type { Random } from '../../support/random.ts';

type Encode = (text: string) => Buffer;

const ENCODINGS: Encode[] = [
  (text) => Buffer.from(text, 'utf8'),
  (text) => Buffer.from(text, 'latin1'),
  (text) => Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(text, 'utf8')]),
  (text) => Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(text, 'utf16le')]),
];
const ENDS = ['\n', '\r\n', 'mixed'] as const;

export interface Pair {
  base: Buffer;
  target: Buffer;
}

/** Lines repeat where `alphabet` is small. */
export function randomPair(random: Random, alphabet = random.pick([4, 20, 10_000])): Pair {
  const encode = random.pick(ENCODINGS);
  const ends = random.pick(ENDS);
  const line = () => {
    const end = ends === 'mixed' ? random.pick(['\n', '\r\n']) : ends;
    return `${random.pick(['', '  ', 'é'])}line ${random.below(alphabet)}${end}`;
  };
  const base = Array.from({ length: random.pick([0, 1, 2, 8, 30, 60]) }, line);
  const target = random.chance(0.05) ? [] : changed(random, base, line);
  return { base: encode(ended(random, base)), target: encode(ended(random, target)) };
}

function changed(random: Random, lines: string[], line: () => string): string[] {
  const often = random.pick([0.03, 0.1, 0.4]);
  const some = () => Array.from({ length: 1 + random.below(3) }, line);
  const result = lines.flatMap((old) => {
    if (!random.chance(often)) return [old];
    return random.pick([() => [], some, () => [old, ...some()]])();
  });
  return random.chance(often) || lines.length === 0 ? [...result, ...some()] : result;
}

function ended(random: Random, lines: string[]): string {
  const text = lines.join('');
  return random.chance(0.2) ? text.replace(/\r?\n$/, '') : text;
}
