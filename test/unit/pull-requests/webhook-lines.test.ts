import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { WEBHOOKS_WAITING } from '../../../protocol/limits.ts';
import { NO_LOG } from '../../../server/log.ts';
import type { PullDeps } from '../../../server/pull-requests/types.ts';
import { openWebhooks } from '../../../server/pull-requests/webhooks.ts';

const SECRET = 'the secret of these webhooks';
const [SLOW, QUICK] = ['slow.example', 'quick.example'];

/** Of each host one pull request is known: #1 of the slow one's, #2 of the quick one's. */
function open(refresh: (taskId: string) => Promise<unknown>) {
  const rows = [1, 2].map((number) => ({ task_id: `task-${number}`, number, branch: 'x', state: 'open' }));
  const query: object = {
    select: () => query,
    where: () => query,
    execute: async () => rows,
    executeTakeFirst: async () => undefined,
  };
  const store = {
    read: (work: (db: object) => unknown) => work({ selectFrom: () => query }),
    write: async () => undefined,
  };
  const deps = { webhookSecret: async () => SECRET, store, log: NO_LOG } as unknown as PullDeps;
  const webhooks = openWebhooks(deps, { refresh, started: async () => undefined });
  let sent = 0;
  const send = (host: string) => {
    const number = host === SLOW ? 1 : 2;
    const body = Buffer.from(JSON.stringify({ repository: { full_name: 'o/n' }, pull_request: { number } }));
    const signature = `sha256=${createHmac('sha256', SECRET).update(body).digest('hex')}`;
    return webhooks.receive({ host, event: 'pull_request', id: `id-${(sent += 1)}`, signature, body });
  };
  return { webhooks, send };
}

test('a forge that is slow, or floods us, holds back no other', async () => {
  const slow = Promise.withResolvers<void>();
  const quick = Promise.withResolvers<void>();
  const looked: string[] = [];
  const { webhooks, send } = open(async (taskId) => {
    looked.push(taskId);
    if (taskId === 'task-1') return slow.promise;
    quick.resolve();
  });
  for (let count = 0; count < WEBHOOKS_WAITING; count++) assert.equal(await send(SLOW), 'taken');
  await assert.rejects(send(SLOW), { code: 'limitReached' });
  assert.equal(await send(QUICK), 'taken');
  await quick.promise;
  assert.deepEqual(looked, ['task-1', 'task-2']);
  slow.resolve();
  await webhooks.idle();
  assert.ok(looked.length <= 3, 'one look serves for all that came before it');
});
