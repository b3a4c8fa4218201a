/**
 * Which hunks an edit reaches. An edit has no one place where lines repeat: a blank line added to two
 * may be the first or the last of three. So each edit counts wherever equal lines let it slide, and a
 * hunk is touched if its lines could be meant in any of these readings.
 */
import type { Edit } from './diff.ts';
import { UNKNOWN } from './lines.ts';

export interface Sides {
  /** What was expected, and where each hunk's lines are in it. */
  ids: Int32Array;
  starts: Int32Array;
  ends: Int32Array;
  /** Whether the hunk's other side has no line, so that to decide is only to take lines out. */
  otherIsEmpty: readonly boolean[];
}

export interface Reach {
  touched: boolean;
  /** Lines of edits that start within the hunk and are read as standing before it. */
  before: number;
}

/** Comparisons in the search for a second place, together: more is a hostile text. */
const MAX_COMPARISONS = 5_000_000;

export function reachesOf(edits: readonly Edit[], sides: Sides, current: Int32Array): Reach[] {
  const reaches = Array.from(sides.starts, (): Reach => ({ touched: false, before: 0 }));
  const budget = { comparisons: MAX_COMPARISONS };
  let growth = 0;
  for (const [index, edit] of edits.entries()) {
    const [removed, inserted] = [edit.a1 - edit.a0, edit.b1 - edit.b0];
    const { low, high } = slideOf(edit, edits[index - 1], edits[index + 1], sides.ids, current);
    for (let at = firstReached(sides.ends, low); at < reaches.length; at++) {
      const [start, end] = [sides.starts[at]!, sides.ends[at]!];
      if (start > high + removed) break;
      const reach = reaches[at]!;
      const isBefore = edit.a1 <= start || (removed === 0 && edit.a0 < end && low <= start);
      if (start === end) reach.touched = true;
      else if (removed > 0) reach.touched ||= low < end && high + removed > start;
      else if (low > start && high < end) reach.touched = true;
      else if (isBefore && edit.a0 > start) reach.before += inserted;
      if (reach.touched || inserted === 0) continue;
      // Next to the hunk: a copy of its lines there would be as good as these.
      const place = start + growth + reach.before + (edit.a1 <= start ? inserted - removed : 0);
      const beside: [number, number] = isBefore
        ? [place - inserted, place + end - start]
        : [place, place + end - start + inserted];
      reach.touched = hasSecond(sides, at, current, place, beside, budget);
    }
    growth += inserted - removed;
  }
  return reaches;
}

/** The first hunk that ends at or after a line. */
function firstReached(ends: Int32Array, line: number): number {
  let [low, high] = [0, ends.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ends[middle]! < line) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The lowest and highest line at which the edit can be read, not beyond its neighbours. */
function slideOf(
  edit: Edit,
  previous: Edit | undefined,
  next: Edit | undefined,
  expected: Int32Array,
  current: Int32Array,
): { low: number; high: number } {
  const { a0, a1, b0, b1 } = edit;
  if (a1 > a0 && b1 > b0) return { low: a0, high: a0 };
  const [ids, from, to] = a1 > a0 ? [expected, a0, a1] : [current, b0, b1];
  const upMost = a0 - (previous?.a1 ?? 0);
  const downMost = (next?.a0 ?? expected.length) - a1;
  let [up, down] = [0, 0];
  while (up < upMost && ids[from - 1 - up] === ids[to - 1 - up]) up++;
  while (down < downMost && ids[from + down] === ids[to + down]) down++;
  return { low: a0 - up, high: a0 + down };
}

/** Whether the hunk's lines stand a second time in this stretch, and it matters which are meant. */
function hasSecond(
  sides: Sides,
  hunk: number,
  current: Int32Array,
  place: number,
  [from, to]: [number, number],
  budget: { comparisons: number },
): boolean {
  const [start, end] = [sides.starts[hunk]!, sides.ends[hunk]!];
  for (let other = from; other + end - start <= to; other++) {
    if (other === place) continue;
    let line = start;
    while (line < end && current[other + line - start] === sides.ids[line]) line++;
    budget.comparisons -= line - start + 1;
    if (budget.comparisons < 0) return true;
    if (line < end) continue;
    if (!sides.otherIsEmpty[hunk] || !sameWithout(current, place, other, end - start, budget)) return true;
  }
  return false;
}

/** Whether taking `count` lines out at either place leaves the same. */
function sameWithout(
  ids: Int32Array,
  one: number,
  two: number,
  count: number,
  budget: { comparisons: number },
): boolean {
  const [first, second] = [Math.min(one, two), Math.max(one, two)];
  for (let line = first; line < second; line++) {
    if (--budget.comparisons < 0 || ids[line] === UNKNOWN || ids[line] !== ids[line + count]) return false;
  }
  return true;
}
