import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { parsePatch, writePatch, type Patch } from '../../../client/patch/index.ts';
import {
  change,
  hunksIn,
  look,
  openText,
  reviewOf,
  splitIn,
  startState,
  subsetOf,
  wish,
  type OpenText,
  type ReviewFile,
  type ReviewHunk,
  type ReviewState,
} from '../../../client/review/index.ts';
import {
  git,
  gitBytes,
  initRepository,
  removeFolder,
  temporaryFolder,
  tryGit,
  write,
} from '../../support/git.ts';
import { seeded, type Random } from '../../support/random.ts';
import { randomPair, type Pair } from './texts.ts';

/** Many files in one repository, since one git for each of them would take minutes. */
const FILES = 150;
const folders: string[] = [];
after(() => folders.forEach(removeFolder));

interface Case {
  file: ReviewFile;
  pair: Pair;
  text: OpenText;
}

function cases(random: Random, context: number): { dir: string; patch: Patch; cases: Case[] } {
  const dir = temporaryFolder('codex-review');
  folders.push(dir);
  initRepository(dir);
  // Bytes as they are, and UTF-16 as lines as well.
  mkdirSync(join(dir, '.git/info'), { recursive: true });
  write(dir, '.git/info/attributes', '* -text diff\n');
  const pairs = new Map(Array.from({ length: FILES }, (_, index) => [`f${index}`, randomPair(random)]));
  for (const [name, { base }] of pairs) write(dir, name, base);
  git(dir, ['add', '-A']);
  for (const [name, { target }] of pairs) write(dir, name, target);
  const bytes = gitBytes(dir, ['diff', '--binary', '--full-index', `-U${context}`]);
  git(dir, ['checkout-index', '-a', '-f']);
  const patch = parsePatch(bytes);
  const files = reviewOf(patch);
  assert.ok(files.length > FILES / 2);
  assert.deepEqual(writePatch(subsetOf(patch, files, idsOf(files)).patch), bytes);
  return {
    dir,
    patch,
    cases: files.map((file) => {
      const pair = pairs.get(file.path.path)!;
      const opened = openText(pair.base, file.parts[0]!, file.hunks);
      assert.ok(opened.ok, file.path.path);
      assert.deepEqual(Buffer.from(opened.text.target.bytes), pair.target);
      return { file, pair, text: opened.text };
    }),
  };
}

const idsOf = (files: readonly ReviewFile[]) =>
  files.flatMap((file) => [...file.whole, ...file.hunks].map(({ id }) => id));

/** Splits some hunks at random lines. */
function someSplit(random: Random, file: ReviewFile, state: ReviewState): ReviewState {
  const range = (length: number) => {
    const start = random.below(length + 1);
    return { start, count: random.below(length - start + 1) };
  };
  for (let times = random.below(3); times > 0; times--) {
    const hunks = hunksIn(file, state);
    if (hunks.length === 0) break;
    const hunk = random.pick(hunks);
    const selection = { removed: range(hunk.removed.length), added: range(hunk.added.length) };
    state = splitIn(state, hunk, selection).state;
  }
  return state;
}

function shuffled<T>(random: Random, list: readonly T[]): T[] {
  return list
    .map((item) => ({ item, key: random.next() }))
    .sort((one, two) => one.key - two.key)
    .map(({ item }) => item);
}

/** Decides hunk by hunk; every step must be undone to the bytes before it. */
function decided(
  random: Random,
  { text, pair }: Case,
  hunks: ReviewHunk[],
  start: ReviewState,
  chosen: ReadonlySet<string>,
  applied: boolean,
): Buffer {
  let state: ReviewState = JSON.parse(JSON.stringify(start)) as ReviewState;
  let bytes: Uint8Array = applied ? pair.target : pair.base;
  for (const { id } of shuffled(random, hunks)) {
    const wanted = wish(id, chosen.has(id) ? 'accepted' : 'rejected');
    const done = change(text, hunks, state, bytes, [wanted]);
    assert.deepEqual(done.refused, []);
    assert.deepEqual(done.located, look(text, hunks, done.state, done.bytes).located);
    const undone = change(text, hunks, done.state, done.bytes, done.undo);
    assert.deepEqual([Buffer.from(undone.bytes), undone.state], [Buffer.from(bytes), state]);
    ({ bytes, state } = done);
  }
  return Buffer.from(bytes);
}

for (const [seed, context] of [
  [1, 3],
  [2, 0],
  [3, 1],
] as const) {
  test(`any choice of hunks, decided in any order, is what git makes of it (context ${context})`, () => {
    const random = seeded(seed);
    const made = cases(random, context);
    const chosen = new Set<string>();
    const split = made.cases.map((one) => {
      const state = someSplit(random, one.file, startState([one.file], false));
      const hunks = hunksIn(one.file, state);
      for (const { id } of hunks) if (random.chance(0.5)) chosen.add(id);
      return { one, state, hunks };
    });
    const files = split.map(({ one, hunks }) => ({ ...one.file, hunks }));
    const { patch, left } = subsetOf(made.patch, files, chosen);
    assert.deepEqual(left, []);
    assert.deepEqual(parsePatch(writePatch(patch)).files.length, patch.files.length);
    const options = context === 0 ? ['--unidiff-zero'] : [];
    const run = tryGit(made.dir, ['apply', ...options, '-'], { input: writePatch(patch) });
    assert.equal(run.code, 0, run.stderr);
    for (const { one, state, hunks } of split) {
      const expected = readFileSync(join(made.dir, one.file.path.path));
      const applied = { ...state, items: state.items.map((item) => ({ ...item, inFile: true })) };
      assert.deepEqual(decided(random, one, hunks, state, chosen, false), expected, one.file.path.path);
      assert.deepEqual(decided(random, one, hunks, applied, chosen, true), expected, one.file.path.path);
    }
  });
}
