/**
 * Lines that stand once in each of two ranges are most likely the same lines. As many of them as are in
 * the same order on both sides ("patience") divide a comparison that would cost too much as a whole.
 */

import type { Work } from './work.ts';

const NOWHERE = -1;
const AGAIN = -2;

interface Found {
  /** Places on both sides, in order. */
  pairs: [number, number][];
  /** Whether the ranges have any line in common at all. */
  common: boolean;
}

export class Anchors {
  readonly #a: Int32Array;
  readonly #b: Int32Array;
  /** Where each line stands in the range that is looked at; everything is NOWHERE between two looks. */
  readonly #inA: Int32Array;
  readonly #inB: Int32Array;

  constructor(a: Int32Array, b: Int32Array) {
    let most = -1;
    for (const id of a) most = Math.max(most, id);
    for (const id of b) most = Math.max(most, id);
    this.#a = a;
    this.#b = b;
    this.#inA = new Int32Array(most + 1).fill(NOWHERE);
    this.#inB = new Int32Array(most + 1).fill(NOWHERE);
  }

  *find([a0, a1, b0, b1]: readonly [number, number, number, number]): Work<Found> {
    note(this.#inA, this.#a, a0, a1);
    note(this.#inB, this.#b, b0, b1);
    let common = false;
    const once: [number, number][] = [];
    for (let index = a0; index < a1; index++) {
      const id = this.#a[index]!;
      if (this.#inB[id] !== NOWHERE) common = true;
      if (this.#inA[id]! >= 0 && this.#inB[id]! >= 0) once.push([index, this.#inB[id]!]);
    }
    for (let index = a0; index < a1; index++) this.#inA[this.#a[index]!] = NOWHERE;
    for (let index = b0; index < b1; index++) this.#inB[this.#b[index]!] = NOWHERE;
    yield;
    return { pairs: longestRising(once), common };
  }
}

function note(places: Int32Array, ids: Int32Array, from: number, to: number): void {
  for (let index = from; index < to; index++) {
    const id = ids[index]!;
    places[id] = places[id] === NOWHERE ? index : AGAIN;
  }
}

/** Of pairs in the order of their first number, the most whose second numbers rise too. */
function longestRising(pairs: [number, number][]): [number, number][] {
  // Patience sorting: `tops` has the pair on top of each pile, `below` for each pair the one it rests on.
  const tops: number[] = [];
  const below = new Int32Array(pairs.length);
  for (const [index, [, second]] of pairs.entries()) {
    let [low, high] = [0, tops.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (pairs[tops[middle]!]![1] < second) low = middle + 1;
      else high = middle;
    }
    below[index] = low > 0 ? tops[low - 1]! : NOWHERE;
    tops[low] = index;
  }
  const rising: [number, number][] = [];
  for (let at = tops.at(-1) ?? NOWHERE; at !== NOWHERE; at = below[at]!) rising.push(pairs[at]!);
  return rising.reverse();
}
