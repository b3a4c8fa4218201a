/**
 * A text as lines that remember their ends, without taking it apart: a large file is mostly copied. Pure;
 * text is bytes in a string (`latin1`).
 */

export const BOM = '\xef\xbb\xbf';

const NEWLINE = 10;
const RETURN = 13;

export class TextFile {
  readonly content: string;
  readonly bom: string;
  readonly length: number;
  /** Where each line starts, and at last where the text ends. */
  readonly starts: Int32Array;
  readonly #end: '\n' | '\r';

  constructor(content: string) {
    this.content = content;
    this.bom = content.startsWith(BOM) ? BOM : '';
    // Before Mac OS X a line ended so; where there is any newline, a lone return is a part of its line.
    this.#end = content.includes('\n') || !content.includes('\r') ? '\n' : '\r';
    const starts: number[] = [];
    for (let at = this.bom.length; at < content.length;) {
      starts.push(at);
      const newline = content.indexOf(this.#end, at);
      at = newline < 0 ? content.length : newline + 1;
    }
    this.length = starts.length;
    starts.push(Math.max(content.length, this.bom.length));
    this.starts = Int32Array.from(starts);
  }

  start(line: number): number {
    return this.starts[line] ?? this.content.length;
  }

  /** Where the line's text ends and its end begins. */
  textEnd(line: number): number {
    const start = this.start(line);
    const next = this.start(line + 1);
    if (next === start) return next;
    const last = this.content.charCodeAt(next - 1);
    if (last !== NEWLINE) return last === RETURN && this.#end === '\r' ? next - 1 : next;
    return next - 1 > start && this.content.charCodeAt(next - 2) === RETURN ? next - 2 : next - 1;
  }

  text(line: number): string {
    return this.content.slice(this.start(line), this.textEnd(line));
  }

  /** '\n', '\r\n', '\r' where a file has no other, or '' for a last line without one. */
  eol(line: number): string {
    return this.content.slice(this.textEnd(line), this.start(line + 1));
  }

  /** How a line ends where no neighbour tells. */
  usualEol(): string {
    return (this.length > 0 && this.eol(0)) || '\n';
  }

  /** The lines from `from` to before `to`, with their ends. */
  slice(from: number, to: number): string {
    return this.content.slice(this.start(from), this.start(to));
  }
}

/** ASCII space only: in bytes, what looks like another space may be a part of a letter. */
export function isSpace(code: number): boolean {
  return code === 32 || (code >= 9 && code <= 13 && code !== NEWLINE);
}

export function trimmed(text: string): string {
  const right = trimmedRight(text);
  let start = 0;
  while (start < right.length && isSpace(right.charCodeAt(start))) start++;
  return right.slice(start);
}

export function trimmedRight(text: string): string {
  let end = text.length;
  while (end > 0 && isSpace(text.charCodeAt(end - 1))) end--;
  return text.slice(0, end);
}
