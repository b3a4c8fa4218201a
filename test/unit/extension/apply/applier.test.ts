/** Applying a whole result and undoing it, as a person is asked and told. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { write } from '../../../support/git.ts';
import { scene, shown, TASK, workspace } from './scene.ts';

const TEXT = Array.from({ length: 12 }, (_, line) => `line ${line}\n`).join('');
const AFTER = TEXT.replace('line 2\n', 'TWO\n');

const made = (context: TestContext) =>
  scene(
    context,
    (root) => ['a.txt', 'b.txt'].forEach((path) => write(root, path, TEXT)),
    (root) => ['a.txt', 'b.txt'].forEach((path) => write(root, path, AFTER)),
  );

test('later edits are merged with what was before, when the person wants it', async (context) => {
  const { rooms, read, write: put, records, reviews, told } = await made(context);
  await rooms.applier.apply(TASK);
  assert.equal(await told(), 'Applied 2 files.');
  assert.deepEqual(reviews, ['applied']);
  put('a.txt', AFTER.replace('line 9\n', 'mine\n'));
  shown.answers.push('Merge With My Edits');
  await rooms.applier.undo(TASK);
  assert.equal(shown.messages.at(-2), '1 file was changed since it was applied.');
  assert.deepEqual(shown.buttons.at(-2), ['Merge With My Edits', 'Restore Them Too']);
  assert.match(
    shown.details.at(-2) ?? '',
    /^• a\.txt: it changed in the meantime\n\nYour edits can be merged/,
  );
  assert.equal(await told(), 'Restored 1 file, 1 merged with your edits.');
  assert.deepEqual([read('a.txt'), read('b.txt')], [TEXT.replace('line 9\n', 'mine\n'), TEXT]);
  assert.equal(records.get(TASK), undefined);
  assert.deepEqual(reviews, ['applied', 'open']);
});

test('what is undone by its checkpoint leaves what was applied before it', async (context) => {
  const { rooms, records, read, told } = await made(context);
  await rooms.applier.apply(TASK);
  const first = records.get(TASK)!;
  records.set(TASK, { ...first, turn: 2, checkpoints: ['gone0000000', ...first.checkpoints] });
  await rooms.applier.undo(TASK);
  assert.equal(await told(), 'Restored 2 files.');
  assert.equal(read('a.txt'), TEXT);
  assert.deepEqual(records.get(TASK), { ...first, turn: 1, checkpoints: ['gone0000000'] });
  await assert.rejects(rooms.applier.undo(TASK), /checkpoint of this apply is not there any more/);
  await assert.rejects(rooms.applier.undoCheckpoint('gone0000000'), /not there any more/);
});

test('edits of the changed lines themselves are not merged, and nothing is done without a word', async (context) => {
  const { rooms, read, write: put, records, told } = await made(context);
  await rooms.applier.apply(TASK);
  const mine = AFTER.replace('TWO\n', 'mine\n');
  put('a.txt', mine);
  await rooms.applier.undo(TASK);
  assert.deepEqual(shown.buttons.at(-2), ['Restore Them Too']);
  assert.match(await told(), /^Restored 1 file, 1 left as they are\. a\.txt: /);
  assert.deepEqual([read('a.txt'), read('b.txt')], [mine, TEXT]);
  assert.equal(records.get(TASK)?.checkpoints.length, 1, 'it can be tried again');
  shown.answers.push('Restore Them Too');
  await rooms.applier.undo(TASK);
  assert.equal(read('a.txt'), TEXT);
});

test('what does not fit is offered to be merged by hand, with its three sides', async (context) => {
  const { rooms, root, read, write: put, told } = await made(context);
  const mine = TEXT.replace('line 2\n', 'my two\n').replace('line 9\n', 'mine\n');
  put('a.txt', mine);
  shown.answers.push('Apply the Others', 'Merge by Hand');
  await rooms.applier.apply(TASK);
  assert.match(await told(), /^Applied 1 file, 1 not applied\. a\.txt: the lines that it changes/);
  assert.deepEqual(shown.buttons.at(-1), ['Merge by Hand', 'Undo', 'Review Changes', 'Show Details']);
  assert.equal(read('b.txt'), AFTER);
  const [command, ...args] = shown.executed.at(-1)!;
  assert.equal(command, 'codexTasks.resolveConflict');
  assert.deepEqual(args, [TASK, { attempt: 1, paths: ['a.txt'] }]);

  let text = mine;
  const document = {
    ...{ eol: 1, encoding: 'utf8', uri: { path: `${root}/a.txt` } },
    getText: () => text,
    positionAt: (offset: number) => offset,
  };
  Object.assign(workspace, {
    openTextDocument: async () => document,
    decode: async (bytes: Uint8Array) => Buffer.from(bytes).toString(),
    // The fake's range of two offsets is a position of both.
    applyEdit: async ({ start, text: put }: { start: { line: number; character: number }; text: string }) => {
      text = text.slice(0, start.line) + put + text.slice(start.character);
      return true;
    },
  });
  await rooms.changes.commands.resolveConflict(...args);
  const marked = [
    ...['<<<<<<< Yours', 'my two', '||||||| Before the change', 'line 2'],
    '=======',
    'TWO',
    '>>>>>>> Codex',
  ];
  assert.equal(text, mine.replace('my two', marked.join('\n')));
  const [merge, sides] = shown.executed.at(-1)! as [string, Record<string, unknown>];
  assert.equal(merge, '_open.mergeEditor');
  assert.deepEqual(Object.keys(sides), ['base', 'input1', 'input2', 'output']);
});

test('a result of which nothing fits says why, and can be merged by hand', async (context) => {
  const { rooms, read, write: put } = await made(context);
  for (const path of ['a.txt', 'b.txt']) put(path, 'other\n');
  await assert.rejects(
    rooms.applier.apply(TASK),
    (thrown: Error & { buttons: Record<string, unknown>[] }) => {
      assert.match(thrown.message, /^Nothing of this result fits here\. a\.txt: /);
      const args = [TASK, { attempt: 1, paths: ['a.txt', 'b.txt'] }];
      assert.deepEqual(thrown.buttons, [
        { label: 'Merge by Hand', command: 'codexTasks.resolveConflict', args },
        { label: 'Apply To…', command: 'codexTasks.applyTo', args: [TASK] },
      ]);
      return true;
    },
  );
  assert.equal(read('a.txt'), 'other\n');
});
