/**
 * How lines of a patch are found among the lines of one file. Pure.
 *
 * Four passes, from strict to lenient. A pass keeps a number for each line of the file, the same for
 * lines that are alike, and a table from numbers to lines: what is wanted is looked for only where its
 * rarest line is, so that a hundred changes of a hundred thousand lines cost little more than one.
 */
import { toText } from './bytes.ts';
import { BOM, isSpace, trimmed, trimmedRight, type TextFile } from './lines.ts';

/**
 * How alike lines have to be: as they are; but for space at their end; but for space around; but for
 * typographic dashes, quotes and spaces, which models write plainly, and for how letters are composed.
 */
const PASSES: readonly ((text: string) => string)[] = [
  (text) => {
    const bare = text.endsWith('\r') ? text.slice(0, -1) : text;
    return bare.startsWith(BOM) ? bare.slice(BOM.length) : bare;
  },
  trimmedRight,
  trimmed,
  (text) => trimmed(plainPunctuation(text)),
];
const RIGHT_TRIMMED = 1;
const TRIMMED = 2;
const PLAIN = 3;

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

/** A file's lines as one pass sees them. Different lines may have the same number, if rarely. */
interface Index {
  numbers: Int32Array;
  /** The first line of each slot of the table, and the next one of each line; -1: none. */
  heads: Int32Array;
  next: Int32Array;
  counts: Int32Array;
}

export class Finder {
  readonly #file: TextFile;
  readonly #indexes: (Index | undefined)[] = [];

  constructor(file: TextFile) {
    this.#file = file;
  }

  /** The first place at or after `from`; with `atEnd` the very end, if it is alike in any pass. */
  find(wanted: readonly string[], from: number, atEnd: boolean): number | null {
    const last = this.#file.length - wanted.length;
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
    for (let at = from; at < this.#file.length; at++) {
      const text = trimmed(this.#file.text(at));
      if (text.startsWith(plain) && !/^\w\w/.test(text.slice(plain.length - 1))) return at;
    }
    return null;
  }

  /** Where most of the lines stand, for the message of an error. */
  nearest(wanted: readonly string[]): number | null {
    const pattern = wanted.slice(0, MAX_COMPARED_LINES).map(trimmed);
    const numbers = pattern.map((text) => numberOf(text, 0, text.length));
    const weights = pattern.map((text) => (text.length > 3 ? 3 : 1));
    const lines = this.#index(TRIMMED).numbers;
    let best: { at: number; score: number } | null = null;
    for (let at = 0; at < lines.length; at++) {
      let score = 0;
      for (let index = 0; index < numbers.length; index++) {
        if (numbers[index] === lines[at + index]) score += weights[index] ?? 0;
      }
      if (score > (best?.score ?? 0)) best = { at, score };
    }
    return best === null ? this.#mostWords(pattern) : best.at;
  }

  /** No line is the same: the line that shares most words with the first line that has some. */
  #mostWords(pattern: readonly string[]): number | null {
    const words = pattern.map(wordsOf).find((found) => found.length > 0) ?? [];
    let best: { at: number; score: number } | null = null;
    for (let at = 0; at < this.#file.length; at++) {
      const text = this.#file.text(at);
      const score = words.reduce((sum, word) => sum + (text.includes(word) ? word.length : 0), 0);
      if (score > (best?.score ?? 0)) best = { at, score };
    }
    return best === null ? null : best.at;
  }

  #places(pass: number, wanted: readonly string[], from: number, limit: number): number[] {
    const alike = PASSES[pass];
    const file = this.#file;
    if (!alike || wanted.length === 0 || wanted.length > file.length - from) return [];
    const { numbers, heads, next, counts } = this.#index(pass);
    const pattern = wanted.map(alike);
    const wantedNumbers = pattern.map((text) => numberOf(text, 0, text.length));
    let rarest = { index: 0, count: Infinity, slot: 0 };
    for (const [index, number] of wantedNumbers.entries()) {
      const slot = slotOf(number, heads.length);
      const count = counts[slot] ?? 0;
      if (count < rarest.count) rarest = { index, count, slot };
    }
    const found: number[] = [];
    let line = heads[rarest.slot] ?? -1;
    for (; line >= 0 && found.length < limit; line = next[line] ?? -1) {
      const at = line - rarest.index;
      if (at < from || !wantedNumbers.every((number, index) => numbers[at + index] === number)) continue;
      if (pattern.every((text, index) => text === alike(file.text(at + index)))) found.push(at);
    }
    return found;
  }

  #index(pass: number): Index {
    return (this.#indexes[pass] ??= this.#makeIndex(pass));
  }

  #makeIndex(pass: number): Index {
    const file = this.#file;
    if (pass === PLAIN && /^[\x00-\x7f]*$/.test(file.content)) return this.#index(TRIMMED);
    const numbers = pass === PLAIN ? this.#plainNumbers() : new Int32Array(file.length);
    if (pass < PLAIN)
      for (let line = 0; line < file.length; line++) numbers[line] = this.#numberOf(pass, line);
    let size = 16;
    while (size < file.length * 2) size *= 2;
    const heads = new Int32Array(size).fill(-1);
    const counts = new Int32Array(size);
    const next = new Int32Array(file.length);
    for (let line = file.length - 1; line >= 0; line--) {
      const slot = slotOf(numbers[line] ?? 0, size);
      next[line] = heads[slot] ?? -1;
      heads[slot] = line;
      counts[slot] = (counts[slot] ?? 0) + 1;
    }
    return { numbers, heads, next, counts };
  }

  /** All at once: what the last pass does is done quickest to the whole text, and never joins lines. */
  #plainNumbers(): Int32Array {
    const file = this.#file;
    const plain = plainPunctuation(file.slice(0, file.length));
    const numbers = new Int32Array(file.length);
    let at = 0;
    for (let line = 0; line < file.length; line++) {
      const eol = file.eol(line);
      const next = eol === '' ? plain.length : plain.indexOf(eol.slice(-1), at) + 1;
      numbers[line] = trimmedNumber(plain, at, next - eol.length);
      at = next;
    }
    return numbers;
  }

  /** Of what the pass makes of a line, for most passes without making it. */
  #numberOf(pass: number, line: number): number {
    const { content } = this.#file;
    const start = this.#file.start(line);
    let end = this.#file.textEnd(line);
    if (content.charCodeAt(start) === 0xef) {
      const text = PASSES[pass]?.(content.slice(start, end)) ?? '';
      return numberOf(text, 0, text.length);
    }
    if (pass === TRIMMED) return trimmedNumber(content, start, end);
    if (pass === RIGHT_TRIMMED) while (end > start && isSpace(content.charCodeAt(end - 1))) end--;
    else if (end > start && content.charCodeAt(end - 1) === 13) end--;
    return numberOf(content, start, end);
  }
}

function trimmedNumber(text: string, start: number, end: number): number {
  while (end > start && isSpace(text.charCodeAt(end - 1))) end--;
  while (start < end && isSpace(text.charCodeAt(start))) start++;
  return numberOf(text, start, end);
}

/** FNV-1a over the letters. */
function numberOf(text: string, start: number, end: number): number {
  let number = 0x811c9dc5 | 0;
  for (let at = start; at < end; at++) number = Math.imul(number ^ text.charCodeAt(at), 0x01000193);
  return number;
}

function slotOf(number: number, size: number): number {
  return (number ^ (number >>> 15)) & (size - 1);
}

const MAX_COMPARED_LINES = 50;

function wordsOf(line: string): string[] {
  return line.split(/\W+/).filter((word) => word.length >= 3);
}
