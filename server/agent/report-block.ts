/**
 * The block that a model ends its answer with, found by its lines: in a whole text, and in one that is
 * still being written, so that none of it is seen on the way. Pure.
 *
 * A block is a fence whose first word is `codex-report`. Inside another fence it is text like any other.
 */

export interface SplitText {
  /** Without the blocks. */
  text: string;
  /** What stood in each, in order. */
  blocks: string[];
}

export function splitReport(whole: string): SplitText {
  const reader = new FenceReader();
  const kept: string[] = [];
  const blocks: string[][] = [];
  for (const line of whole.split('\n')) {
    switch (reader.next(line)) {
      case 'text':
        kept.push(line);
        break;
      case 'open':
        blocks.push([]);
        break;
      case 'inside':
        blocks.at(-1)?.push(line);
        break;
      case 'close':
        break;
    }
  }
  if (blocks.length === 0) return { text: whole, blocks: [] };
  return { text: kept.join('\n').trimEnd(), blocks: blocks.map((lines) => lines.join('\n')) };
}

/** Passes on what is written but for the blocks; holds back only a line that may yet become one's first. */
export class ReportFilter {
  readonly #reader = new FenceReader();
  /** The line that is being written, and how much of it is out. */
  #line = '';
  #sent = 0;

  push(piece: string): string {
    let out = '';
    const lines = piece.split('\n');
    for (const [index, part] of lines.entries()) {
      this.#line += part;
      if (index < lines.length - 1) out += this.#endLine();
    }
    return out + this.#partOfLine();
  }

  #endLine(): string {
    const line = this.#line;
    const rest = line.slice(this.#sent);
    this.#line = '';
    this.#sent = 0;
    return this.#reader.next(line) === 'text' ? `${rest}\n` : '';
  }

  #partOfLine(): string {
    if (this.#reader.inReport || mayOpen(this.#line)) return '';
    const rest = this.#line.slice(this.#sent);
    this.#sent = this.#line.length;
    return rest;
  }
}

interface Fence {
  char: string;
  length: number;
  report: boolean;
}

const FENCE = /^ {0,3}(`{3,}|~{3,})[ \t]*(.*)$/;
const NAME = 'codex-report';

class FenceReader {
  #open: Fence | null = null;

  get inReport(): boolean {
    return this.#open?.report === true;
  }

  next(line: string): 'text' | 'open' | 'inside' | 'close' {
    const [, marks = '', rest = ''] = FENCE.exec(line.replace(/\r$/, '')) ?? [];
    const open = this.#open;
    if (open) {
      const closes = marks.startsWith(open.char) && marks.length >= open.length && rest.trim() === '';
      if (closes) this.#open = null;
      if (!open.report) return 'text';
      return closes ? 'close' : 'inside';
    }
    // Backticks after the opening ones: text in a line of its own, no fence.
    if (marks === '' || (marks.startsWith('`') && rest.includes('`'))) return 'text';
    const report = rest.split(/[\s{]/, 1)[0]?.toLowerCase() === NAME;
    this.#open = { char: marks.slice(0, 1), length: marks.length, report };
    return report ? 'open' : 'text';
  }
}

/** Whether a line that begins so could be a block's first. Its name may be complete and the line not yet. */
function mayOpen(start: string): boolean {
  const [, marks = '', rest = ''] = /^ {0,3}([`~]*)[ \t]*(.*)$/.exec(start) ?? [];
  if (rest === '') return start.trim() === '' ? start.length <= 3 && start !== '' : true;
  if (marks.length < 3) return false;
  const word = rest.toLowerCase();
  return NAME.startsWith(word) || word.startsWith(NAME);
}
