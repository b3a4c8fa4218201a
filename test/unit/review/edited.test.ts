import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  change,
  compare,
  follow,
  look,
  merge,
  wish,
  type Compared,
  type LineEdit,
  type ReviewState,
} from '../../../client/review/index.ts';
import { seeded, type Random } from '../../support/random.ts';
import { randomPair, type Pair } from './texts.ts';

/** Files in which somebody else writes too. The texts are small and repeat lines, where it is hardest. */
const PAIRS = 1_500;
const MANY = 1_000_000;

interface Opened extends Compared {
  pair: Pair;
}

function opened(random: Random, alphabet?: number): Opened {
  for (;;) {
    const pair = randomPair(random, alphabet);
    const compared = compare(pair.base, pair.target, 'f');
    if (compared.hunks.length > 0) return { ...compared, pair };
  }
}

function stateOf({ hunks }: Opened, inFile: (index: number) => boolean): ReviewState {
  const items = hunks.map(({ id }, index) => wish(id, inFile(index) ? 'accepted' : 'rejected'));
  return { splits: [], items };
}

/** The file as it is in this state when nobody else wrote in it. */
function fileIn(one: Opened, state: ReviewState): Buffer {
  const start = stateOf(one, () => false);
  const done = change(one.text, one.hunks, start, one.pair.base, state.items);
  assert.deepEqual(done.refused, []);
  return Buffer.from(done.bytes);
}

const linesIn = (bytes: Buffer) => bytes.toString('latin1').match(/[^\n]*\n|[^\n]+$/g) ?? [];
const bytesIn = (lines: string[]) => Buffer.from(lines.join(''), 'latin1');

/** A few lines added, removed or changed anywhere, some of them copies of others. */
function edited(random: Random, bytes: Buffer, copies = 0.3, seen?: (edit: LineEdit) => void): Buffer {
  const lines = linesIn(bytes);
  for (let times = 1 + random.below(3); times > 0; times--) {
    const start = random.below(lines.length + 1);
    const copied =
      lines.length > 0 && random.chance(copies) ? random.pick(lines) : `mine ${random.below(3)}\n`;
    const removed = Math.min(random.below(2), lines.length - start);
    const added = random.chance(0.3) ? [] : [copied.endsWith('\n') ? copied : `${copied}\n`];
    lines.splice(start, removed, ...added);
    seen?.({ start, removed, inserted: added.length });
  }
  return bytesIn(lines);
}

test('what others put in or took out is seen, or said to be unclear', () => {
  const random = seeded(11);
  let unclear = 0;
  for (let round = 0; round < PAIRS; round++) {
    const one = opened(random);
    const known = stateOf(one, () => random.chance(0.5));
    const real = fileIn(
      one,
      stateOf(one, () => random.chance(0.5)),
    );
    const { located, state } = look(one.text, one.hunks, known, real);
    if (located.places.some(({ touched }) => touched)) unclear++;
    else assert.deepEqual(fileIn(one, state), real);
    for (const [index, item] of state.items.entries()) {
      if (item.inFile !== known.items[index]!.inFile) assert.equal(item.decision, 'open');
    }
  }
  assert.ok(unclear < PAIRS / 50, `${unclear} of ${PAIRS} unclear`);
});

test('a hunk is turned under edits of others as a merge would do it, or it refuses', () => {
  const random = seeded(12);
  const counts = { refused: 0, compared: 0 };
  for (let round = 0; round < PAIRS; round++) {
    const one = opened(random);
    const state = stateOf(one, () => random.chance(0.5));
    const before = fileIn(one, state);
    const theirs = edited(random, before);
    const at = random.below(one.hunks.length);
    const { id, inFile } = state.items[at]!;
    const done = change(one.text, one.hunks, state, theirs, [wish(id, inFile ? 'rejected' : 'accepted')]);
    if (done.refused.length > 0) {
      counts.refused++;
      assert.deepEqual(Buffer.from(done.bytes), theirs);
      continue;
    }
    const items = state.items.map((item, index) => (index === at ? done.state.items[at]! : item));
    const othersAsKnown = done.state.items.every((item, index) => item.inFile === items[index]!.inFile);
    const expected = merge(before, theirs, fileIn(one, { ...state, items }));
    if (!expected.ok || !othersAsKnown) continue;
    counts.compared++;
    assert.deepEqual(Buffer.from(done.bytes), Buffer.from(expected.bytes));
  }
  assert.ok(counts.compared > PAIRS / 3 && counts.refused < PAIRS / 2, JSON.stringify(counts));
});

test('a touched hunk is as it was when the touch is undone', () => {
  const random = seeded(13);
  for (let round = 0; round < PAIRS; round++) {
    const one = opened(random);
    const state = stateOf(one, () => random.chance(0.5));
    const before = fileIn(one, state);
    const first = look(one.text, one.hunks, state, before);
    const touched = look(one.text, one.hunks, first.state, edited(random, before));
    const kept = touched.located.places.every(
      ({ touched: is, inFile }, index) => is || inFile === state.items[index]!.inFile,
    );
    // What looked turned by others is open; what was only touched keeps its decision.
    if (kept) assert.deepEqual(touched.state, state);
    const again = look(one.text, one.hunks, touched.state, before);
    if (kept) assert.deepEqual(again, first);
  }
});

test('places that follow edits are those that a look at the bytes finds', () => {
  const random = seeded(14);
  let followed = 0;
  for (let round = 0; round < PAIRS; round++) {
    const one = opened(random, MANY);
    const state = stateOf(one, () => random.chance(0.5));
    const before = fileIn(one, state);
    let { places } = look(one.text, one.hunks, state, before).located;
    const after = edited(random, before, 0, (edit) => (places = follow(places, edit)));
    const found = look(one.text, one.hunks, state, after).located.places;
    for (const [index, place] of places.entries()) {
      if (place.touched || found[index]!.touched) continue;
      if (found[index]!.inFile !== place.inFile) continue;
      followed++;
      assert.deepEqual(place, found[index]);
    }
  }
  assert.ok(followed > PAIRS);
});
