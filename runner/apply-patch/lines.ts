/** A file as lines that remember their ends. Pure; text is bytes in a string (`latin1`). */

export interface Line {
  text: string;
  /** '\n', '\r\n', '\r' where a file has no other, or '' for a last line without one. */
  eol: string;
}

export const BOM = '\xef\xbb\xbf';

export interface TextFile {
  bom: string;
  lines: Line[];
}

export function splitLines(content: string): TextFile {
  const bom = content.startsWith(BOM) ? BOM : '';
  const lines: Line[] = [];
  // Before Mac OS X a line ended so; where there is any newline, a lone return is a part of its line.
  const end = content.includes('\n') || !content.includes('\r') ? '\n' : '\r';
  for (let at = bom.length; at < content.length;) {
    const newline = content.indexOf(end, at);
    if (newline < 0) {
      lines.push({ text: content.slice(at), eol: '' });
      break;
    }
    const hasCr = end === '\n' && newline > at && content[newline - 1] === '\r';
    lines.push({ text: content.slice(at, hasCr ? newline - 1 : newline), eol: hasCr ? '\r\n' : end });
    at = newline + 1;
  }
  return { bom, lines };
}

export function joinLines(file: TextFile): string {
  const parts = [file.bom];
  for (const line of file.lines) parts.push(line.text, line.eol);
  return parts.join('');
}

/** ASCII space only: in bytes, what looks like another space may be a part of a letter. */
export function trimmed(text: string): string {
  let start = 0;
  while (start < text.length && isSpace(text.charCodeAt(start))) start++;
  const right = trimmedRight(text);
  return start === 0 ? right : right.slice(start);
}

export function trimmedRight(text: string): string {
  let end = text.length;
  while (end > 0 && isSpace(text.charCodeAt(end - 1))) end--;
  return end === text.length ? text : text.slice(0, end);
}

function isSpace(code: number): boolean {
  return code === 32 || (code >= 9 && code <= 13 && code !== 10);
}
