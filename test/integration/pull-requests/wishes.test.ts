/** What a comment asks for while its forge can't be asked: kept, and done when it can. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, beforeEach, test } from 'node:test';
import { CodexError } from '../../../protocol/errors.ts';
import { resolveLimits } from '../../../protocol/limits.ts';
import type { ForgeRepo } from '../../../server/forge/forge.ts';
import { NO_LOG } from '../../../server/log.ts';
import type { PullDeps } from '../../../server/pull-requests/types.ts';
import { openWebhooks, type WebhookHands } from '../../../server/pull-requests/webhooks.ts';
import type { Store } from '../../../server/store/store.ts';
import { anIssue, aPull, FORGE_HOST } from '../../support/forges.ts';
import { openWithTask, TASK, temporaryFolder } from '../store/fixture.ts';

const SECRET = 'the secret of these webhooks';
const SHA = 'a'.repeat(40);

let store: Store;
let remove: () => Promise<void>;
let created: string[];
/** What the forge says to the next questions about a person. */
let answers: CodexError[];
/** What is said there. */
let said: string[];
let refusesTasks: CodexError | null;
before(async () => {
  const folder = await temporaryFolder();
  remove = folder.remove;
  store = await openWithTask(folder.dataDir);
  const on = { host: FORGE_HOST, repo: 'acme/shop', environment: null, enabled_by: 'o', enabled_at: 1 };
  await store.write((tx) => tx.insertInto('forge_triggers').values(on).execute());
});
after(async () => {
  await store.close();
  await remove();
});
beforeEach(() => {
  created = [];
  answers = [];
  said = [];
  refusesTasks = null;
});

const repo: Partial<ForgeRepo> = {
  forge: { host: FORGE_HOST, kind: 'github', loopback: false },
  name: 'acme/shop',
  gitUrl: 'https://github.test/acme/shop.git',
  credential: async () => ({ username: 'x', password: 'y' }),
  permissionOf: async () => {
    const error = answers.shift();
    if (error) throw error;
    return 'write';
  },
  about: async () => ({
    ...{ name: 'acme/shop', defaultBranch: 'main', private: false, archived: false },
    ...{ mayPush: true, cloneUrl: '' },
  }),
  comment: async (number, body) => {
    said.push(`${number}: ${body}`);
    return { id: String(said.length), url: '' };
  },
  issue: async () => anIssue(),
  pull: async () => aPull(),
};

function open(refresh: WebhookHands['refresh'] = async () => undefined, laterMs = 20) {
  const deps = {
    ...{ store, log: NO_LOG, limits: resolveLimits(), signal: new AbortController().signal },
    webhookSecret: async () => SECRET,
    forges: { get: async () => ({ repo: () => repo }) },
    repos: { resolve: async () => 'abcdefgh', fetchFrom: async () => [SHA, SHA] },
    tasks: {
      create: async ({ prompt }: { prompt: string }) => {
        if (refusesTasks) throw refusesTasks;
        created.push(prompt.split('\n')[0] ?? '');
        return { id: TASK };
      },
    },
  } as unknown as PullDeps;
  const hands = { refresh, started: async () => undefined };
  return openWebhooks(deps, hands, { retryMs: [1, 1], laterMs });
}

function comment(id: number, body: string, more: object = {}) {
  const user = { login: 'alice', type: 'User' };
  const payload = {
    ...{ action: 'created', repository: { full_name: 'acme/shop' } },
    ...{ issue: { number: 7, ...more }, comment: { id, body, user } },
  };
  const bytes = Buffer.from(JSON.stringify(payload));
  const signature = `sha256=${createHmac('sha256', SECRET).update(bytes).digest('hex')}`;
  return { host: FORGE_HOST, event: 'issue_comment', id: `delivery-${id}`, signature, body: bytes };
}

