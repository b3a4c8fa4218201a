/**
 * Git's base85 as binary patches have it: lines of up to 52 bytes, a letter for the length first,
 * then groups of five characters for four bytes, and an empty line at the end.
 */

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~';
const ENCODE = Buffer.from(ALPHABET, 'latin1');
const INVALID = 255;
const DECODE = new Uint8Array(256).fill(INVALID);
for (let value = 0; value < 85; value++) DECODE[ENCODE[value]!] = value;

const LINE_BYTES = 52;
const NEWLINE = 10;
const MAX_GROUP = 0xffffffff;

/** Decodes lines from `start` to the empty line; null when a line is malformed or the end is missing. */
export function decodeLines(text: Uint8Array, start: number): { bytes: Buffer; next: number } | null {
  const end = endOfBlock(text, start);
  if (end < 0) return null;
  // Five characters for four bytes, so this is never too small.
  const out = Buffer.allocUnsafe(Math.ceil(((end - start) * 4) / 5) + 4);
  let length = 0;
  let at = start;
  while (at < end) {
    const count = lineLength(text[at]!);
    const groups = (count + 3) >> 2;
    const lineEnd = at + 1 + groups * 5;
    if (count === 0 || text[lineEnd] !== NEWLINE) return null;
    at++;
    const target = length + count;
    for (; at < lineEnd; at += 5) {
      const a = DECODE[text[at]!]!;
      const b = DECODE[text[at + 1]!]!;
      const c = DECODE[text[at + 2]!]!;
      const d = DECODE[text[at + 3]!]!;
      const e = DECODE[text[at + 4]!]!;
      if (a > 84 || b > 84 || c > 84 || d > 84 || e > 84) return null;
      const value = (((a * 85 + b) * 85 + c) * 85 + d) * 85 + e;
      if (value > MAX_GROUP) return null;
      out[length] = value >>> 24;
      out[length + 1] = value >>> 16;
      out[length + 2] = value >>> 8;
      out[length + 3] = value;
      length += 4;
    }
    length = target;
    at++;
  }
  return { bytes: out.subarray(0, length), next: end + 1 };
}

/** Where the empty line begins, or -1. */
function endOfBlock(text: Uint8Array, start: number): number {
  if (text[start] === NEWLINE) return start;
  const buffer = Buffer.from(text.buffer, text.byteOffset, text.byteLength);
  const found = buffer.indexOf('\n\n', start, 'latin1');
  return found < 0 ? -1 : found + 1;
}

function lineLength(letter: number): number {
  if (letter >= 65 && letter <= 90) return letter - 64;
  if (letter >= 97 && letter <= 122) return letter - 96 + 26;
  return 0;
}

export function encodeLines(bytes: Uint8Array): Buffer {
  const lines = Math.ceil(bytes.length / LINE_BYTES);
  const lastBytes = bytes.length - (lines - 1) * LINE_BYTES;
  const lineSize = 1 + (LINE_BYTES / 4) * 5 + 1;
  const size = lines === 0 ? 1 : (lines - 1) * lineSize + 2 + ((lastBytes + 3) >> 2) * 5 + 1;
  const out = Buffer.allocUnsafe(size);
  let to = 0;
  for (let from = 0; from < bytes.length; from += LINE_BYTES) {
    const count = Math.min(LINE_BYTES, bytes.length - from);
    out[to++] = count <= 26 ? 64 + count : 96 + count - 26;
    for (let at = from; at < from + count; at += 4) {
      let value =
        (((bytes[at] ?? 0) << 24) |
          ((bytes[at + 1] ?? 0) << 16) |
          ((bytes[at + 2] ?? 0) << 8) |
          (bytes[at + 3] ?? 0)) >>>
        0;
      for (let digit = 4; digit >= 0; digit--) {
        out[to + digit] = ENCODE[value % 85]!;
        value = Math.floor(value / 85);
      }
      to += 5;
    }
    out[to++] = NEWLINE;
  }
  out[to++] = NEWLINE;
  return out;
}
