import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  change,
  compare,
  look,
  merge,
  wish,
  type Compared,
  type ReviewState,
} from '../../../client/review/index.ts';
import { seeded, type Random } from '../../support/random.ts';
import { randomPair, type Pair } from './texts.ts';

/** Files in which somebody else writes too. The texts are small and repeat lines, where it is hardest. */
const PAIRS = 1_500;

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
  const items = hunks.map(({ id }, index) => {
    const is = inFile(index);
    return { id, decision: is ? ('accepted' as const) : ('rejected' as const), inFile: is };
  });
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

test('what others put in or took out is seen, or said to be unclear', () => {
  const random = seeded(11);
  let unclear = 0;
  let seen = 0;
  for (let round = 0; round < PAIRS; round++) {
    const one = opened(random);
    const known = stateOf(one, () => random.chance(0.5));
    const real = fileIn(one, stateOf(one, () => random.chance(0.5)));
    const { located, state } = look(one.text, one.hunks, known, real);
    if (located.places.some(({ touched }) => touched)) unclear++;
    else {
      seen++;
      assert.deepEqual(fileIn(one, state), real);
    }
  }
  console.log({ unclear, seen });
  assert.ok(unclear < PAIRS / 5, `${unclear} of ${PAIRS} unclear`);
});

test('lines of others stay when a hunk is turned, or the hunk refuses', () => {
  const random = seeded(12);
  let [turned, refused, compared] = [0, 0, 0];
  for (let round = 0; round < PAIRS; round++) {
    const one = opened(random);
    const state = stateOf(one, () => random.chance(0.5));
    const before = fileIn(one, state);
    const theirs = edited(random, before);
    const at = random.below(one.hunks.length);
    const { id } = one.hunks[at]!;
    const item = state.items[at]!;
    const done = change(one.text, one.hunks, state, theirs, [wish(id, item.inFile ? 'rejected' : 'accepted')]);
    if (done.refused.length > 0) {
      refused++;
      assert.deepEqual(Buffer.from(done.bytes), theirs);
      continue;
    }
    turned++;
    if (!done.state.items.every((now, index) => index === at || now.inFile === state.items[index]!.inFile)) continue;
    const after = fileIn(one, { ...state, items: state.items.map((now, index) => index === at ? done.state.items[at]! : now) });
    const expected = merge(before, theirs, after);
    if (!expected.ok) continue;
    compared++;
    assert.deepEqual(
      [before, theirs, after].map(String) && Buffer.from(done.bytes).toString('latin1'), Buffer.from(expected.bytes).toString('latin1'),
      JSON.stringify([before, theirs, after].map((b) => b.toString('latin1'))),
    );
  }
  console.log({ turned, refused, compared });
});

/** A few lines added, removed or changed anywhere. */
function edited(random: Random, bytes: Buffer): Buffer {
  const lines = linesIn(bytes);
  for (let times = 1 + random.below(3); times > 0; times--) {
    const at = random.below(lines.length + 1);
    const copy = lines.length > 0 && random.chance(0.3) ? random.pick(lines) : `mine ${random.below(3)}\n`;
    if (random.chance(0.4)) lines.splice(at, 1);
    else lines.splice(at, random.below(2), copy.endsWith('\n') ? copy : `${copy}\n`);
  }
  return bytesIn(lines);
}
