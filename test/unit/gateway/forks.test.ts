/** What the gateway asks before it does something for a task, or for a folder that is at a forge. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CodexError } from '../../../protocol/errors.ts';
import type { GatewayDeps } from '../../../server/gateway/deps.ts';
import { createHandlers, type CallContext } from '../../../server/gateway/rpc.ts';

const context = { session: { who: { id: 'owner' }, greeted: true } } as unknown as CallContext;
const handlers = (deps: object) => createHandlers({ forges: {}, ...deps } as GatewayDeps);

test('nothing is allowed for a task on a fork’s code, and nothing of its environment changes', async () => {
  const allowed: string[] = [];
  const of = (fork: boolean) =>
    handlers({
      tasks: { summary: async () => ({}), triggerOf: async () => ({ fork }) },
      environments: { allow: async (_name: string | null, domain: string) => void allowed.push(domain) },
    });
  const wanted = { taskId: 'abcdefgh12', domain: 'example.com' };
  const refused = of(true)['policy.allow'](wanted, context);
  await assert.rejects(
    async () => refused,
    (error: CodexError) => error.code === 'taskUntrusted',
  );
  assert.deepEqual(allowed, []);
  await of(false)['policy.allow'](wanted, context);
  assert.deepEqual(allowed, ['example.com']);
});

test('a folder’s commits are looked for at its forge: the default branch’s, and what local changes lie on', async () => {
  const asked: object[] = [];
  const here = new Set<string>();
  const resolve = handlers({
    repos: { resolve: async () => 'abcdefgh', hasCommit: async (_id: string, sha: string) => here.has(sha) },
    store: { write: async () => {} },
    fetchCommits: async (wanted: { commits: string[] }) => {
      asked.push(wanted);
      for (const sha of wanted.commits) here.add(sha);
    },
  })['repo.resolve'];
  const [sha, headSha, defaultSha] = ['a', 'b', 'c'].map((digit) => digit.repeat(40)) as [
    string,
    string,
    string,
  ];
  const of = { name: 'shop', remote: 'https://github.test/acme/shop.git', folder: 'x' };
  const answer = await resolve({ ...of, sha, defaultSha }, context);
  assert.equal(answer.hasCommit, true);
  assert.equal(answer.hasDefault, true);
  here.clear();
  const local = await resolve({ ...of, sha, headSha, defaultSha }, context);
  assert.equal(local.hasCommit, false, 'a snapshot is nowhere but with the person');
  assert.deepEqual(asked, [
    { repoId: 'abcdefgh', remote: of.remote, commits: [defaultSha, sha] },
    { repoId: 'abcdefgh', remote: of.remote, commits: [defaultSha, headSha] },
  ]);
});
