import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PGlite } from '@electric-sql/pglite';
import { CodexError } from '../../../protocol/errors.ts';
import { openWithTask, TASK, temporaryFolder } from './fixture.ts';

test('an embedded database that broke is opened again for the next transaction, with all that was committed', async (t) => {
  const { dataDir, remove } = await temporaryFolder();
  const store = await openWithTask(dataDir);
  const title = (text: string) => store.write((tx) => tx.updateTable('tasks').set({ title: text }).execute());
  await title('committed');
  const query = t.mock.method(PGlite.prototype, 'query', async () => {
    query.mock.restore();
    throw new WebAssembly.RuntimeError('unreachable');
  });
  const [broken, ...others] = await Promise.allSettled(['lost', 'second', 'third'].map(title));
  assert.ok(broken?.status === 'rejected' && broken.reason instanceof CodexError);
  assert.equal(broken.reason.code, 'databaseFailed');
  assert.deepEqual(
    others.map((one) => one.status),
    ['fulfilled', 'fulfilled'],
    'who waited gets the new one',
  );
  const task = await store.read((db) =>
    db.selectFrom('tasks').select('title').where('id', '=', TASK).executeTakeFirst(),
  );
  assert.equal(task?.title, 'third');
  await title('goes on');
  await store.close();
  await assert.rejects(title('closed'), (error: CodexError) => error.code === 'shuttingDown');
  await remove();
});
