/**
 * What is searched for, and whether it stands at a place. Pure, and every decision about a place is taken
 * from its bytes alone, so that it comes out the same however a stream was cut.
 *
 * A form that tools break into lines may have gaps: a line break, escaped or not, and the next line's
 * indentation. Long forms are cut into parts that are looked for by themselves: what a stream holds back
 * stays small, and a part that is printed alone is found too.
 */
import { formsOf, type ByteClass, type Form } from './forms.ts';
import type { OpenSecret } from './types.ts';

/** The longest part of a form. */
export const PART_MOST_BYTES = 256;
/** Of the indentation after a line break; YAML nests less. */
export const INDENT_MOST_BYTES = 32;
/** `\r\n` written out. */
const LINE_END_MOST_BYTES = 4;
/** A line is at least so long: twice the search's window, of which one must be unbroken. */
export const LINE_LEAST_BYTES = 32;

export interface Pattern {
  /** Which one of the secrets. */
  secret: number;
  core: Buffer;
  before: ByteClass | null;
  after: ByteClass | null;
  wraps: boolean;
  inFiles: boolean;
  /** Bytes without gaps. */
  length: number;
  gapsMost: number;
  /** Bytes with all gaps that it can have. */
  spanMost: number;
}

/** Of equal ones the first secret's. */
export function patternsOf(secrets: readonly OpenSecret[]): Pattern[] {
  const patterns = new Map<string, Pattern>();
  for (const [secret, { value }] of secrets.entries()) {
    for (const part of formsOf(value).flatMap(partsOf)) {
      const pattern = patternOf(part, secret);
      const key = [pattern.core.toString('latin1'), keyOf(part.before), keyOf(part.after), part.wraps].join(
        '|',
      );
      const there = patterns.get(key);
      if (!there) patterns.set(key, pattern);
      else if (pattern.inFiles && !there.inFiles) patterns.set(key, { ...there, inFiles: true });
    }
  }
  return [...patterns.values()];
}

const keyOf = (bytes: ByteClass | null) => (bytes === null ? '' : bytes.join(''));

function partsOf(form: Form): Form[] {
  const { length } = form.bytes;
  const count = Math.ceil(length / PART_MOST_BYTES);
  if (count <= 1) return [form];
  return Array.from({ length: count }, (_, at) => ({
    ...form,
    bytes: form.bytes.subarray(Math.floor((length * at) / count), Math.floor((length * (at + 1)) / count)),
    before: at === 0 ? form.before : null,
    after: at === count - 1 ? form.after : null,
  }));
}

function patternOf({ bytes, before, after, wraps, inFiles }: Form, secret: number): Pattern {
  const length = bytes.length + (before ? 1 : 0) + (after ? 1 : 0);
  const gapsMost = wraps ? 1 + Math.floor(length / LINE_LEAST_BYTES) : 0;
  const spanMost = length + gapsMost * (LINE_END_MOST_BYTES + INDENT_MOST_BYTES);
  return { secret, core: bytes, before, after, wraps, inFiles, length, gapsMost, spanMost };
}

/** It does not stand there. */
export const NO_MATCH = -1;
/** The text ends before that is clear. */
export const UNDECIDED = -2;

/** Where it ends when it begins at `start`. */
export function matchAt(pattern: Pattern, text: Uint8Array, start: number): number {
  const { core, before, after, wraps, length } = pattern;
  const end = text.length;
  const head = before === null ? 0 : 1;
  const coreEnd = head + core.length;
  let at = start;
  let gaps = 0;
  for (let index = 0; index < length;) {
    if (at >= end) return UNDECIDED;
    const byte = text[at] ?? 0;
    const fits =
      index < head
        ? before?.[byte] === 1
        : index < coreEnd
          ? core[index - head] === byte
          : after?.[byte] === 1;
    if (fits) {
      at++;
      index++;
      continue;
    }
    if (!wraps || index === 0 || gaps === pattern.gapsMost) return NO_MATCH;
    const next = gapEnd(text, at);
    if (next === at) return NO_MATCH;
    gaps++;
    at = next;
    // One gap, then a byte of ours: two line breaks in a row are no wrapping.
    if (at < end && gapEnd(text, at) !== at) return NO_MATCH;
  }
  return at;
}

const LF = 0x0a;
const CR = 0x0d;
const TAB = 0x09;
const SPACE = 0x20;
const BACKSLASH = 0x5c;
const LETTER_N = 0x6e;
const LETTER_R = 0x72;

/** Where the gap at `at` ends; `at` itself when there is none. One that the text cuts off ends with it. */
export function gapEnd(text: Uint8Array, at: number): number {
  const end = text.length;
  let next = at;
  if (text[next] === CR) {
    next++;
    if (next === end) return end;
    if (text[next] !== LF) return at;
    next++;
  } else if (text[next] === LF) {
    next++;
  } else if (text[next] === BACKSLASH) {
    if (next + 1 < end && text[next + 1] === LETTER_R) {
      next += 2;
      if (next === end) return end;
      if (text[next] !== BACKSLASH) return at;
    }
    if (next + 1 === end) return end;
    if (text[next + 1] !== LETTER_N) return at;
    next += 2;
  } else return at;
  const indentEnd = Math.min(end, next + INDENT_MOST_BYTES);
  while (next < indentEnd && (text[next] === SPACE || text[next] === TAB)) next++;
  return next;
}

/**
 * Where a pattern begins of which `count` bytes stand before `from`, gaps not counted; -1 when the text
 * begins later or they are further away than they can be.
 */
export function walkBack(pattern: Pattern, text: Uint8Array, from: number, count: number): number {
  if (!pattern.wraps) return from - count;
  const least = Math.max(0, from - pattern.spanMost);
  let at = from;
  for (let left = count; left > 0;) {
    at--;
    if (at < least) return -1;
    const byte = text[at];
    if (byte === SPACE || byte === TAB || byte === LF || byte === CR) continue;
    if ((byte === LETTER_N || byte === LETTER_R) && at > 0 && text[at - 1] === BACKSLASH) {
      at--;
      continue;
    }
    left--;
  }
  return at;
}
