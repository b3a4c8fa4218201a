/** Deciding and going back, on real files: what a person accepts is there, what they reject is not, nothing is lost. */
import assert from 'node:assert/strict';
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { changeEverything, fingerprint, git, repositoryOfEverything, write } from '../../../support/git.ts';
import { scene, type Scene } from './scene.ts';

const LINES = Array.from({ length: 12 }, (_, n) => `line ${n}\n`);
const TEXT = LINES.join('');
const AFTER = TEXT.replace('line 1\n', 'ONE\n').replace('line 6\n', 'SIX\nSEVEN\n').replace('line 10\n', '');

async function text(context: TestContext): Promise<Scene> {
  const made = await scene(
    (root) => write(root, 'a.txt', TEXT),
    (root) => {
      write(root, 'a.txt', AFTER);
      write(root, 'new/b.txt', 'one\ntwo\n');
      write(root, '.vscode/tasks.json', '{}\n');
    },
  );
  context.after(() => made.close());
  return made;
}
const read = (made: Scene, path = 'a.txt') => readFileSync(join(made.root, path), 'utf8');
const decisions = (made: Scene, path = 'a.txt') =>
  made.session.files.find(({ file }) => file.path.path === path)?.items.map(({ decision }) => decision);
const notGit = (root: string) => fingerprint(root, (path) => path.startsWith('.git/'));

test('each hunk is put in and taken out by itself, and undone one after the other', async (context) => {
  const made = await text(context);
  const { session } = made;
  await session.accept([made.id('a.txt', 'SIX')]);
  assert.equal(read(made), TEXT.replace('line 6\n', 'SIX\nSEVEN\n'));
  await session.accept([made.id('a.txt', 'ONE')]);
  await session.reject([made.id('a.txt', 'line 10')]);
  assert.deepEqual(decisions(made), ['accepted', 'accepted', 'rejected']);
  await session.reject([made.id('a.txt', 'SIX')]);
  assert.equal(read(made), TEXT.replace('line 1\n', 'ONE\n'));
  for (const expected of [TEXT.replace('line 6\n', 'SIX\nSEVEN\n').replace('line 1\n', 'ONE\n')]) {
    assert.equal((await session.undo()).refused.length, 0);
    assert.equal(read(made), expected);
  }
  for (let step = 0; step < 3; step++) await session.undo();
  assert.equal(read(made), TEXT);
  assert.deepEqual(decisions(made), ['open', 'open', 'open']);
  assert.equal((await session.undo()).decision, null);
});

test('a new file is there with its first accepted hunk, and gone without one', async (context) => {
  const made = await text(context);
  await made.session.accept([made.id('new/b.txt', 'one')]);
  assert.equal(read(made, 'new/b.txt'), 'one\ntwo\n');
  await made.session.reject([made.id('new/b.txt', 'one')]);
  assert.throws(() => read(made, 'new/b.txt'));
  assert.throws(() => statSync(join(made.root, 'new')), 'the folder goes too');
});

test('a file that runs by itself waits for its own yes', async (context) => {
  const made = await text(context);
  const outcome = await made.session.acceptAll();
  assert.deepEqual(
    outcome.selfRunning.map(({ path }) => path),
    ['.vscode/tasks.json'],
  );
  assert.throws(() => read(made, '.vscode/tasks.json'));
  assert.equal(read(made), AFTER);
  await made.session.accept([made.id('.vscode/tasks.json', '{}')], true);
  assert.equal(read(made, '.vscode/tasks.json'), '{}\n');
});

test('what was decided is known after a restart, and can be undone then', async (context) => {
  const made = await text(context);
  await made.session.accept([made.id('a.txt', 'ONE')]);
  made.session = await made.again();
  assert.deepEqual(decisions(made), ['accepted', 'open', 'open']);
  await made.session.undo();
  assert.equal(read(made), TEXT);
});

