/**
 * How lines of a patch are found among the lines of one file. Pure.
 *
 * Four passes, from strict to lenient. A pass numbers the file's lines once, same text same number, and
 * knows where each number stands: what is wanted is looked for only where its rarest line is, so that a
 * hundred changes of a hundred thousand lines cost little more than one.
 */
import { toText } from './bytes.ts';
import { BOM, trimmed, trimmedRight, type Line } from './lines.ts';

/**
 * How alike lines have to be: as they are; but for space at their end; but for space around; but for
 * typographic dashes, quotes and spaces, which models write plainly, and for how letters are composed.
 */
const PASSES: readonly ((text: string) => string)[] = [
  (text) => {
    const bare = text.endsWith('\r') ? text.slice(0, -1) : text;
    return bare.startsWith(BOM) ? bare.slice(BOM.length) : bare;
  },
  (text) => trimmedRight(text),
  (text) => trimmed(text),
  (text) => trimmed(plainPunctuation(text)),
];
const TRIMMED = 2;

function plainPunctuation(text: string): string {
  if (/^[\x00-\x7f]*$/.test(text)) return text;
  return toText(text)
    .normalize('NFC')
    .replace(/[\u2010-\u2015\u2212]/g, '-')
    .replace(/[\u2018-\u201b]/g, "'")
    .replace(/[\u201c-\u201f]/g, '"')
    .replace(/[\u00a0\u2002-\u200a\u202f\u205f\u3000]/g, ' ')
    .replace(/\u2026/g, '...');
}

/** Whether the most lenient pass takes the one for the other. */
export function areAlike(one: string, other: string): boolean {
  return trimmed(plainPunctuation(one)) === trimmed(plainPunctuation(other));
}

/** The file's lines as one pass sees them, numbered by their text. */
interface Numbered {
  texts: string[];
  numbers: Map<string, number>;
  /** The number of each line. */
  lines: Int32Array;
  /** Where number n stands, ascending: `places[starts[n]]` up to `places[starts[n + 1]]`. */
  places: Int32Array;
  starts: Int32Array;
}

export class Finder {
  readonly #lines: readonly Line[];
  readonly #numbered: (Numbered | undefined)[] = [];

  constructor(lines: readonly Line[]) {
    this.#lines = lines;
  }

  /** The first place at or after `from`; with `atEnd` the very end, if it is alike in any pass. */
  find(wanted: readonly string[], from: number, atEnd: boolean): number | null {
    const last = this.#lines.length - wanted.length;
    if (atEnd && last >= from) {
      for (let pass = 0; pass < PASSES.length; pass++) {
        if (this.#places(pass, wanted, last, 1).length > 0) return last;
      }
    }
    for (let pass = 0; pass < PASSES.length; pass++) {
      const [place] = this.#places(pass, wanted, from, 1);
      if (place !== undefined) return place;
    }
    return null;
  }

  /** Every place at or after `from` where the lines stand exactly, up to `limit`. */
  findExact(wanted: readonly string[], from: number, limit: number): number[] {
    return this.#places(0, wanted, from, limit);
  }

  /** The first line that goes on where `start` ends: of a long line models often name the beginning. */
  findBeginning(start: string, from: number): number | null {
    const plain = trimmed(start);
    if (plain.length < 3) return null;
    const { texts } = this.#of(TRIMMED);
    for (let at = from; at < texts.length; at++) {
      const text = texts[at] ?? '';
      if (text.startsWith(plain) && !/^\w\w/.test(text.slice(plain.length - 1))) return at;
    }
    return null;
  }

  /** Where most of the lines stand, for the message of an error. */
  nearest(wanted: readonly string[]): number | null {
    const pattern = wanted.slice(0, MAX_COMPARED_LINES).map((text) => PASSES[TRIMMED]?.(text) ?? text);
    const file = this.#of(TRIMMED);
    const numbers = pattern.map((text) => file.numbers.get(text) ?? -1);
    const weights = pattern.map((text) => (text.length > 3 ? 3 : 1));
    let best: { at: number; score: number } | null = null;
    for (let at = 0; at < file.lines.length; at++) {
      let score = 0;
      for (let index = 0; index < numbers.length; index++) {
        if (numbers[index] === file.lines[at + index]) score += weights[index] ?? 0;
      }
      if (score > (best?.score ?? 0)) best = { at, score };
    }
    return best === null ? this.#mostWords(pattern) : best.at;
  }

  /** No line is the same: the line that shares most words with the first line that has some. */
  #mostWords(pattern: readonly string[]): number | null {
    const words = pattern.map(wordsOf).find((found) => found.length > 0) ?? [];
    let best: { at: number; score: number } | null = null;
    for (const [at, text] of this.#of(TRIMMED).texts.entries()) {
      const score = words.reduce((sum, word) => sum + (text.includes(word) ? word.length : 0), 0);
      if (score > (best?.score ?? 0)) best = { at, score };
    }
    return best === null ? null : best.at;
  }

