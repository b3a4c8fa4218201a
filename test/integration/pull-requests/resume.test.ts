/** What a process left half published and nobody waits for: it is gone on with, or the task says why not. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { resolveLimits } from '../../../protocol/limits.ts';
import { NO_LOG } from '../../../server/log.ts';
import { resume } from '../../../server/pull-requests/resume.ts';
import { pullRow, putRow, viewOf } from '../../../server/pull-requests/rows.ts';
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
  const signal = new AbortController().signal;
  deps = { store, hub, limits: resolveLimits(), log: NO_LOG, signal } as unknown as PullDeps;
  const now = Date.now();
  await putRow(
    deps,
    {
      ...{
        task_id: TASK,
        host: 'h',
        kind: 'github',
        repo: 'o/n',
        made_by: 'backend',
        number: null,
        url: null,
      },
      ...{
        title: 't',
        body: '',
        draft: false,
        branch: 'b',
        base: 'main',
        state: 'publishing',
        turn: 1,
        attempt: 1,
      },
      ...{ local_changes: 'leaveOut', author: null, pushed_sha: null, pushed_line: null, wanted_sha: null },
      ...{ wanted_line: null, seen: null, seen_at: null, error: null, created_by: 'owner', created_at: now },
      ...{ updated_by: 'owner', updated_at: now },
    },
    { was: undefined },
  );
});
after(async () => {
  await store.close();
  await remove();
});

const errorNow = () =>
  store.read(async (db) => {
    const row = await pullRow(db, TASK);
    assert.ok(row);
    return viewOf(row).error;
  });

test('a result that is gone is told, and not looked for again and again', async () => {
  await assert.rejects(resume(deps, TASK), { code: 'forgeNothingToPublish' });
  assert.equal((await errorNow())?.code, 'forgeNothingToPublish');
});

test('a newer result is not published in the place of the one that was asked for', async () => {
  const now = Date.now();
  await store.write(async (tx) => {
    const first = await tx.selectFrom('turns').selectAll().executeTakeFirstOrThrow();
    await tx
      .insertInto('turns')
      .values({ ...first, turn: 2, request_id: 'request-2' })
      .execute();
    await tx
      .insertInto('results')
      .values({
        ...{ task_id: TASK, turn: 2, attempt: 1, result_sha: 'b'.repeat(40) },
        ...{ summary: '{}', files: '[]', created_at: now },
      })
      .execute();
  });
  await assert.rejects(resume(deps, TASK), { code: 'conflict' });
  const error = await errorNow();
  assert.equal(error?.code, 'conflict');
  assert.equal(error?.params['why'], 'newerResult');
});
