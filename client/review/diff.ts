/**
 * What differs between two lists of line numbers, in bounded time. In order: equal ends are cut off;
 * lines that only one side has are set aside, since they can match nothing; the rest is compared for the
 * shortest edit, and where that costs too much, divided first at lines that each side has once.
 */
import { Anchors } from './anchors.ts';
import { markShortest, type Budget, type Marks } from './myers.ts';
import { UNKNOWN } from './lines.ts';
import type { Work } from './work.ts';

/** a[a0..a1) was replaced by b[b0..b1); one of both may be empty. In order, and never touching. */
export interface Edit {
  a0: number;
  a1: number;
  b0: number;
  b1: number;
}

export interface Difference extends Marks {
  /** The budget ended it: a part counts as replaced though lines in it may be equal. */
  gaveUp: boolean;
}

/** About a tenth of a second: what people write is compared with far less, a hostile text never ends. */
const MAX_STEPS = 10_000_000;
/** The shortest edit is tried first with this for each line, and at least so much. */
const FIRST_TRY = { perLine: 8, least: 2_000_000 };
const STEPS_PER_ANCHORED_LINE = 4;

export function* difference(a: Int32Array, b: Int32Array, steps = MAX_STEPS): Work<Difference> {
  const marks = { a: new Uint8Array(a.length), b: new Uint8Array(b.length) };
  let start = 0;
  let [endA, endB] = [a.length, b.length];
  while (start < endA && start < endB && a[start] === b[start] && a[start] !== UNKNOWN) start++;
  while (endA > start && endB > start && a[endA - 1] === b[endB - 1] && a[endA - 1] !== UNKNOWN) {
    endA--;
    endB--;
  }
  yield;
  const [left, right] = common(a, b, start, endA, endB, marks);
  yield;
  const gaveUp = !(yield* compare(left, right, marks, steps));
  return { ...marks, gaveUp };
}

interface Side {
  ids: Int32Array;
  /** Where each of them stands in the whole list. */
  at: Int32Array;
}

/** The lines of both ranges that the other has too; the others are marked. */
function common(
  a: Int32Array,
  b: Int32Array,
  start: number,
  endA: number,
  endB: number,
  marks: Marks,
): [Side, Side] {
  let most = -1;
  for (let index = start; index < endA; index++) most = Math.max(most, a[index]!);
  for (let index = start; index < endB; index++) most = Math.max(most, b[index]!);
  const has = new Uint8Array(most + 1);
  for (let index = start; index < endA; index++) if (a[index] !== UNKNOWN) has[a[index]!]! |= 1;
  for (let index = start; index < endB; index++) if (b[index] !== UNKNOWN) has[b[index]!]! |= 2;
  const side = (ids: Int32Array, end: number, mark: Uint8Array): Side => {
    const kept = new Int32Array(end - start);
    const at = new Int32Array(end - start);
    let length = 0;
    for (let index = start; index < end; index++) {
      const id = ids[index]!;
      if (id === UNKNOWN || has[id] !== 3) mark[index] = 1;
      else {
        kept[length] = id;
        at[length++] = index;
      }
    }
    return { ids: kept.subarray(0, length), at: at.subarray(0, length) };
  };
  return [side(a, endA, marks.a), side(b, endB, marks.b)];
}

type Range = readonly [number, number, number, number];

function* compare(a: Side, b: Side, marks: Marks, steps: number): Work<boolean> {
  const all: Range = [0, a.ids.length, 0, b.ids.length];
  const tries = Math.max(FIRST_TRY.least, FIRST_TRY.perLine * (a.ids.length + b.ids.length));
  const found: [number[], number[]] = [[], []];
  const note = { a: (index: number) => found[0].push(index), b: (index: number) => found[1].push(index) };
  if (yield* markShortest(a.ids, b.ids, all, note, { steps: Math.min(steps, tries) })) {
    for (const index of found[0]) marks.a[a.at[index]!] = 1;
    for (const index of found[1]) marks.b[b.at[index]!] = 1;
    return true;
  }
  const mark = {
    a: (index: number) => (marks.a[a.at[index]!] = 1),
    b: (index: number) => (marks.b[b.at[index]!] = 1),
  };
  const budget: Budget = { steps };
  const anchors = new Anchors(a.ids, b.ids);
  let whole = true;
  const open: Range[] = [all];
  for (let range = open.pop(); range !== undefined; range = open.pop()) {
    const [a0, a1, b0, b1] = range;
    budget.steps -= STEPS_PER_ANCHORED_LINE * (a1 - a0 + b1 - b0);
    const { pairs, common } = budget.steps < 0 ? { pairs: [], common: true } : yield* anchors.find(range);
    yield;
    if (pairs.length === 0) {
      // Lines that have nothing in common cost the most to compare, and there is nothing to find.
      const limit = common ? budget : { steps: 0 };
      if (!(yield* markShortest(a.ids, b.ids, range, mark, limit)) && common) whole = false;
      continue;
    }
    let [fromA, fromB] = [a0, b0];
    for (const [atA, atB] of [...pairs, [a1, b1] as const]) {
      if (atA > fromA || atB > fromB) open.push([fromA, atA, fromB, atB]);
      [fromA, fromB] = [atA + 1, atB + 1];
    }
  }
  return whole;
}

/** Marks as edits. Between two edits both lists have the same lines. */
export function editsOf({ a, b }: Marks): Edit[] {
  const edits: Edit[] = [];
  let [atA, atB] = [0, 0];
  while (atA < a.length || atB < b.length) {
    const [a0, b0] = [atA, atB];
    while (a[atA] === 1) atA++;
    while (b[atB] === 1) atB++;
    if (atA > a0 || atB > b0) edits.push({ a0, a1: atA, b0, b1: atB });
    else [atA, atB] = [atA + 1, atB + 1];
  }
  return edits;
}

/**
 * Moves each stretch of marked lines as far down as equal lines let it, or to where the other side has
 * a stretch too: the place that git gives it, and the one that tells most about what belongs together.
 */
export function* settle(a: Int32Array, b: Int32Array, marks: Marks): Work<void> {
  slide(a, marks.a, hasStretch(marks.b));
  yield;
  slide(b, marks.b, hasStretch(marks.a));
  yield;
}

/** Whether a stretch of marked lines stands after so many unmarked ones. */
function hasStretch(mark: Uint8Array): Uint8Array {
  const has = new Uint8Array(mark.length + 1);
  let kept = 0;
  for (const marked of mark) {
    if (marked === 1) has[kept] = 1;
    else kept++;
  }
  return has;
}

function slide(ids: Int32Array, mark: Uint8Array, others: Uint8Array): void {
  let kept = 0;
  for (let at = 0; at < ids.length;) {
    if (mark[at] === 0) {
      at++;
      kept++;
      continue;
    }
    let [start, end] = [at, at];
    while (mark[end] === 1) end++;
    const up = () => {
      mark[--start] = 1;
      mark[--end] = 0;
      kept--;
      while (start > 0 && mark[start - 1] === 1) start--;
    };
    let beside = -1;
    let size: number;
    do {
      size = end - start;
      while (start > 0 && ids[start - 1] === ids[end - 1]) up();
      beside = others[kept] === 1 ? end : -1;
      while (end < ids.length && ids[start] === ids[end]) {
        mark[start++] = 0;
        mark[end++] = 1;
        kept++;
        while (mark[end] === 1) end++;
        if (others[kept] === 1) beside = end;
      }
    } while (size !== end - start);
    if (beside >= 0) while (end > beside) up();
    at = end;
  }
}
