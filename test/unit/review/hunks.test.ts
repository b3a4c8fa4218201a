import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePatch } from '../../../client/patch/index.ts';
import {
  change,
  hunksIn,
  look,
  openText,
  reviewOf,
  splitIn,
  startState,
  wish,
  type OpenText,
  type ReviewFile,
  type ReviewHunk,
  type ReviewState,
} from '../../../client/review/index.ts';

const bytes = (text: string) => Buffer.from(text, 'latin1');
const text = (of: Uint8Array) => Buffer.from(of).toString('latin1');
const HEAD = 'diff --git a/f b/f\n--- a/f\n+++ b/f\n';

interface Review {
  file: ReviewFile;
  text: OpenText;
  hunks: ReviewHunk[];
  state: ReviewState;
}

function review(base: string, hunks: string, inFile = false): Review {
  const [file] = reviewOf(parsePatch(bytes(HEAD + hunks)));
  const opened = openText(bytes(base), file!.parts[0]!, file!.hunks);
  assert.ok(opened.ok, JSON.stringify(opened));
  return { file: file!, text: opened.text, hunks: file!.hunks, state: startState([file!], inFile) };
}

/** The file after this decision of one hunk, or why it was refused. */
function decided(one: Review, current: string, hunk: number, decision: 'accepted' | 'rejected'): string {
  const done = change(one.text, one.hunks, one.state, bytes(current), [wish(one.hunks[hunk]!.id, decision)]);
  return done.refused[0]?.reason ?? text(done.bytes);
}

const BASE = 'a\nb\nc\nd\ne\n';
const TWO = '@@ -1,5 +1,6 @@\n a\n-b\n+B\n c\n d\n+new\n e\n';

test("each stretch of changed lines is a hunk, wherever git's hunks begin and end", () => {
  const { hunks } = review(BASE, TWO);
  assert.deepEqual(
    hunks.map(({ old, new: now, removed, added }) => [old, now, removed.map(text), added.map(text)]),
    [
      [{ start: 1, count: 1 }, { start: 1, count: 1 }, ['b\n'], ['B\n']],
      [{ start: 4, count: 0 }, { start: 4, count: 1 }, [], ['new\n']],
    ],
  );
  const narrow = review(BASE, '@@ -2 +2 @@ a\n-b\n+B\n@@ -4,0 +5 @@ d\n+new\n');
  assert.deepEqual(
    narrow.hunks.map(({ id }) => id),
    hunks.map(({ id }) => id),
  );
});

test('hunks of equal content have ids of their own, and the same after a reload', () => {
  const twice = '@@ -1,3 +1,5 @@\n a\n+x\n b\n+x\n c\n';
  const [first, second] = [review('a\nb\nc\n', twice), review('a\nb\nc\n', twice)];
  assert.equal(new Set(first.hunks.map(({ id }) => id)).size, 2);
  assert.deepEqual(first.hunks, second.hunks);
});

test('the wrong base, and a patch that does not make what it says, are no review', () => {
  const [file] = reviewOf(parsePatch(bytes(HEAD + TWO)));
  assert.deepEqual(openText(bytes('other\n'), file!.parts[0]!, file!.hunks), {
    ok: false,
    reason: 'contentChanged',
  });
});

test('a hunk can be accepted before anything is applied, and rejected when all is', () => {
  const before = review(BASE, TWO);
  assert.equal(decided(before, BASE, 1, 'accepted'), 'a\nb\nc\nd\nnew\ne\n');
  assert.equal(decided(before, BASE, 1, 'rejected'), BASE);
  const applied = review(BASE, TWO, true);
  assert.equal(decided(applied, 'a\nB\nc\nd\nnew\ne\n', 0, 'rejected'), 'a\nb\nc\nd\nnew\ne\n');
  assert.equal(decided(applied, 'a\nB\nc\nd\nnew\ne\n', 0, 'accepted'), 'a\nB\nc\nd\nnew\ne\n');
});

test("the person's lines elsewhere stay, also directly beside the hunk", () => {
  const applied = review(BASE, TWO, true);
  assert.equal(
    decided(applied, 'mine\na\nB\nmine\nc\nd\nnew\ne\nmine', 0, 'rejected'),
    'mine\na\nb\nmine\nc\nd\nnew\ne\nmine',
  );
});

test('a hunk that was edited refuses, and a decision for content of before does too', () => {
  const applied = review(BASE, TWO, true);
  assert.equal(decided(applied, 'a\nB!\nc\nd\nnew\ne\n', 0, 'rejected'), 'contextChanged');
  const done = change(applied.text, applied.hunks, applied.state, bytes(BASE), [wish('gone', 'accepted')]);
  assert.deepEqual(done.refused, [{ id: 'gone', reason: 'changedSince' }]);
});