test('hunks are decided beside edits of the person’s, and these survive undo', async (context) => {
  const made = await text(context);
  writeFileSync(join(made.root, 'a.txt'), `mine\n${TEXT}`);
  await made.session.accept([made.id('a.txt', 'SIX')]);
  assert.equal(read(made), `mine\n${TEXT.replace('line 6\n', 'SIX\nSEVEN\n')}`);
  writeFileSync(join(made.root, 'a.txt'), `more\n${read(made)}`);
  const { refused } = await made.session.undo();
  assert.deepEqual(refused, []);
  assert.equal(read(made), `more\nmine\n${TEXT}`);
});

test('a hunk that was edited refuses, and says so', async (context) => {
  const made = await text(context);
  const edited = TEXT.replace('line 1\n', 'line one\n');
  writeFileSync(join(made.root, 'a.txt'), edited);
  const { done, refused } = await made.session.acceptAll(true);
  assert.deepEqual(
    refused.map(({ reason }) => reason),
    ['contextChanged'],
  );
  assert.ok(done.includes(made.id('a.txt', 'SIX')));
  assert.equal(read(made), AFTER.replace('ONE\n', 'line one\n'));
});

test('what can’t be decided has its three sides, and counts as accepted once it is merged by hand', async (context) => {
  const made = await text(context);
  const edited = TEXT.replace('line 1\n', 'line one\n');
  writeFileSync(join(made.root, 'a.txt'), edited);
  await made.session.reject([made.id('a.txt', 'line 10')]);
  await made.session.look();
  const file = made.session.files.find(({ key }) => key === 'a.txt')!;
  const sides = await file.sides();
  assert.equal(Buffer.from(sides!.base).toString(), TEXT);
  assert.equal(Buffer.from(sides!.ours).toString(), edited);
  assert.equal(Buffer.from(sides!.theirs).toString(), AFTER.replace('line 9\n', 'line 9\nline 10\n'));
  await made.session.settle(file);
  assert.deepEqual(decisions(made), ['accepted', 'open', 'rejected']);
  assert.equal(read(made), edited, 'no byte is changed by that');
  await made.session.undo();
  assert.deepEqual(decisions(made), ['open', 'open', 'rejected']);
});

test('an undo that later edits stand against leaves them, and merges when asked', async (context) => {
  const made = await text(context);
  await made.session.accept([made.id('a.txt', 'SIX')]);
  writeFileSync(join(made.root, 'a.txt'), read(made).replace('SIX\n', 'SIX, and mine\n'));
  const first = await made.session.undo();
  assert.deepEqual(
    first.refused.map(({ reason }) => reason),
    ['contextChanged'],
  );
  assert.match(read(made), /SIX, and mine/);
  assert.ok(made.session.canUndo, 'it can be tried again');
  const beside = await made.session.undo(true);
  assert.equal(beside.refused.length, 1, 'both changed the same line: the person’s stays');
  assert.match(read(made), /SIX, and mine/);
});

test('an unsaved document gets the change and stays unsaved; the disk is as it was', async (context) => {
  const made = await text(context);
  made.buffers.set('a.txt', Buffer.from(`typed\n${TEXT}`));
  const { unsaved } = await made.session.accept([made.id('a.txt', 'ONE')]);
  assert.equal(unsaved, 1);
  assert.equal(made.buffers.get('a.txt')?.toString(), `typed\n${TEXT.replace('line 1\n', 'ONE\n')}`);
  assert.equal(read(made), TEXT);
  made.buffers.set('a.txt', Buffer.from(`more\n${made.buffers.get('a.txt')!.toString()}`));
  await made.session.undo();
  assert.equal(made.buffers.get('a.txt')?.toString(), `more\ntyped\n${TEXT}`);
  assert.equal(read(made), TEXT);
});

