/** Commits from the forge before a client pushes them: a try, and nothing but a try. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CodexError } from '../../../protocol/errors.ts';
import { createFetchCommits, type FetchCommitsParts } from '../../../server/forge/fetch-commits.ts';
import type { RemoteRepo } from '../../../server/repos/remote-types.ts';
import { memoryForges } from '../../support/forges.ts';

const [MAIN, HEAD] = ['a'.repeat(40), 'b'.repeat(40)];
const REMOTE = 'https://github.test/acme/shop.git';

interface Fetched {
  asked: string[];
  remotes: RemoteRepo[];
  here: Set<string>;
  repos: FetchCommitsParts['repos'];
}

function repository(atForge: readonly string[], here: string[] = []): Fetched {
  const of: Fetched = {
    asked: [],
    remotes: [],
    here: new Set(here),
    repos: {
      hasCommit: async (_repoId, sha) => of.here.has(sha),
      fetchFrom: async (_repoId, remote, wanted) => {
        of.asked.push(...wanted);
        of.remotes.push(remote);
        if (!wanted.every((sha) => atForge.includes(sha))) throw new CodexError('commitMissing');
        for (const sha of wanted) of.here.add(sha);
        return [...wanted];
      },
    },
  };
  return of;
}

const commits = [MAIN, HEAD];
const wanted = { repoId: 'abcdefgh', remote: REMOTE, commits };

test('what is not here is fetched with the backend’s own access', async () => {
  const of = repository([MAIN, HEAD]);
  await createFetchCommits({ forges: memoryForges(), repos: of.repos })(wanted);
  assert.deepEqual([...of.here], [MAIN, HEAD]);
  assert.equal(of.remotes[0]?.url, REMOTE);
  assert.equal(of.remotes[0]?.credential?.username, 'x-access-token');
});

test('what is here is not asked for, nor what another one brought along', async () => {
  const of = repository([MAIN, HEAD], [MAIN]);
  await createFetchCommits({ forges: memoryForges(), repos: of.repos })(wanted);
  assert.deepEqual(of.asked, [HEAD]);
  const all = repository([MAIN, HEAD], [MAIN, HEAD]);
  await createFetchCommits({ forges: memoryForges(), repos: all.repos })(wanted);
  assert.deepEqual(all.asked, []);
});

test('one that the forge does not have keeps the other from nothing', async () => {
  const of = repository([HEAD]);
  await createFetchCommits({ forges: memoryForges(), repos: of.repos })(wanted);
  assert.deepEqual([...of.here], [HEAD]);
});

test('a remote at no forge that is connected, or none at all, costs nothing', async () => {
  const of = repository([MAIN, HEAD]);
  let looks = 0;
  const hasCommit = async () => (looks++, false);
  const fetch = createFetchCommits({ forges: memoryForges(), repos: { ...of.repos, hasCommit } });
  await fetch({ ...wanted, remote: 'https://elsewhere.test/acme/shop.git' });
  await fetch({ ...wanted, remote: null });
  assert.deepEqual([of.asked, looks], [[], 0]);
});

test('whatever fails, it is as if nothing had been tried', async () => {
  const fails = async (): Promise<never> => {
    throw new CodexError('forgeUnauthorized', { host: 'github.test' });
  };
  const of = repository([MAIN]);
  await createFetchCommits({ forges: { ofRemote: fails }, repos: of.repos })(wanted);
  await createFetchCommits({ forges: memoryForges(), repos: { ...of.repos, hasCommit: fails } })(wanted);
  assert.equal(of.here.size, 0);
});

test('a forge that does not answer is given up, and its fetch stopped', async () => {
  const of = repository([MAIN]);
  const begun = Promise.withResolvers<AbortSignal | undefined>();
  const repos: FetchCommitsParts['repos'] = {
    ...of.repos,
    fetchFrom: (_repoId, _remote, _wanted, signal) => {
      begun.resolve(signal);
      return new Promise(() => {});
    },
  };
  await createFetchCommits({ forges: memoryForges(), repos, withinMs: 20 })(wanted);
  assert.equal((await begun.promise)?.aborted, true);
});
