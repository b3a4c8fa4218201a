/**
 * The shortest edit between two lists of numbers, after Myers, "An O(ND) Difference Algorithm and Its
 * Variations" (1986): the middle of a shortest path is found from both ends in linear space, then both
 * halves the same way. Ties are broken as git breaks them (the path furthest in the first list goes
 * first), so that a merge finds the conflicts that git finds.
 */
import { STEPS_PER_PAUSE, type Work } from './work.ts';

/** What a comparison may cost, in steps of some nanoseconds, shared by all its parts. */
export interface Budget {
  steps: number;
}

export interface Marks {
  /** 1 for each line of the first list that is removed, of the second that is inserted. */
  a: Uint8Array;
  b: Uint8Array;
}

/** Marks what differs between a[a0..a1) and b[b0..b1); false where the budget ended it. */
export function* markShortest(
  a: Int32Array,
  b: Int32Array,
  [a0, a1, b0, b1]: readonly [number, number, number, number],
  mark: { a(index: number): void; b(index: number): void },
  budget: Budget,
): Work<boolean> {
  const size = a1 - a0 + (b1 - b0) + 3;
  const forward = new Int32Array(size);
  const backward = new Int32Array(size);
  const open: [number, number, number, number][] = [[a0, a1, b0, b1]];
  let whole = true;
  for (let range = open.pop(); range !== undefined; range = open.pop()) {
    let [fromA, toA, fromB, toB] = range;
    while (fromA < toA && fromB < toB && a[fromA] === b[fromB]) [fromA, fromB] = [fromA + 1, fromB + 1];
    while (fromA < toA && fromB < toB && a[toA - 1] === b[toB - 1]) [toA, toB] = [toA - 1, toB - 1];
    const middle =
      fromA === toA || fromB === toB
        ? null
        : yield* middleOf(a, b, fromA, toA, fromB, toB, forward, backward, budget);
    if (middle === null) {
      if (fromA < toA && fromB < toB) whole = false;
      for (let index = fromA; index < toA; index++) mark.a(index);
      for (let index = fromB; index < toB; index++) mark.b(index);
      continue;
    }
    const [atA, atB] = middle;
    open.push([fromA, atA, fromB, atB], [atA, toA, atB, toB]);
  }
  return whole;
}

/** A point on a shortest path, about in its middle; null when the budget is used up. */
function* middleOf(
  a: Int32Array,
  b: Int32Array,
  a0: number,
  a1: number,
  b0: number,
  b1: number,
  forward: Int32Array,
  backward: Int32Array,
  budget: Budget,
): Work<[number, number] | null> {
  // Diagonal k holds the points with (place in a) - (place in b) = k; arrays begin at the lowest.
  const [lowest, highest] = [a0 - b1, a1 - b0];
  const at = 1 - lowest;
  const [first, last] = [a0 - b0, a1 - b1];
  const odd = ((first - last) & 1) !== 0;
  let [fLow, fHigh, bLow, bHigh] = [first, first, last, last];
  forward[at + first] = a0;
  backward[at + last] = a1;
  let pause = budget.steps - STEPS_PER_PAUSE;
  for (;;) {
    if (fLow > lowest) forward[at + --fLow - 1] = -1;
    else fLow++;
    if (fHigh < highest) forward[at + ++fHigh + 1] = -1;
    else fHigh--;
    for (let k = fHigh; k >= fLow; k -= 2) {
      const [below, above] = [forward[at + k - 1]!, forward[at + k + 1]!];
      let x = below >= above ? below + 1 : above;
      const start = x;
      while (x < a1 && x - k < b1 && a[x] === b[x - k]) x++;
      budget.steps -= 1 + x - start;
      forward[at + k] = x;
      if (odd && bLow <= k && k <= bHigh && backward[at + k]! <= x) return [x, x - k];
    }
    if (bLow > lowest) backward[at + --bLow - 1] = a1 + 1;
    else bLow++;
    if (bHigh < highest) backward[at + ++bHigh + 1] = a1 + 1;
    else bHigh--;
    for (let k = bHigh; k >= bLow; k -= 2) {
      const [below, above] = [backward[at + k - 1]!, backward[at + k + 1]!];
      let x = below < above ? below : above - 1;
      const start = x;
      while (x > a0 && x - k > b0 && a[x - 1] === b[x - 1 - k]) x--;
      budget.steps -= 1 + start - x;
      backward[at + k] = x;
      if (!odd && fLow <= k && k <= fHigh && x <= forward[at + k]!) return [x, x - k];
    }
    if (budget.steps < 0) return null;
    if (budget.steps < pause) {
      pause = budget.steps - STEPS_PER_PAUSE;
      yield;
    }
  }
}
