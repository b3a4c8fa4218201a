import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CodexError } from '../../../protocol/errors.ts';
import { openWithTask, TASK, temporaryFolder } from './fixture.ts';

test('an embedded database that broke is opened again for the next transaction, with all that was committed', async () => {
  const { dataDir, remove } = await temporaryFolder();
  const store = await openWithTask(dataDir);
  const title = (text: string) => store.write((tx) => tx.updateTable('tasks').set({ title: text }).execute());
  await title('committed');
  const broken = await Promise.allSettled(
    [1, 2, 3].map(() =>
      store.write(async (tx) => {
        await tx.updateTable('tasks').set({ title: 'lost' }).execute();
        throw new WebAssembly.RuntimeError('unreachable');
      }),
    ),
  );
  for (const one of broken) {
    assert.ok(one.status === 'rejected' && one.reason instanceof CodexError);
    assert.equal(one.reason.code, 'databaseFailed');
  }
  const task = await store.read((db) =>
    db.selectFrom('tasks').select('title').where('id', '=', TASK).executeTakeFirst(),
  );
  assert.equal(task?.title, 'committed');
  await title('goes on');
  await store.close();
  await assert.rejects(title('closed'), (error: CodexError) => error.code === 'shuttingDown');
  await remove();
});
