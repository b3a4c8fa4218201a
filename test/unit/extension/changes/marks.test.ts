/** From the editor's lines to hunks, and back. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { english } from '../../../../client/words/index.ts';
import { commentsPrompt } from '../../../../extension/changes/comments-text.ts';
import { describeFile, describeItem, describeResult } from '../../../../extension/changes/describe.ts';
import { withMarkers } from '../../../../extension/changes/markers.ts';
import {
  lineEdit,
  markAt,
  marksOf,
  marksOfChange,
  nextMark,
  previousMark,
  selectionOf,
  type Mark,
} from '../../../../extension/changes/marks.ts';
import { changeEverything, repositoryOfEverything, write } from '../../../support/git.ts';
import { scene } from './scene.ts';

const mark = (id: string, start: number, end: number, more: Partial<Mark> = {}): Mark => ({
  ...{ id, start, end, inFile: true, touched: false, added: end - start, removed: 0 },
  ...more,
});
const MARKS = [mark('one', 2, 4), mark('gone', 8, 8, { removed: 3 }), mark('out', 12, 13, { inFile: false })];
const ids = (marks: readonly (Mark | undefined)[]) => marks.map((one) => one?.id);

test('a change of the gutter means the hunks that it covers, and no others', () => {
  const change = (start: number, end: number) => ({
    ...{ originalStartLineNumber: 1, originalEndLineNumber: 1 },
    ...{ modifiedStartLineNumber: start, modifiedEndLineNumber: end },
  });
  assert.deepEqual(ids(marksOfChange(MARKS, change(3, 4))), ['one']);
  assert.deepEqual(ids(marksOfChange(MARKS, change(4, 4))), ['one']);
  assert.deepEqual(ids(marksOfChange(MARKS, change(8, 0))), ['gone'], 'lines were removed after line 8');
  assert.deepEqual(ids(marksOfChange(MARKS, change(3, 9))), ['one', 'gone']);
  assert.deepEqual(ids(marksOfChange(MARKS, change(13, 13))), [], 'it is not in the file');
  assert.deepEqual(ids(marksOfChange(MARKS, change(20, 21))), []);
  assert.deepEqual(ids(marksOfChange([mark('edited', 2, 4, { touched: true })], change(3, 4))), []);
});

test('the cursor is at a hunk, or goes to the next and the one before', () => {
  assert.deepEqual(ids([markAt(MARKS, 3), markAt(MARKS, 8), markAt(MARKS, 4)]), ['one', 'gone', undefined]);
  assert.deepEqual(ids([nextMark(MARKS, 0), nextMark(MARKS, 2), nextMark(MARKS, 12)]), [
    'one',
    'gone',
    undefined,
  ]);
  assert.deepEqual(ids([previousMark(MARKS, 20), previousMark(MARKS, 8), previousMark(MARKS, 2)]), [
    'out',
    'one',
    undefined,
  ]);
});

test('selected lines are a part of a hunk, with the removed ones that stand in their place', () => {
  const lines = (count: number) => Array.from({ length: count }, (_, n) => Buffer.from(`${n}\n`));
  const hunk = (removed: number, added: number) => ({
    ...{ id: 'x', needs: [], group: 0, removed: lines(removed), added: lines(added) },
    ...{ old: { start: 10, count: removed }, new: { start: 10, count: added } },
  });
  const at = mark('x', 10, 13);
  assert.deepEqual(selectionOf(hunk(3, 3), at, 11, 12), {
    added: { start: 1, count: 1 },
    removed: { start: 1, count: 1 },
  });
  assert.deepEqual(selectionOf(hunk(1, 3), at, 5, 11), {
    added: { start: 0, count: 1 },
    removed: { start: 0, count: 1 },
  });
  assert.deepEqual(selectionOf(hunk(1, 3), at, 11, 20), {
    added: { start: 1, count: 2 },
    removed: { start: 0, count: 0 },
  });
  const out = mark('x', 10, 12, { inFile: false });
  assert.deepEqual(selectionOf(hunk(2, 2), out, 11, 12), {
    removed: { start: 1, count: 1 },
    added: { start: 1, count: 1 },
  });
  assert.equal(selectionOf(hunk(3, 3), at, 13, 20), null);
});

test('whole lines put in or taken out touch no line beside them; typing in a line touches it', () => {
  const edit = (from: [number, number], to: [number, number], text: string) =>
    lineEdit({
      range: { start: { line: from[0], character: from[1] }, end: { line: to[0], character: to[1] } },
      text,
    });
  assert.deepEqual(edit([3, 0], [3, 0], 'a\nb\n'), { start: 3, removed: 0, inserted: 2 });
  assert.deepEqual(edit([3, 0], [5, 0], ''), { start: 3, removed: 2, inserted: 0 });
  assert.deepEqual(edit([3, 4], [3, 4], 'x'), { start: 3, removed: 1, inserted: 1 });
  assert.deepEqual(edit([3, 4], [3, 4], '\n'), { start: 3, removed: 1, inserted: 2 });
});

test('every kind of change has a row that says what it is', async (context) => {
  const made = await scene(repositoryOfEverything, changeEverything);
  context.after(() => made.close());
  const words = new Map(
    made.session.files.map((file) => [file.file.path.path, describeFile(file, [], english).description]),
  );
  assert.equal(words.get('src/app.js'), '+1 −1 · src');
  assert.equal(words.get('src/new-name.js'), 'renamed from src/old-name.js · src');
  assert.equal(words.get('src/gone.js'), '−1 · deleted · src');
  assert.equal(words.get('run.sh'), 'executable');
  assert.equal(words.get('link'), 'symlink');
  assert.equal(words.get('becomes-link'), '−1 · now a symlink');
  assert.equal(words.get('image.png'), 'binary');
  assert.match(words.get('new-empty') ?? '', /^added/);
  const row = describeResult(made.session, english);
  assert.match(row.description, /^\d+ changes$/);
  assert.ok(row.context.includes('open'));
});

test('a hunk says its line and text, what was decided, and that it was edited', async (context) => {
  const text = 'one\ntwo\nthree\n';
  const made = await scene(
    (root) => write(root, 'a.txt', text),
    (root) => write(root, 'a.txt', text.replace('two\n', 'TWO\nmore\n')),
  );
  context.after(() => made.close());
  const file = made.session.files[0]!;
  const row = () => describeItem(file, file.items[0]!, english);
  assert.equal(row().label, 'Line 2: TWO');
  assert.equal(row().description, '+2 −1');
  assert.equal(row().checked, false);
  assert.equal(marksOf(file)[0]?.inFile, false);
  await made.session.acceptAll();
  assert.equal(row().description, '+2 −1 · accepted');
  assert.equal(row().checked, true);
  assert.deepEqual(marksOf(file), []);
  await made.session.undo();
  writeFileSync(join(made.root, 'a.txt'), text.replace('two', '2'));
  await made.session.look();
  assert.match(row().description, /changed by you/);
  assert.ok(row().context.includes('touched'));
  assert.match(describeFile(file, [], english).description, /changed by you/);
});

test('a conflict has git’s markers with all three sides, in the line ends of the document', () => {
  const text = withMarkers(
    [
      { type: 'merged', bytes: Buffer.from('a\r\n') },
      {
        type: 'conflict',
        ours: Buffer.from('mine\r\n'),
        base: Buffer.from(''),
        theirs: Buffer.from('theirs'),
      },
    ],
    { ours: 'Yours', base: 'Before', theirs: 'Codex' },
    '\r\n',
  );
  assert.equal(
    Buffer.from(text).toString(),
    ['a', '<<<<<<< Yours', 'mine', '||||||| Before', '=======', 'theirs', '>>>>>>> Codex', ''].join('\r\n'),
  );
});

test('comments become one prompt with file, lines, what they quote and what they say', () => {
  const prompt = commentsPrompt(
    [
      { path: 'src/a.ts', line: 3, endLine: 4, side: 'result', quoted: 'a\nb\n', text: ' Why? ' },
      { path: 'b.ts', line: 1, endLine: 1, side: 'base', quoted: 'x', text: 'Keep it.' },
    ],
    english,
  );
  assert.equal(
    prompt,
    'Please go through these comments on your changes.\n\nsrc/a.ts, lines 3 to 4:\n> a\n> b\nWhy?\n\nb.ts, line 1 (before your change):\n> x\nKeep it.',
  );
});
