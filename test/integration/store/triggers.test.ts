/** What started a task, as it is stored, and files that were read for its model. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resolveLimits } from '../../../protocol/limits.ts';
import { loadBlob, removeBlobsOf, keepBlob } from '../../../server/tasks/blobs.ts';
import type { Hub } from '../../../server/tasks/hub.ts';
import type { TurnQueue } from '../../../server/tasks/queue.ts';
import { Tasks } from '../../../server/tasks/tasks.ts';
import type { Trigger } from '../../../server/tasks/trigger.ts';
import { openWithTask, TASK, temporaryFolder } from './fixture.ts';

const TRIGGER: Trigger = {
  host: 'github.test',
  repo: 'acme/shop',
  number: 8,
  commentId: '1',
  author: 'alice',
  fork: true,
};

test('a trigger is the task’s for good, and a file goes with its task', async () => {
  const { dataDir, remove } = await temporaryFolder();
  const store = await openWithTask(dataDir);
  try {
    const hub = { publish: () => {}, taskChanged: () => {} } as unknown as Hub;
    const queue = { enqueue: async () => {}, wake: () => {} } as unknown as TurnQueue;
    const tasks = new Tasks({ store, hub, queue, limits: resolveLimits() });
    const request = {
      requestId: 'request-of-a-comment',
      prompt: 'Mend it',
      mode: 'code' as const,
      repo: { repoId: 'abcdefgh', name: 'shop', sha: 'a'.repeat(40), includesLocal: false },
      attempts: 1,
    };
    const made = await tasks.create(request, 'owner', { trigger: TRIGGER });
    assert.deepEqual(await tasks.triggerOf(made.id), TRIGGER);
    // Sent again it is the same task, whoever is said to have started it.
    const again = await tasks.create(request, 'owner');
    assert.equal(again.id, made.id);
    assert.deepEqual(await tasks.triggerOf(made.id), TRIGGER);
    assert.equal(await tasks.triggerOf(TASK), null);

    const bytes = Buffer.concat([Buffer.alloc(3 * 1024 * 1024, 'd'), Buffer.from([0, 255, 10])]);
    const keep = (id: string) => store.write((tx) => keepBlob(tx, id, bytes, 'application/octet-stream'));
    const sha256 = await keep(TASK);
    assert.equal(await keep(made.id), sha256);
    const load = () => store.read((db) => loadBlob(db, sha256));
    assert.ok((await load())?.equals(bytes));
    await store.write((tx) => removeBlobsOf(tx, TASK));
    assert.ok((await load())?.equals(bytes));
    await store.write((tx) => removeBlobsOf(tx, made.id));
    assert.equal(await load(), null);
    await assert.rejects(store.write((tx) => keepBlob(tx, TASK, bytes)));
  } finally {
    await store.close();
    await remove();
  }
});
