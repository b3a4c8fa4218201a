/**
 * How a file's letters are written, so that what a patch adds is written the same way. Pure; text is
 * bytes in a string (`latin1`).
 *
 * A patch is UTF-8. A file in UTF-16 with a byte order mark is edited as UTF-8 and written as it was. A
 * file with single bytes that are no UTF-8 is taken as Windows-1252, of which Latin-1 is a part; what is
 * not changed stays byte for byte whatever it was.
 */
import { isUtf8 } from 'node:buffer';
import { toBytes, toText } from './bytes.ts';

export type Encoding = 'utf8' | 'utf16le' | 'utf16be' | 'windows1252' | 'binary';

/** 0x80 to 0x9f of Windows-1252; the others are their own code points. */
const WINDOWS_1252 = '€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ';

export function encodingOf(content: string): Encoding {
  for (const [mark, encoding] of [
    ['\xff\xfe', 'utf16le'],
    ['\xfe\xff', 'utf16be'],
  ] as const) {
    if (content.startsWith(mark)) {
      return encoded(decoded(content, encoding), encoding) === content ? encoding : 'binary';
    }
  }
  if (content.includes('\0')) return 'binary';
  if (/^[\x00-\x7f]*$/.test(content) || isUtf8(Buffer.from(content, 'latin1'))) return 'utf8';
  // UTF-8 with something broken in it is edited as bytes; nothing else has its long letters.
  const hasLongLetters = /[\xc2-\xdf][\x80-\xbf]|[\xe0-\xf4][\x80-\xbf]{2}/.test(content);
  return hasLongLetters ? 'utf8' : 'windows1252';
}

/** The file's text as a patch sees it. */
export function decoded(content: string, encoding: Encoding): string {
  if (encoding !== 'utf16le' && encoding !== 'utf16be') return content;
  return toBytes(swapped(Buffer.from(content, 'latin1'), encoding).toString('utf16le'));
}

export function encoded(text: string, encoding: Encoding): string {
  if (encoding !== 'utf16le' && encoding !== 'utf16be') return text;
  return swapped(Buffer.from(toText(text), 'utf16le'), encoding).toString('latin1');
}

/** A line of a patch as it would stand in the decoded file; null: the file cannot hold one of its letters. */
export function lineIn(encoding: Encoding, line: string): string | null {
  if (/^[\x00-\x7f]*$/.test(line)) return line;
  const isText = isUtf8(Buffer.from(line, 'latin1'));
  if (encoding === 'utf16le' || encoding === 'utf16be') return isText ? line : null;
  if (encoding !== 'windows1252' || !isText) return line;
  let bytes = '';
  for (const letter of toText(line)) {
    const code = letter.codePointAt(0) ?? 0;
    const special = WINDOWS_1252.indexOf(letter);
    if (special >= 0) bytes += String.fromCharCode(0x80 + special);
    else if (code < 0x80 || (code >= 0xa0 && code <= 0xff)) bytes += letter;
    else return null;
  }
  return bytes;
}

/** What a person calls it. */
export function encodingName(encoding: Encoding): string {
  switch (encoding) {
    case 'utf8':
      return 'UTF-8';
    case 'utf16le':
    case 'utf16be':
      return 'UTF-16';
    case 'windows1252':
      return 'Windows-1252';
    case 'binary':
      return 'binary';
  }
}

function swapped(bytes: Buffer, encoding: 'utf16le' | 'utf16be'): Buffer {
  if (encoding === 'utf16le' || bytes.length % 2 !== 0) return bytes;
  return Buffer.from(bytes).swap16();
}
