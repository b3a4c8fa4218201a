/** Names of files in patches: bytes, `WirePath`s, and git's C-style quoting. */
import type { WirePath } from './types.ts';

const ESCAPES: Record<string, number> = { a: 7, b: 8, t: 9, n: 10, v: 11, f: 12, r: 13, '"': 34, '\\': 92 };
const ESCAPE_OF = new Map(Object.entries(ESCAPES).map(([letter, byte]) => [byte, letter]));

const QUOTE = 34;
const BACKSLASH = 92;

export function pathFromBytes(bytes: Uint8Array): WirePath {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const path = buffer.toString('utf8');
  // Only a replacement character can hide a byte that was not UTF-8.
  if (path.includes('\ufffd') && !Buffer.from(path, 'utf8').equals(buffer)) {
    return { path, bytes: buffer.toString('base64') };
  }
  return { path };
}

export function bytesOfPath(path: WirePath): Buffer {
  return path.bytes === undefined ? Buffer.from(path.path, 'utf8') : Buffer.from(path.bytes, 'base64');
}

/** Equal keys are equal names. A name that is not UTF-8 gets a key that no other name can have. */
export function pathKey(path: WirePath): string {
  return path.bytes === undefined ? path.path : `\0${path.bytes}`;
}

/** `"a\303\244"` with its quotes → bytes, or null when it is not quoted as git does. */
export function unquote(text: Uint8Array): Buffer | null {
  if (text.length < 2 || text[0] !== QUOTE || text[text.length - 1] !== QUOTE) return null;
  const end = text.length - 1;
  const out = Buffer.alloc(end);
  let length = 0;
  for (let at = 1; at < end; at++) {
    const byte = text[at]!;
    if (byte === QUOTE) return null;
    if (byte !== BACKSLASH) {
      out[length++] = byte;
      continue;
    }
    const next = text[++at];
    if (next === undefined || at >= end) return null;
    if (next >= 48 && next <= 51) {
      const [second, third] = [text[at + 1] ?? 0, text[at + 2] ?? 0];
      if (second < 48 || second > 55 || third < 48 || third > 55 || at + 2 >= end) return null;
      out[length++] = ((next - 48) << 6) | ((second - 48) << 3) | (third - 48);
      at += 2;
      continue;
    }
    const escaped = ESCAPES[String.fromCharCode(next)];
    if (escaped === undefined) return null;
    out[length++] = escaped;
  }
  return out.subarray(0, length);
}

/** The name as git writes it, quoted only where it must be. */
export function quote(name: Uint8Array, quotePath: boolean): Buffer {
  const buffer = Buffer.from(name.buffer, name.byteOffset, name.byteLength);
  if (!buffer.some((byte) => mustQuote(byte, quotePath))) return buffer;
  const parts: string[] = ['"'];
  for (const byte of buffer) {
    const letter = ESCAPE_OF.get(byte);
    if (letter !== undefined) parts.push('\\', letter);
    else if (mustQuote(byte, quotePath)) parts.push('\\', byte.toString(8).padStart(3, '0'));
    else parts.push(String.fromCharCode(byte));
  }
  parts.push('"');
  return Buffer.from(parts.join(''), 'latin1');
}

function mustQuote(byte: number, quotePath: boolean): boolean {
  return byte < 32 || byte === QUOTE || byte === BACKSLASH || byte === 127 || (quotePath && byte > 127);
}
