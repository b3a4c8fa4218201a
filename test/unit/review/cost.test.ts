import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  change,
  compare,
  look,
  lookInSlices,
  wish,
  type Compared,
  type ReviewState,
} from '../../../client/review/index.ts';
import { seeded } from '../../support/random.ts';

/** As a normal machine would take: this one also does other things, and warms up first. */
const NOISE = 4;

function large(
  hunks: number,
  lines: number,
): Compared & { base: string[]; target: string[]; state: ReviewState } {
  const random = seeded(41);
  const line = () =>
    `  const value${random.below(1e9)} = compute(${random.below(1e9)}); // as long as most\n`;
  const base = Array.from({ length: lines }, line);
  const step = Math.floor(lines / hunks);
  const target = base.flatMap((old, index) => {
    if (index % step !== 2) return [old];
    return index % 3 === 0 ? [] : index % 3 === 1 ? [line(), line()] : [old, line()];
  });
  const compared = compare(Buffer.from(base.join('')), Buffer.from(target.join('')), 'f');
  assert.equal(compared.hunks.length, hunks);
  const items = compared.hunks.map(({ id }) => wish(id, 'accepted'));
  return { ...compared, base, target, state: { splits: [], items } };
}

const cpuMs = (run: () => unknown) => {
  const before = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
};

test('5,000 hunks in 5 MB are found again under edits in a fifth of a second, and all can be turned', () => {
  const { text, hunks, base, target, state } = large(5_000, 75_000);
  const edits = ['mine at the top\n', ...target, 'mine at the end\n'];
  edits.splice(40_000, 0, 'mine in the middle\n');
  const current = Buffer.from(edits.join(''));
  assert.ok(current.length > 5_000_000);
  const times = Array.from({ length: 5 }, () => cpuMs(() => look(text, hunks, state, current)));
  assert.ok(Math.min(...times) < 200 * NOISE, `${times.map(Math.round).join(' ')} ms`);
  const rejected = hunks.map(({ id }) => wish(id, 'rejected'));
  const done = change(text, hunks, state, current, rejected);
  assert.deepEqual(done.refused, []);
  const left = Buffer.from(done.bytes)
    .toString()
    .replace(/^mine .*\n/gm, '');
  assert.equal(left, base.join(''));
});

test('a look in slices lets others run in between', async () => {
  const { text, hunks, base, state } = large(5_000, 75_000);
  let turns = 0;
  let on = true;
  const count = () => {
    turns++;
    if (on) setImmediate(count);
  };
  setImmediate(count);
  const { located } = await lookInSlices(text, hunks, state, Buffer.from(base.join('')));
  on = false;
  assert.ok(located.places.every(({ touched, inFile }) => !touched && !inFile));
  assert.ok(turns >= 3, `${turns} turns`);
});

test('a file that became another one is given up in bounded time, and its hunks refuse', () => {
  const { text, hunks, state, target } = large(500, 40_000);
  const random = seeded(42);
  // The same lines over and over in any order: nothing is unique, and everything matches something.
  const some = target.slice(0, 200);
  const noise = Buffer.from(Array.from({ length: 40_000 }, () => random.pick(some)).join(''));
  const spent = cpuMs(() => {
    const { located } = look(text, hunks, state, noise);
    assert.ok(located.places.filter(({ touched }) => touched).length > 490);
  });
  assert.ok(spent < 2_000 * NOISE, `${Math.round(spent)} ms`);
});

test('texts that are too different to compare are one hunk, which says so', () => {
  const random = seeded(43);
  const noise = () => Buffer.from(Array.from({ length: 30_000 }, () => `${random.below(200)}\n`).join(''));
  const [base, target] = [noise(), noise()];
  const { text, hunks, gaveUp } = compare(base, target, 'f');
  assert.deepEqual([hunks.length, gaveUp], [1, true]);
  const state: ReviewState = { splits: [], items: [wish(hunks[0]!.id, 'rejected')] };
  assert.deepEqual(
    Buffer.from(change(text, hunks, state, base, [wish(hunks[0]!.id, 'accepted')]).bytes),
    target,
  );
});
