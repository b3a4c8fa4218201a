/** The door: what is behind it is loaded with its first use, and then does what menus and pages ask for. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { write } from '../../../support/git.ts';
import { scene, shown, TASK } from './scene.ts';

test('pages and menus apply, apply elsewhere, list and undo through the door', async (context) => {
  const { options, read, git, told } = await scene(
    context,
    (root) => write(root, 'a.txt', 'one\n'),
    (root) => write(root, 'a.txt', 'ONE\n'),
  );
  const { ChangesDoor } = await import('../../../../extension/changes/door.ts');
  const kept = new Map<string, unknown>();
  const state = {
    ...{ keys: () => [], get: (key: string) => kept.get(key) as never },
    update: async (key: string, value: unknown) => void kept.set(key, value),
  };
  const door = new ChangesDoor({ ...options, state });
  context.after(() => door.dispose());

  await door.apply(TASK);
  assert.equal(await told(), 'Applied 1 file.');
  await door.undo(TASK);
  assert.equal(await told(), 'Restored 1 file.');
  assert.equal(read('a.txt'), 'one\n');

  await door.handlers.showChanges(TASK);
  assert.equal(shown.keys['codexTasks.changes.open'], true);
  shown.picks.push('New Branch');
  shown.typed.push(['mine']);
  // Nothing is named by the palette: the task is asked for.
  await door.applyTo(undefined);
  assert.match(await told(), /^The result is on the new branch mine/);
  assert.equal(git('show', 'mine:a.txt'), 'ONE');
  shown.picks.push('Make it better', 'Undo');
  await door.listCheckpoints();
  assert.equal(await told(), 'The branch mine is taken away.');
});

test('a row of the review names its task', async (context) => {
  const { rooms, git, told } = await scene(
    context,
    (root) => write(root, 'a.txt', 'one\n'),
    (root) => write(root, 'a.txt', 'ONE\n'),
  );
  await rooms.changes.show(TASK, {});
  shown.picks.push('New Branch');
  shown.typed.push(['mine']);
  await rooms.applyTo(rooms.changes.tree.children()[0]);
  assert.match(await told(), /^The result is on the new branch mine/);
  assert.equal(git('show', 'mine:a.txt'), 'ONE');
});
