/** The part of a text that an edit has to replace. Pure. */

/** What differs, without what is the same at both ends: the caret and folds elsewhere stay. */
export function smallestChange(
  before: string,
  after: string,
): { start: number; end: number; text: string } | null {
  if (before === after) return null;
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && before[start] === after[start]) start++;
  // Never between the two halves of a line end or of a character.
  while (start > 0 && splits(before, start)) start--;
  let tail = 0;
  while (tail < shorter - start && before[before.length - 1 - tail] === after[after.length - 1 - tail])
    tail++;
  while (tail > 0 && (splits(before, before.length - tail) || splits(after, after.length - tail))) tail--;
  return { start, end: before.length - tail, text: after.slice(start, after.length - tail) };
}

function splits(text: string, at: number): boolean {
  const before = text.charCodeAt(at - 1);
  const next = text.charCodeAt(at);
  const lineEnds = before === 13 && next === 10;
  const surrogates = before >= 0xd800 && before <= 0xdbff && next >= 0xdc00 && next <= 0xdfff;
  return lineEnds || surrogates;
}