test('what was applied elsewhere is open for review, and its bars compare with the file without it', async (context) => {
  const made = await text(context);
  writeFileSync(join(made.root, 'a.txt'), `mine\n${AFTER}`);
  await made.session.look();
  const file = made.session.files.find(({ key }) => key === 'a.txt')!;
  assert.equal(file.pending().length, 3);
  assert.equal(Buffer.from((await file.baseline())!).toString(), `mine\n${TEXT}`);
  await made.session.accept([made.id('a.txt', 'ONE')]);
  assert.equal(
    Buffer.from((await file.baseline())!).toString(),
    `mine\n${TEXT.replace('line 1\n', 'ONE\n')}`,
  );
  await made.session.reject([made.id('a.txt', 'SIX')]);
  assert.equal(read(made), `mine\n${AFTER.replace('SIX\nSEVEN\n', 'line 6\n')}`);
});

test('places follow typing until the next look', async (context) => {
  const made = await text(context);
  const file = made.session.files.find(({ key }) => key === 'a.txt')!;
  const starts = () => file.places.map(({ range, touched }) => [range.start, touched]);
  assert.deepEqual(starts(), [
    [1, false],
    [6, false],
    [10, false],
  ]);
  made.session.edited(file, [{ start: 3, removed: 0, inserted: 2 }]);
  assert.deepEqual(starts(), [
    [1, false],
    [8, false],
    [12, false],
  ]);
});

test('selected lines of a hunk are decided by themselves', async (context) => {
  const made = await text(context);
  const whole = made.id('a.txt', 'SIX');
  const outcome = await made.session.split(whole, {
    removed: { start: 0, count: 0 },
    added: { start: 1, count: 1 },
  });
  assert.ok(outcome.ok);
  await made.session.accept([outcome.chosen.id]);
  assert.equal(read(made), TEXT.replace('line 6\n', 'line 6\nSEVEN\n'));
  await made.session.accept(outcome.rest.map(({ id }) => id));
  assert.equal(read(made), TEXT.replace('line 6\n', 'SIX\nSEVEN\n'));
  made.session = await made.again();
  await made.session.undo();
  await made.session.undo();
  assert.equal(read(made), TEXT);
});

test('every kind of change, accepted, is the result, and undone is the start', async (context) => {
  const made = await scene(repositoryOfEverything, changeEverything);
  context.after(() => made.close());
  const start = notGit(made.root);
  const { refused } = await made.session.acceptAll(true);
  assert.deepEqual(refused, []);
  git(made.root, ['add', '-A']);
  const target = git(join(made.root, '../bare.git'), ['rev-parse', 'HEAD^{tree}']);
  assert.equal(git(made.root, ['write-tree']), target);
  await made.session.undo();
  assert.deepEqual(notGit(made.root), start);
  assert.ok(
    made.session.files.every(({ items }) =>
      items.every(({ decision, inFile }) => decision === 'open' && !inFile),
    ),
  );
});

test('every part accepted in any order is the result; every part rejected again is the start', async (context) => {
  const made = await scene(repositoryOfEverything, changeEverything);
  context.after(() => made.close());
  const start = notGit(made.root);
  const ids = made.session.files.flatMap(({ items }) => items.map(({ id }) => id));
  for (const id of ids.toReversed()) await made.session.accept([id], true);
  git(made.root, ['add', '-A']);
  assert.equal(
    git(made.root, ['write-tree']),
    git(join(made.root, '../bare.git'), ['rev-parse', 'HEAD^{tree}']),
  );
  for (const id of ids) await made.session.reject([id]);
  assert.deepEqual(notGit(made.root), start);
  for (let steps = 0; (await made.session.undo()).decision !== null; steps++) assert.ok(steps < 200);
  assert.deepEqual(notGit(made.root), start);
});

test('what the patch was made from is asked for only when the folder does not have it', async (context) => {
  const made = await text(context);
  assert.deepEqual(made.fetched, []);
  writeFileSync(join(made.root, 'a.txt'), 'all of it is different\n');
  made.session = await made.again();
  assert.equal(made.fetched.length, 1);
  rmSync(join(made.root, 'a.txt'));
  const { refused } = await made.session.accept([made.id('a.txt', 'ONE')]);
  assert.deepEqual(
    refused.map(({ reason }) => reason),
    ['missing'],
  );
});
