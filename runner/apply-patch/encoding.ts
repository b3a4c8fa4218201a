/**
 * How a file's letters are written, so that what a patch adds is written the same way. Pure; text is
 * bytes in a string (`latin1`).
 *
 * A patch is UTF-8. A file in UTF-16 with a byte order mark is edited as UTF-8 and written as it was. A
 * file with single bytes that are no UTF-8 is taken as Windows-1252, of which Latin-1 is a part; what is
 * not changed stays byte for byte whatever it was.
 */
import { isAscii, isUtf8 } from 'node:buffer';
import { toBytes, toText } from './bytes.ts';

export type Encoding = 'utf8' | 'utf16le' | 'utf16be' | 'windows1252' | 'binary';

/** 0x80 to 0x9f of Windows-1252; the others are their own code points. */
const WINDOWS_1252 = '€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ';

export function encodingOf(content: string): Encoding {
  const mark = content.slice(0, 2);
  const utf16 = mark === '\xff\xfe' ? 'utf16le' : mark === '\xfe\xff' ? 'utf16be' : null;
  // Half a letter could not be kept.
  if (utf16 !== null)
    return content.length % 2 === 0 && utf16Text(content, utf16).isWellFormed() ? utf16 : 'binary';
  if (content.includes('\0')) return 'binary';
  const bytes = Buffer.from(content, 'latin1');
  if (isAscii(bytes) || isUtf8(bytes)) return 'utf8';
  // UTF-8 with something broken in it is edited as bytes; nothing else has its long letters.
  const hasLongLetters = /[\xc2-\xdf][\x80-\xbf]|[\xe0-\xf4][\x80-\xbf]{2}/.test(content);
  return hasLongLetters ? 'utf8' : 'windows1252';
}

/** The file's text as a patch sees it. */
export function decoded(content: string, encoding: Encoding): string {
  if (encoding !== 'utf16le' && encoding !== 'utf16be') return content;
  return toBytes(utf16Text(content, encoding));
}

function utf16Text(content: string, encoding: 'utf16le' | 'utf16be'): string {
  return swapped(Buffer.from(content, 'latin1'), encoding).toString('utf16le');
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
  return encoding === 'utf16le' ? bytes : Buffer.from(bytes).swap16();
}
