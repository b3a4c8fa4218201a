/**
 * A file as lines that remember their ends, and how lines of a patch are found in it. Pure; text is
 * bytes in a string (`latin1`).
 */

import { toText } from './bytes.ts';

export interface Line {
  text: string;
  /** '\n', '\r\n', or '' for a last line without one. */
  eol: string;
}

const BOM = '\xef\xbb\xbf';

export interface TextFile {
  bom: string;
  lines: Line[];
}

export function splitLines(content: string): TextFile {
  const bom = content.startsWith(BOM) ? BOM : '';
  const lines: Line[] = [];
  for (let at = bom.length; at < content.length;) {
    const newline = content.indexOf('\n', at);
    if (newline < 0) {
      lines.push({ text: content.slice(at), eol: '' });
      break;
    }
    const hasCr = newline > at && content[newline - 1] === '\r';
    lines.push({ text: content.slice(at, hasCr ? newline - 1 : newline), eol: hasCr ? '\r\n' : '\n' });
    at = newline + 1;
  }
  return { bom, lines };
}

export function joinLines(file: TextFile): string {
  return file.bom + file.lines.map((line) => line.text + line.eol).join('');
}

/**
 * How alike lines have to be, from strict to lenient: as they are; but for space at their end; but for
 * space around; but for typographic dashes, quotes and spaces, which models write plainly.
 */
const PASSES: readonly ((text: string) => string)[] = [
  (text) => (text.endsWith('\r') ? text.slice(0, -1) : text),
  (text) => text.replace(/[ \t\r\f\v]+$/, ''),
  (text) => trimmed(text),
  (text) => trimmed(plainPunctuation(text)),
];

/** ASCII space only: in bytes, what looks like another space may be a part of a letter. */
export function trimmed(text: string): string {
  return text.replace(/^[ \t\r\f\v]+|[ \t\r\f\v]+$/g, '');
}

function plainPunctuation(text: string): string {
  if (/^[\x00-\x7f]*$/.test(text)) return text;
  return toText(text)
    .replace(/[\u2010-\u2015\u2212]/g, '-')
    .replace(/[\u2018-\u201b]/g, "'")
    .replace(/[\u201c-\u201f]/g, '"')
    .replace(/[\u00a0\u2002-\u200a\u202f\u205f\u3000]/g, ' ')
    .replace(/\u2026/g, '...');
}

/** Finds lines in one file; what a pass makes of the file's lines is made once. */
export class Finder {
  readonly #lines: readonly Line[];
  readonly #prepared: (string[] | undefined)[] = [];

  constructor(lines: readonly Line[]) {
    this.#lines = lines;
  }

  /** The first place at or after `from`; with `atEnd` only the very end will do, at first. */
  find(wanted: readonly string[], from: number, atEnd: boolean): number | null {
    const last = this.#lines.length - wanted.length;
    for (let pass = 0; pass < PASSES.length; pass++) {
      if (atEnd && last >= from && this.#matches(pass, this.#prepare(pass, wanted), last)) return last;
    }
    for (let pass = 0; pass < PASSES.length; pass++) {
      const pattern = this.#prepare(pass, wanted);
      for (let at = from; at <= last; at++) if (this.#matches(pass, pattern, at)) return at;
    }
    return null;
  }

  /** Every place where the lines stand exactly, up to `limit`. */
  findExact(wanted: readonly string[], limit: number): number[] {
    const pattern = this.#prepare(0, wanted);
    const places: number[] = [];
    for (let at = 0; at <= this.#lines.length - wanted.length && places.length < limit; at++) {
      if (this.#matches(0, pattern, at)) places.push(at);
    }
    return places;
  }

  /** Where most of the lines stand, for the message of an error. */
  nearest(wanted: readonly string[]): number | null {
    const pattern = this.#prepare(2, wanted.slice(0, MAX_COMPARED_LINES));
    const file = this.#file(2);
    let best: { at: number; score: number } | null = null;
    for (let at = 0; at < file.length; at++) {
      let score = 0;
      for (let index = 0; index < pattern.length; index++) {
        const text = pattern[index] ?? '';
        if (text === file[at + index]) score += text.length > 3 ? 3 : 1;
      }
      if (score > (best?.score ?? 0)) best = { at, score };
    }
    if (best !== null) return best.at;
    const start = firstWord(pattern);
    const alike = start === null ? -1 : file.findIndex((line) => line.includes(start));
    return alike < 0 ? null : alike;
  }

  #matches(pass: number, pattern: readonly string[], at: number): boolean {
    const file = this.#file(pass);
    return pattern.every((text, index) => text === file[at + index]);
  }

  #prepare(pass: number, wanted: readonly string[]): string[] {
    const alike = PASSES[pass];
    return alike ? wanted.map(alike) : [...wanted];
  }

  #file(pass: number): string[] {
    return (this.#prepared[pass] ??= this.#prepare(
      pass,
      this.#lines.map((line) => line.text),
    ));
  }
}

const MAX_COMPARED_LINES = 50;

/** The longest word of the lines: the best guess when no line is the same. */
function firstWord(lines: readonly string[]): string | null {
  const words = lines.flatMap((line) => line.split(/\W+/));
  const longest = words.reduce((best, word) => (word.length > best.length ? word : best), '');
  return longest.length >= 4 ? longest : null;
}
