import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CodexError } from '../../../protocol/errors.ts';
import { FORGE_PAUSE_MS, PULL_LEFT_MS, PULL_POLL_MS, PULL_POLL_OLD_MS } from '../../../protocol/limits.ts';
import { NO_LOG } from '../../../server/log.ts';
import { startPolling } from '../../../server/pull-requests/polling.ts';
import { STOPPED } from '../../../server/pull-requests/publish.ts';
import type { PullRow } from '../../../server/pull-requests/rows.ts';
import type { Store } from '../../../server/store/store.ts';
import { openWithTask, TASK, temporaryFolder } from '../store/fixture.ts';

let store: Store;
let remove: () => Promise<void>;
before(async () => {
  const folder = await temporaryFolder();
  remove = folder.remove;
  store = await openWithTask(folder.dataDir);
});
after(async () => {
  await store.close();
  await remove();
});

const NOW = Date.now();
const put = (more: Partial<PullRow>) =>
  store.write(async (tx) => {
    await tx.deleteFrom('pull_requests').execute();
    await tx
      .insertInto('pull_requests')
      .values({
        ...{
          task_id: TASK,
          host: 'h',
          kind: 'github',
          repo: 'o/n',
          made_by: 'backend',
          number: 1,
          url: 'https://h/1',
        },
        ...{
          title: 't',
          body: '',
          draft: false,
          branch: 'b',
          base: 'main',
          state: 'open',
          turn: 1,
          attempt: 1,
        },
        ...{ local_changes: 'leaveOut', author: null, pushed_sha: null, pushed_line: null, wanted_sha: null },
        ...{ wanted_line: null, seen: null, seen_at: NOW, error: null, created_by: 'owner', created_at: NOW },
        ...{ updated_by: 'owner', updated_at: NOW },
        ...more,
      })
      .execute();
  });

/** What a round at this time does. */
async function at(now: number, fail?: () => Error): Promise<string[]> {
  const done: string[] = [];
  const look = (what: string) => async () => {
    done.push(what);
    if (fail) throw fail();
  };
  const polling = startPolling({
    ...{ store, log: NO_LOG, now: () => now },
    refresh: look('refresh'),
    resume: look('resume'),
    answer: async () => undefined,
  });
  await polling.round();
  await polling.round();
  polling.stop();
  return done;
}

test('a pull request is looked at often in its first day, rarely after, and never once it is done', async () => {
  await put({});
  assert.deepEqual(await at(NOW + PULL_POLL_MS / 2), []);
  assert.deepEqual(await at(NOW + PULL_POLL_MS + 1), ['refresh', 'refresh']);
  await put({ updated_at: NOW - 48 * 3_600_000 });
  assert.deepEqual(await at(NOW + PULL_POLL_MS + 1), []);
  assert.equal((await at(NOW + PULL_POLL_OLD_MS + 1)).length, 2);
  await put({ state: 'merged' });
  assert.deepEqual(await at(NOW + 10 * PULL_POLL_OLD_MS), []);
});

test('what was left half published is gone on with, but for what a person has been told of', async () => {
  await put({ state: 'publishing', number: null });
  assert.deepEqual(await at(NOW + 1), []);
  assert.equal((await at(NOW + PULL_LEFT_MS + 1))[0], 'resume');
  await put({ state: 'publishing', number: null, error: '{}' });
  assert.deepEqual(await at(NOW + PULL_LEFT_MS + 1), []);
  // One whose backend ended waits for nobody.
  await put({ state: 'publishing', number: null, error: STOPPED });
  assert.equal((await at(NOW + 1))[0], 'resume');
});

test('what can’t be gone on with is tried less and less often, up to an hour, until a person looks', async () => {
  await put({ state: 'publishing', number: null, error: STOPPED });
  let now = NOW;
  const tries: number[] = [];
  let answered = 0;
  const polling = startPolling({
    ...{ store, log: NO_LOG, now: () => now },
    refresh: async () => undefined,
    resume: async () => {
      tries.push(Math.round((now - NOW) / 60_000));
      throw new CodexError('conflict');
    },
    answer: async () => void (answered += 1),
  });
  const minutes = async (count: number) => {
    for (let minute = 0; minute < count; minute++) {
      await polling.round();
      now += 60_000;
    }
  };
  await minutes(200);
  assert.deepEqual(tries, [0, 1, 3, 7, 15, 31, 63, 123, 183]);
  assert.equal(answered, 200, 'answers don’t wait for it');
  polling.forgetTask(TASK);
  await minutes(2);
  assert.deepEqual(tries.slice(-2), [200, 201]);
  polling.stop();
});

test('a forge that takes no more requests is left alone for as long as it says', async () => {
  await put({ seen_at: null });
  let now = NOW;
  let looks = 0;
  const polling = startPolling({
    ...{ store, log: NO_LOG, now: () => now },
    refresh: async () => {
      looks += 1;
      throw new CodexError('forgeRateLimited', { host: 'h', waitMs: 5_000 });
    },
    resume: async () => undefined,
    answer: async () => undefined,
  });
  await polling.round();
  await polling.round();
  assert.equal(looks, 1);
  now += 5_001;
  await polling.round();
  assert.equal(looks, 2);
  // Somebody has connected it anew.
  polling.forget();
  await polling.round();
  assert.equal(looks, 3);
  polling.stop();
  assert.equal((await at(NOW, () => new CodexError('forgeUnauthorized'))).length, 1);
  assert.ok(FORGE_PAUSE_MS > 5_000);
});