const waiting = () =>
  store.read((db) => db.selectFrom('forge_wishes').selectAll().where('host', '=', FORGE_HOST).execute());

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (const from = Date.now(); !(await holds());) {
    assert.ok(Date.now() - from < 20_000, 'it does not come');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const down = (code: 'forgeUnavailable' | 'forgeUnauthorized' | 'forgeRefused') =>
  new CodexError(code, { host: FORGE_HOST });

test('a wish waits for a forge that is away for long, or does not take the token', async () => {
  const webhooks = open();
  answers = Array.from({ length: 9 }, (_, nth) => down(nth < 6 ? 'forgeUnavailable' : 'forgeUnauthorized'));
  assert.equal(await webhooks.receive(comment(1, '@codex first')), 'taken');
  await webhooks.idle();
  assert.deepEqual([created, (await waiting()).length], [[], 1], 'it is kept');
  await until(() => created.length === 1);
  await webhooks.idle();
  assert.deepEqual([created, await waiting()], [['first'], []]);
  await webhooks.receive(comment(1, '@codex first'));
  await webhooks.idle();
  assert.equal(created.length, 1);
  await webhooks.close();
});

test('a limit that says how long it holds is not asked before; the next start goes on', async () => {
  const webhooks = open();
  const limited = new CodexError('forgeRateLimited', { host: FORGE_HOST, waitMs: 600_000 });
  answers = [limited, limited, limited];
  await webhooks.receive(comment(2, '@codex second'));
  await webhooks.idle();
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.deepEqual([created, (await waiting()).length], [[], 1]);
  await webhooks.close();
  const next = open();
  await next.idle();
  assert.deepEqual([created, await waiting()], [['second'], []]);
  await next.close();
});

test('who connects the forge again finds what was asked for meanwhile begun', async () => {
  const webhooks = open(undefined, 600_000);
  answers = [down('forgeUnauthorized')];
  await webhooks.receive(comment(5, '@codex fifth'));
  await webhooks.idle();
  assert.deepEqual(created, []);
  webhooks.again();
  await webhooks.idle();
  assert.deepEqual([created, await waiting()], [['fifth'], []]);
  await webhooks.close();
});

test('what is refused for good is let go, and whoever may write is told', async () => {
  const webhooks = open();
  answers = [down('forgeRefused')];
  await webhooks.receive(comment(3, '@codex third'));
  await webhooks.idle();
  // Nobody knows by now whether they may.
  assert.deepEqual([created, await waiting(), said], [[], [], []]);
  refusesTasks = new CodexError('environmentUnknown', { environment: 'gone' });
  await webhooks.receive(comment(6, '@codex sixth'));
  await webhooks.idle();
  assert.deepEqual([created, await waiting(), said.length], [[], [], 1]);
  assert.match(
    said[0] ?? '',
    /^7: Codex could not begin with this \(`environmentUnknown`\)\..*\n\n<!-- codex-tasks:/,
  );
  // It asks for nothing itself, whoever wrote it.
  await webhooks.receive(comment(7, `@codex quoted\n${said[0]}`));
  await webhooks.idle();
  assert.equal(said.length, 1);
  await webhooks.close();
});

test('a pull request that can’t be looked at keeps nobody’s wish from being done', async () => {
  const pull = {
    ...{ task_id: TASK, host: FORGE_HOST, kind: 'github' as const, repo: 'acme/shop', number: 7 },
    ...{
      made_by: 'backend' as const,
      url: null,
      title: 't',
      body: '',
      draft: false,
      branch: 'b',
      base: 'main',
    },
    ...{ state: 'open' as const, turn: 1, attempt: 1, local_changes: 'leaveOut' as const, author: null },
    ...{
      pushed_sha: null,
      pushed_line: null,
      wanted_sha: null,
      wanted_line: null,
      seen: null,
      seen_at: null,
    },
    ...{ error: null, created_by: 'o', created_at: 1, updated_by: 'o', updated_at: 1 },
  };
  await store.write((tx) => tx.insertInto('pull_requests').values(pull).execute());
  let looked = 0;
  const webhooks = open(async () => {
    looked += 1;
    throw new CodexError('conflict', { why: 'pullRequestBusy' });
  });
  await webhooks.receive(comment(4, '@codex fourth', { pull_request: {} }));
  await webhooks.idle();
  assert.deepEqual([looked, created, await waiting()], [1, ['fourth'], []]);
  await webhooks.close();
});
