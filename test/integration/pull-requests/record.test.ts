/** What the backend takes of a pull request that a client made by itself. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { toWireError } from '../../../protocol/errors.ts';
import { resolveLimits } from '../../../protocol/limits.ts';
import { errorWords } from '../../../client/words/index.ts';
import { NO_LOG } from '../../../server/log.ts';
import { STOPPED } from '../../../server/pull-requests/publish.ts';
import { record } from '../../../server/pull-requests/record.ts';
import { pullRow, type PullRow } from '../../../server/pull-requests/rows.ts';
import type { PullDeps } from '../../../server/pull-requests/types.ts';
import type { Store } from '../../../server/store/store.ts';
import { openWithTask, TASK, temporaryFolder } from '../store/fixture.ts';

let store: Store;
let deps: PullDeps;
let remove: () => Promise<void>;
before(async () => {
  const folder = await temporaryFolder();
  remove = folder.remove;
  store = await openWithTask(folder.dataDir);
  const hub = { publish: () => undefined, taskChanged: () => undefined };
  const forges = { get: async () => Promise.reject(new Error('not connected')) };
  deps = { store, hub, forges, limits: resolveLimits(), log: NO_LOG } as unknown as PullDeps;
  await store.write((tx) =>
    tx
      .insertInto('results')
      .values({
        ...{ task_id: TASK, turn: 1, attempt: 1, result_sha: 'b'.repeat(40) },
        ...{ summary: '{}', files: '[]', created_at: Date.now() },
      })
      .execute(),
  );
});
after(async () => {
  await store.close();
  await remove();
});

type More = Partial<Pick<Parameters<typeof record>[1], 'taskId' | 'turn' | 'attempt' | 'state' | 'number'>>;
const recorded = (more: More = {}) =>
  record(
    deps,
    {
      ...{ taskId: TASK, host: 'h.example', repo: 'o/n', number: 7, url: 'https://h.example/o/n/pull/7' },
      ...{ title: 'Mine', draft: false, branch: 'mine', base: 'main', turn: 1, attempt: 1 },
      ...more,
    },
    'owner',
  );
const now = () => store.read((db) => pullRow(db, TASK));
const refused = async (asked: Promise<unknown>, says: RegExp) =>
  assert.rejects(asked, (error) => {
    const wire = toWireError(error);
    assert.equal(wire.code, 'conflict');
    assert.match(errorWords(wire).text, says);
    return true;
  });

test('a result that the task does not have is refused, and a task that is gone is said to be', async () => {
  await refused(recorded({ turn: 2 }), /no result of turn 2, attempt 1/);
  await refused(recorded({ attempt: 3 }), /no result of turn 1, attempt 3/);
  await assert.rejects(recorded({ taskId: 'zzzzzzzz' }), { code: 'notFound' });
  assert.equal(await now(), undefined);
});

test('one that the backend is publishing stays its own until that has ended', async () => {
  await recorded();
  const set = (change: Partial<PullRow>) =>
    store.write((tx) => tx.updateTable('pull_requests').set(change).execute());
  const half = {
    state: 'publishing',
    number: null,
    url: null,
    made_by: 'backend',
    branch: 'codex/x',
  } as const;
  for (const error of [null, STOPPED]) {
    await set({ ...half, error });
    await refused(recorded(), /being changed already/);
    assert.equal((await now())?.branch, 'codex/x');
  }
  // What failed waits for the person, who may well go the other way.
  await set({ ...half, error: '{"code":"forgeForbidden","params":{},"retryable":false}' });
  assert.equal((await recorded()).state, 'open');
  assert.deepEqual([(await now())?.branch, (await now())?.made_by], ['mine', 'client']);
});

test('one that the client has seen merged or closed is that, and makes room for another', async () => {
  await recorded();
  await assert.rejects(recorded({ number: 8 }), { code: 'pullRequestExists' });
  assert.equal((await recorded({ state: 'merged' })).state, 'merged');
  assert.deepEqual([(await recorded({ number: 8 })).number, (await now())?.state], [8, 'open']);
});
