/**
 * Where each hunk stands in a file as it is now. What the file would be by what is known (the base with
 * the hunks that are in it) is compared with what it is; every difference is an edit of somebody else's,
 * and a hunk that such an edit reaches is touched. A touched hunk may also have been put in or taken out
 * behind our back (the editor's undo, git): the other way round is tried once for all of them.
 * Nothing is guessed: a hunk counts only where all of its lines stand, and where that is the one place.
 */
import { difference, editsOf, type Edit } from './diff.ts';
import type { LineText } from './lines.ts';
import type { OpenText } from './text.ts';
import { reachesOf } from './reach.ts';
import type { LineRange, Located, Place, ReviewHunk } from './types.ts';
import type { Work } from './work.ts';

/** Where the lines of each hunk are in what is expected; `ids` are its lines'. */
export interface Expected {
  ids: Int32Array;
  starts: Int32Array;
  ends: Int32Array;
}

/** `inFile`: for each hunk, in order. `current`: looked up in the table of `text`. */
export function* locating(
  text: OpenText,
  hunks: readonly ReviewHunk[],
  inFile: readonly boolean[],
  current: LineText,
): Work<Located> {
  const first = yield* alignment(text, hunks, inFile, current);
  if (!first.places.some(({ touched }) => touched)) return first;
  const flipped = inFile.map((is, index) => (first.places[index]!.touched ? !is : is));
  const second = yield* alignment(text, hunks, flipped, current);
  const better = first.places.map((place, index) => place.touched && !second.places[index]!.touched);
  if (!better.includes(true)) return first;
  if (!second.places.some(({ touched }) => touched)) return second;
  // Some were only edited: these as they were known, the others as they were found.
  return yield* alignment(
    text,
    hunks,
    inFile.map((is, index) => (better[index] ? !is : is)),
    current,
  );
}

/** What the file would be if nobody else had edited it. */
export function expectedOf(
  text: OpenText,
  hunks: readonly ReviewHunk[],
  inFile: readonly boolean[],
): Expected {
  const { base, target } = text;
  const starts = new Int32Array(hunks.length);
  const ends = new Int32Array(hunks.length);
  let length = base.ids.length;
  for (const [index, hunk] of hunks.entries()) if (inFile[index]) length += hunk.new.count - hunk.old.count;
  const ids = new Int32Array(length);
  let [at, taken] = [0, 0];
  const copy = (from: Int32Array, start: number, end: number) => {
    ids.set(from.subarray(start, end), at);
    at += end - start;
  };
  for (const [index, hunk] of hunks.entries()) {
    copy(base.ids, taken, hunk.old.start);
    starts[index] = at;
    if (inFile[index]) copy(target.ids, hunk.new.start, hunk.new.start + hunk.new.count);
    else copy(base.ids, hunk.old.start, hunk.old.start + hunk.old.count);
    ends[index] = at;
    taken = hunk.old.start + hunk.old.count;
  }
  copy(base.ids, taken, base.ids.length);
  return { ids, starts, ends };
}

function* alignment(
  text: OpenText,
  hunks: readonly ReviewHunk[],
  inFile: readonly boolean[],
  current: LineText,
): Work<Located> {
  const expected = expectedOf(text, hunks, inFile);
  yield;
  const marks = yield* difference(expected.ids, current.ids);
  const edits = editsOf(marks);
  yield;
  const otherIsEmpty = hunks.map((hunk, index) => (inFile[index] ? hunk.old : hunk.new).count === 0);
  const reaches = reachesOf(edits, { ...expected, otherIsEmpty }, current.ids);
  yield;
  const places: Place[] = [];
  const once = lazily(() => unique(expected.ids, current.ids, text.table.size));
  let [passed, growth] = [0, 0];
  for (const [index, hunk] of hunks.entries()) {
    const [start, end] = [expected.starts[index]!, expected.ends[index]!];
    for (let edit = edits[passed]; edit && edit.a1 <= start; edit = edits[++passed]) {
      growth += edit.b1 - edit.b0 - (edit.a1 - edit.a0);
    }
    const reach = reaches[index]!;
    const range = { start: start + growth + reach.before, count: end - start };
    const ok =
      !reach.touched &&
      (range.count === 0 || stands(expected.ids, start, end, current.ids, range.start, once));
    places.push({
      id: hunk.id,
      inFile: inFile[index]!,
      touched: !ok,
      range: ok ? range : stretchAt(edits, start, end),
    });
  }
  return { places, gaveUp: marks.gaveUp };
}

/** All of the lines, next to a neighbour that is still theirs or with a line that there is only once. */
function stands(
  expected: Int32Array,
  start: number,
  end: number,
  current: Int32Array,
  at: number,
  once: () => (id: number) => boolean,
): boolean {
  const after = at + end - start;
  if (at < 0 || after > current.length) return false;
  for (let line = start; line < end; line++) {
    if (expected[line] !== current[at + line - start]) return false;
  }
  // At both ends of a list there is nothing: equal as well.
  if (expected[start - 1] === current[at - 1] || expected[end] === current[after]) return true;
  return expected.subarray(start, end).some((id) => once()(id));
}

function unique(expected: Int32Array, current: Int32Array, size: number): (id: number) => boolean {
  const counts = [expected, current].map((ids) => {
    const times = new Uint8Array(size);
    for (const id of ids) if (id >= 0 && times[id]! < 2) times[id]!++;
    return times;
  });
  return (id) => counts.every((times) => times[id] === 1);
}

function lazily<T>(make: () => T): () => T {
  let made: { value: T } | null = null;
  return () => (made ??= { value: make() }).value;
}

/** What stands in the current lines where the expected ones from `start` to `end` were. */
function stretchAt(edits: readonly Edit[], start: number, end: number): LineRange {
  const above = lastBefore(edits, start);
  const first = above === undefined ? start : above.a1 >= start ? above.b0 : above.b1 + start - above.a1;
  const below = lastBefore(edits, end + 1);
  const last = below === undefined ? end : below.a1 > end ? below.b1 : below.b1 + end - below.a1;
  return { start: first, count: Math.max(0, last - first) };
}

function lastBefore(edits: readonly Edit[], line: number): Edit | undefined {
  let [low, high] = [0, edits.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (edits[middle]!.a0 < line) low = middle + 1;
    else high = middle;
  }
  return edits[low - 1];
}
