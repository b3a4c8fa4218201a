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

function randomMark(): string {
  return randomBytes(MARK_BYTES).toString('hex');
}
