/**
 * Words of others in what the model reads: a comment, an issue, a page. They stand between two lines with a mark that
 * nobody who wrote them could know, so that no text ends its place and goes on as if it were the person's, or ours.
 */
import { randomBytes } from 'node:crypto';

const MARK_BYTES = 12;

/** One for everything in a message: in none of these texts, and in no other message. */
export function newMark(texts: readonly string[], random = randomMark): string {
  for (;;) {
    const mark = random();
    if (!texts.some((text) => text.includes(mark))) return mark;
  }
}

/** `what` is in our words alone: what stands outside of the two lines is believed. */
export function quoted(mark: string, what: string, text: string): string {
  return `[${mark}: ${what} begins]\n${text}\n[${mark}: ${what} ends]`;
}

const BEGINS = new RegExp(`^\\[([0-9a-f]{${2 * MARK_BYTES}}): (.*) begins\\]$`, 'gm');

/** Without what others wrote: for what is done with somebody's access because they said so. */
export function ownWords(text: string): string {
  const own: string[] = [];
  let from = 0;
  for (const { index, 0: begin, 1: mark = '', 2: what = '' } of text.matchAll(BEGINS)) {
    // Inside of one it is a word of theirs.
    if (index < from) continue;
    own.push(text.slice(from, index));
    const end = `\n[${mark}: ${what} ends]`;
    const at = text.indexOf(end, index + begin.length);
    from = at === -1 ? text.length : at + end.length;
  }
  return [...own, text.slice(from)].join('\n');
}

function randomMark(): string {
  return randomBytes(MARK_BYTES).toString('hex');
}