  #places(pass: number, wanted: readonly string[], from: number, limit: number): number[] {
    const alike = PASSES[pass];
    const file = this.#of(pass);
    if (!alike || wanted.length === 0 || wanted.length > file.lines.length) return [];
    const numbers: number[] = [];
    let rarest = { index: 0, count: Infinity };
    for (const [index, text] of wanted.entries()) {
      const number = file.numbers.get(alike(text));
      if (number === undefined) return [];
      const count = (file.starts[number + 1] ?? 0) - (file.starts[number] ?? 0);
      if (count < rarest.count) rarest = { index, count };
      numbers.push(number);
    }
    const rare = numbers[rarest.index] ?? 0;
    const end = file.starts[rare + 1] ?? 0;
    const found: number[] = [];
    let next = firstAtLeast(file.places, file.starts[rare] ?? 0, end, from + rarest.index);
    for (; next < end && found.length < limit; next++) {
      const at = (file.places[next] ?? 0) - rarest.index;
      if (numbers.every((number, index) => file.lines[at + index] === number)) found.push(at);
    }
    return found;
  }

  #of(pass: number): Numbered {
    const known = this.#numbered[pass];
    if (known) return known;
    const alike = PASSES[pass] ?? ((text: string) => text);
    const before = pass === 0 ? null : this.#of(pass - 1);
    const texts = before ? before.texts.map(alike) : this.#lines.map((line) => alike(line.text));
    const isSame = before?.texts.every((text, index) => text === texts[index]) ?? false;
    return (this.#numbered[pass] = before && isSame ? before : numbered(texts));
  }
}

function numbered(texts: string[]): Numbered {
  const numbers = new Map<string, number>();
  const lines = new Int32Array(texts.length);
  for (const [at, text] of texts.entries()) {
    let number = numbers.get(text);
    if (number === undefined) numbers.set(text, (number = numbers.size));
    lines[at] = number;
  }
  const starts = new Int32Array(numbers.size + 1);
  for (const number of lines) starts[number + 1] = (starts[number + 1] ?? 0) + 1;
  for (let number = 0; number < numbers.size; number++) {
    starts[number + 1] = (starts[number + 1] ?? 0) + (starts[number] ?? 0);
  }
  const next = starts.slice();
  const places = new Int32Array(texts.length);
  for (const [at, number] of lines.entries()) {
    const place = next[number] ?? 0;
    places[place] = at;
    next[number] = place + 1;
  }
  return { texts, numbers, lines, places, starts };
}

/** The first index in `[low, high)` whose value is at least `value`; `high` if there is none. */
function firstAtLeast(ascending: Int32Array, low: number, high: number, value: number): number {
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ascending[middle] ?? 0) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

const MAX_COMPARED_LINES = 50;

function wordsOf(line: string): string[] {
  return line.split(/\W+/).filter((word) => word.length >= 3);
}