test('where a copy makes it unclear which lines are meant, nothing is guessed', () => {
  const one = review('x\nq\n', '@@ -1,2 +1,4 @@\n x\n+begin\n+end\n q\n', true);
  assert.equal(decided(one, 'x\nbegin\nend\nmine\nbegin\nend\nq\n', 0, 'rejected'), 'contextChanged');
  // Two copies side by side: whichever is taken out, the same is left.
  assert.equal(decided(one, 'x\nbegin\nend\nbegin\nend\nq\n', 0, 'rejected'), 'x\nbegin\nend\nq\n');
});

test('what the editor undid is seen and open again', () => {
  const one = review(BASE, TWO, true);
  const accepted = change(
    one.text,
    one.hunks,
    one.state,
    bytes('a\nB\nc\nd\nnew\ne\n'),
    one.hunks.map(({ id }) => wish(id, 'accepted')),
  ).state;
  const { state } = look(one.text, one.hunks, accepted, bytes('a\nb\nc\nd\nnew\ne\n'));
  assert.deepEqual(
    state.items.map(({ decision, inFile }) => [decision, inFile]),
    [
      ['open', false],
      ['accepted', true],
    ],
  );
});

test('a checkout with CRLF is reviewed by an LF patch and keeps its line ends', () => {
  const crlf = BASE.replaceAll('\n', '\r\n');
  const one = review(crlf, TWO);
  assert.equal(decided(one, crlf, 1, 'accepted'), 'a\r\nb\r\nc\r\nd\r\nnew\r\ne\r\n');
});

test('mixed line ends and a byte order mark are bytes like any other', () => {
  const one = review(
    '\xef\xbb\xbfa\r\nb\nc',
    '@@ -1,3 +1,3 @@\n \xef\xbb\xbfa\r\n-b\n+b\r\n c\n\\ No newline at end of file\n',
  );
  assert.equal(decided(one, '\xef\xbb\xbfa\r\nb\nc', 0, 'accepted'), '\xef\xbb\xbfa\r\nb\r\nc');
});

test('a change of the last newline is a hunk, and no line of somebody else is joined to it', () => {
  const one = review('a\nb', '@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+b\n', true);
  assert.equal(decided(one, 'a\nb\n', 0, 'rejected'), 'a\nb');
  assert.equal(decided(one, 'a\nb\nmine\n', 0, 'rejected'), 'contextChanged');
});

const FOUR = '@@ -1,4 +1,5 @@\n a\n-r1\n-r2\n+a1\n+a2\n+a3\n z\n';
const WHOLE = { start: 0, count: 99 };
const NONE = { start: 0, count: 0 };
const at = (start: number, count = 1) => ({ start, count });

function splitResult(removed: { start: number; count: number }, added: { start: number; count: number }) {
  const one = review('a\nr1\nr2\nz\n', FOUR);
  const { outcome, state } = splitIn(one.state, one.hunks[0]!, { removed, added });
  if (!outcome.ok) return outcome.reason;
  const hunks = hunksIn(one.file, state);
  return decided(
    { ...one, hunks, state },
    'a\nr1\nr2\nz\n',
    hunks.findIndex(({ id }) => id === outcome.chosen.id),
    'accepted',
  );
}

test('selected lines become a hunk: as git stages lines, or in place where both sides are selected', () => {
  assert.equal(splitResult(NONE, at(1)), 'a\nr1\nr2\na2\nz\n');
  assert.equal(splitResult(at(0), NONE), 'a\nr2\nz\n');
  assert.equal(splitResult(at(1), at(0)), 'a\nr1\na1\nz\n');
  assert.equal(splitResult(at(0), at(0)), 'a\na1\nr2\nz\n');
  assert.equal(splitResult(WHOLE, WHOLE), 'whole');
  assert.equal(splitResult(NONE, NONE), 'empty');
});

test('a split whose parts would part a last line from the end of the file is refused', () => {
  const one = review('a\nb', '@@ -1,2 +1,3 @@\n a\n-b\n\\ No newline at end of file\n+b\n+c\n');
  const { outcome, state } = splitIn(one.state, one.hunks[0]!, { removed: NONE, added: at(1) });
  assert.deepEqual([outcome, state], [{ ok: false, reason: 'finalNewline' }, one.state]);
});

test('a state with splits is stored as text, and gives the same hunks again', () => {
  const one = review('a\nr1\nr2\nz\n', FOUR);
  const first = splitIn(one.state, one.hunks[0]!, { removed: at(0), added: at(0) });
  const rest = hunksIn(one.file, first.state)[1]!;
  const second = splitIn(first.state, rest, { removed: NONE, added: at(1) });
  assert.ok(second.outcome.ok);
  const stored = JSON.parse(JSON.stringify(second.state)) as ReviewState;
  const hunks = hunksIn(one.file, stored);
  assert.equal(hunks.length, 3);
  assert.deepEqual(
    hunks.map(({ id }) => id),
    stored.items
      .map(({ id }) => id)
      .sort((x, y) => hunks.findIndex((h) => h.id === x) - hunks.findIndex((h) => h.id === y)),
  );
});
