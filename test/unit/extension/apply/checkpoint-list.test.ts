/** `Checkpoints…`: the list, and what can be done with a row. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { write } from '../../../support/git.ts';
import { scene, shown, TASK, workspace } from './scene.ts';

const made = (context: TestContext) =>
  scene(
    context,
    (root) => write(root, 'a.txt', 'one\n'),
    (root) => write(root, 'a.txt', 'ONE\n'),
  );

test('the list says when, what and how large, and a row is undone', async (context) => {
  const { rooms, read, records, reviews, told } = await made(context);
  await assert.rejects(rooms.checkpoints.show(), /Nothing was applied in this window’s folders/);
  await rooms.applier.apply(TASK);
  shown.picks.push('New Branch');
  shown.typed.push(['mine']);
  await rooms.applyTo(TASK);
  shown.picks.push('Make it better', 'Undo');
  shown.lists.length = 0;
  await rooms.checkpoints.show();
  const [list, actions] = shown.lists;
  assert.match(list?.title ?? '', /^1 checkpoint, \S+ bytes$/);
  assert.deepEqual(list?.labels, ['Make it better', 'Make it better']);
  assert.match(list?.descriptions[1] ?? '', /20\d\d.* · 1 file · \S+ bytes$/);
  assert.deepEqual(actions?.labels, ['$(discard) Undo', '$(trash) Delete']);
  assert.equal(await told(), 'The branch mine is taken away.', 'the newest is first');
  assert.deepEqual(reviews, ['applied', 'applied'], 'it still is in the folder');

  await rooms.applier.undoCheckpoint(records.get(TASK)!.checkpoints[0]!);
  assert.equal(await told(), 'Restored 1 file.');
  assert.equal(read('a.txt'), 'one\n');
  assert.equal(records.get(TASK), undefined);
});

test('a deletion asks first; then what was applied stays, and says why it can’t be undone', async (context) => {
  const { rooms, read } = await made(context);
  await rooms.applier.apply(TASK);
  shown.picks.push('Make it better', 'Delete', undefined);
  await assert.rejects(rooms.checkpoints.show(), /dismissed/);
  assert.equal(shown.messages.at(-1), 'Delete the checkpoint of “Make it better”?');
  shown.picks.push('Make it better', 'Delete');
  shown.answers.push('Delete');
  await assert.rejects(rooms.checkpoints.show(), /Nothing was applied in this window’s folders/);
  assert.equal(read('a.txt'), 'ONE\n');
  await assert.rejects(rooms.applier.undo(TASK), /checkpoint of this apply is not there any more/);
});

test('edits that an undo put aside are a row of their own', async (context) => {
  const { rooms, read, write: put, records } = await made(context);
  await rooms.applier.apply(TASK);
  put('a.txt', 'mine\n');
  shown.answers.push('Restore Them Too');
  await rooms.applier.undo(TASK);
  assert.equal(read('a.txt'), 'one\n');
  assert.equal(records.get(TASK), undefined);
  shown.picks.push('Make it better', 'Undo');
  await rooms.checkpoints.show();
  assert.match(shown.lists[0]?.descriptions[0] ?? '', /your edits before an undo$/);
  assert.match(shown.lists[0]?.descriptions[1] ?? '', /undone$/);
  assert.equal(read('a.txt'), 'mine\n');
});

test('no git is run for the list in an untrusted folder', async (context) => {
  const { rooms } = await made(context);
  workspace.isTrusted = false;
  context.after(() => (workspace.isTrusted = true));
  await assert.rejects(rooms.checkpoints.show(), /not trusted/);
});
