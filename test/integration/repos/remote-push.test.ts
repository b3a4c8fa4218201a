import { strict as assert } from 'node:assert';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { CodexError } from '../../../protocol/errors.ts';
import type { RemoteRepo } from '../../../server/repos/remote-types.ts';
import {
  binary,
  changeEverything,
  commitAll,
  git,
  gitAsync,
  repositoryOfEverything,
  tryGitAsync,
  write,
} from '../../support/git.ts';
import { PASSWORD, openForge, type ForgeServer } from './forge-server.ts';
import { openTestStore, type TestStore } from './support.ts';

const TASK = 'aaaaaaaaaa';
const AUTHOR = { name: 'A Person', email: 'person@example.com' };

describe('pushing a branch to a forge', () => {
  let store: TestStore;
  let forge: ForgeServer;
  let work: string;
  let head: string;
  let repoId: string;
  let count = 0;
  /** Of each test: a repository at the forge with `main`. */
  let name: string;
  let there: string;
  let remote: RemoteRepo;

  before(async () => {
    store = await openTestStore({ remoteTimes: { stallMs: 1_000, totalMs: 30_000 } });
    forge = await openForge(join(store.dir, 'forge'));
    ({ dir: work, head } = repositoryOfEverything(join(store.dir, 'work')));
    repoId = await store.repos.resolve({ name: 'work', remote: null, folder: 'work' });
    await bring(head);
  });
  after(async () => {
    await forge.close();
    await store.close();
  });
  beforeEach(() => {
    forge.fault = () => undefined;
    name = `owner/repo${(count += 1)}`;
    there = forge.make(name);
    remote = forge.remote(name);
    git(there, ['fetch', '-q', work, `${head}:refs/heads/main`], { env: ALLOW_FILES });
  });

  const bring = (sha: string) =>
    gitAsync(work, ['push', '-q', store.url(repoId), `${sha}:refs/codex/in/${crypto.randomUUID()}`]);
  const at = (branch: string) =>
    git(there, ['for-each-ref', '--format=%(objectname)', `refs/heads/${branch}`]);
  const push = (branch: string, sha: string, expected: string | null, signal?: AbortSignal) =>
    store.repos.pushTo(repoId, remote, { branch, sha, expected }, signal);
  const next = (parent: string, message: string) =>
    store.repos
      .treeOf(repoId, parent)
      .then((tree) =>
        store.repos.makeCommit(repoId, TASK, { tree, parents: [parent], author: AUTHOR, at: 0, message }),
      );
  const failure = async (done: Promise<unknown>): Promise<CodexError> => {
    const thrown = await done.then(
      () => assert.fail('it worked'),
      (error: unknown) => error,
    );
    assert.ok(thrown instanceof CodexError, String(thrown));
    assert.doesNotMatch(everythingIn(thrown), SECRET);
    return thrown;
  };

  test('a new branch, then a commit on top of it', async () => {
    const first = await next(head, 'One');
    await push('codex/fix', first, null);
    assert.equal(at('codex/fix'), first);
    const second = await next(first, 'Two');
    await push('codex/fix', second, first);
    assert.equal(at('codex/fix'), second);
    assert.equal(at('main'), head);
    git(there, ['fsck', '--strict', '--full']);
  });

  test('only what the forge lacks is sent', async () => {
    const objects = () => Number(/^count: (\d+)/.exec(git(there, ['count-objects', '-v']))?.[1]);
    const before = objects();
    await push('small', await next(head, 'Only a commit'), null);
    assert.equal(objects(), before + 1);
  });

  test('every kind of file arrives byte for byte, a large one too', async () => {
    changeEverything(work);
    write(work, 'large.bin', binary(20 * 1024 * 1024, 'large'));
    const changed = commitAll(work, 'Change everything');
    await bring(changed);
    await push('all', changed, null);
    assert.equal(at('all'), changed);
    git(there, ['fsck', '--strict', '--full']);
    const list = (dir: string) => git(dir, ['ls-tree', '-r', '-z', '--full-tree', changed]);
    assert.equal(list(there), list(work));
    git(work, ['reset', '-q', '--hard', head]);
  });

  test('into a repository that has nothing yet', async () => {
    git(there, ['update-ref', '-d', 'refs/heads/main']);
    await push('main', head, null);
    assert.equal(at('main'), head);
  });

  test('a commit that the forge has already', async () => {
    await push('same', head, null);
    assert.equal(at('same'), head);
  });

  test('with object ids of SHA-256, and not into a repository with others', async () => {
    const other = join(store.dir, 'sha256');
    git(store.dir, ['init', '-q', '--object-format=sha256', '--initial-branch=main', other]);
    write(other, 'a.txt', 'a\n');
    const sha = commitAll(other);
    const id = await store.repos.resolve({ name: 'o', remote: null, folder: 'o', sha });
    await gitAsync(other, ['push', '-q', store.url(id), `${sha}:refs/codex/in/${crypto.randomUUID()}`]);
    forge.make('owner/long', { objectFormat: 'sha256' });
    const to = { branch: 'x', sha, expected: null };
    await store.repos.pushTo(id, forge.remote('owner/long'), to);
    assert.equal(
      (await store.repos.remoteRefs(forge.remote('owner/long'), ['refs/heads/x'])).get('refs/heads/x'),
      sha,
    );
    await assert.rejects(store.repos.pushTo(id, remote, to), { code: 'forgeRefused' });
  });

  for (const branch of ['codex/größe-ändern', '修正/日本語', 'émoji-🎉', 'a.b/c@d']) {
    test(`a branch named ${branch}`, async () => {
      await push(branch, head, null);
      assert.equal(at(branch), head);
      const refs = await store.repos.remoteRefs(remote, [`refs/heads/${branch}`, 'refs/heads/none']);
      assert.deepEqual([...refs], [[`refs/heads/${branch}`, head]]);
    });
  }

  for (const branch of [
    '',
    '-f',
    '--mirror',
    'refs/heads/x',
    'HEAD',
    '@',
    'a b',
    'a..b',
    'a\nb',
    'a\0b',
    'x.lock',
    '/x',
    'x/',
    'a:b',
    'a~1',
    'a^',
    '\ud800',
  ]) {
    test(`no branch is named ${JSON.stringify(branch)}`, async () => {
      const asked = forge.seen.length;
      assert.equal((await failure(push(branch, head, null))).code, 'badRequest');
      assert.equal(forge.seen.length, asked);
    });
  }

  test('a name that is taken is not taken over', async () => {
    const mine = await next(head, 'Mine');
    const error = await failure(push('main', mine, null));
    assert.deepEqual([error.code, error.wire.params], ['forgeBranchMoved', { branch: 'main' }]);
    assert.equal(at('main'), head);
  });

  test('what others pushed is never overwritten', async () => {
    const mine = await next(head, 'Mine');
    await push('shared', mine, null);
    const theirs = git(there, ['commit-tree', '-p', mine, '-m', 'Theirs', `${mine}^{tree}`]);
    git(there, ['update-ref', 'refs/heads/shared', theirs]);
    const again = await next(mine, 'Mine again');
    assert.equal((await failure(push('shared', again, mine))).code, 'forgeBranchMoved');
    // Nor by somebody who knows of it, and does not build on it.
    assert.equal((await failure(push('shared', again, theirs))).code, 'forgeBranchMoved');
    await store.repos.fetchFrom(repoId, remote, ['refs/heads/shared']);
    assert.equal((await failure(push('shared', again, theirs))).code, 'forgeBranchMoved');
    assert.equal(at('shared'), theirs);
  });

  test('a branch that is gone is not made again', async () => {
    const mine = await next(head, 'Mine');
    assert.equal((await failure(push('gone', await next(mine, 'More'), mine))).code, 'forgeBranchGone');
    assert.equal(at('gone'), '');
  });

  test('somebody who is faster between the look and the push wins', async () => {
    const mine = await next(head, 'Mine');
    await push('race', mine, null);
    const theirs = git(there, ['commit-tree', '-p', mine, '-m', 'Faster', `${mine}^{tree}`]);
    forge.fault = ({ method }) => {
      if (method === 'POST') git(there, ['update-ref', 'refs/heads/race', theirs]);
      return undefined;
    };
    const error = await failure(push('race', await next(mine, 'Too late'), mine));
    assert.deepEqual([error.code, error.wire.params], ['forgeBranchMoved', { branch: 'race' }]);
    assert.equal(at('race'), theirs);

    forge.fault = ({ method }) => {
      if (method === 'POST') git(there, ['update-ref', 'refs/heads/new', theirs]);
      return undefined;
    };
    assert.equal((await failure(push('new', mine, null))).code, 'forgeBranchMoved');
    assert.equal(at('new'), theirs);
  });

  test('a push of which the end was not heard is found to have arrived', async () => {
    const mine = await next(head, 'Mine');
    forge.fault = ({ method }) => (method === 'POST' ? { kind: 'cutAfter' } : undefined);
    const error = await failure(push('unheard', mine, null));
    assert.equal(error.code, 'forgeUnavailable');
    assert.equal(error.wire.retryable, true);
    forge.fault = () => undefined;
    assert.equal(
      (await store.repos.remoteRefs(remote, ['refs/heads/unheard'])).get('refs/heads/unheard'),
      mine,
    );
    await push('unheard', mine, null);
    assert.equal(at('unheard'), mine);
  });

  test('a push that is cut in its middle leaves the branch as it was, and works later', async () => {
    write(work, 'middle.bin', binary(3 * 1024 * 1024, 'middle'));
    const large = commitAll(work, 'Large');
    git(work, ['reset', '-q', '--hard', head]);
    await bring(large);
    forge.fault = ({ method, headers }) =>
      method === 'POST' && headers['content-length'] !== '4'
        ? { kind: 'cutRequest', bytes: 1_000_000 }
        : undefined;
    assert.equal((await failure(push('cut', large, null))).code, 'forgeUnavailable');
    assert.equal(at('cut'), '');
    forge.fault = () => undefined;
    await push('cut', large, null);
    assert.equal(at('cut'), large);
  });

  test('a push that stalls ends by itself, and one that is cancelled at once', async () => {
    forge.fault = ({ method }) => (method === 'POST' ? { kind: 'stall' } : undefined);
    const error = await failure(push('stall', await next(head, 'Stalls'), null));
    assert.deepEqual([error.code, error.wire.params['reason']], ['forgeUnavailable', 'timeout']);

    const abort = new AbortController();
    forge.fault = ({ method }) => {
      if (method !== 'POST') return undefined;
      setImmediate(() => abort.abort());
      return { kind: 'stall' };
    };
    assert.equal((await failure(push('stall', head, null, abort.signal))).code, 'cancelled');
    assert.equal((await failure(push('stall', head, null, abort.signal))).code, 'cancelled');
    assert.equal(at('stall'), '');
  });

  for (const [hook, script, expected] of [
    [
      'pre-receive',
      'echo "error: GH006: Protected branch update failed for refs/heads/x." >&2; echo "error: Changes must be made through a pull request." >&2; exit 1',
      {
        branch: 'x',
        protectedBranch: 'x',
        reason:
          'Protected branch update failed for refs/heads/x. Changes must be made through a pull request.',
      },
    ],
    [
      'update',
      'printf "error: GH013: Repository rule violations found for refs/heads/x.\\n\\n- Cannot update this protected ref.\\n" >&2; exit 1',
      {
        branch: 'x',
        protectedBranch: 'x',
        reason:
          'Repository rule violations found for refs/heads/x. Cannot update this protected ref. hook declined to update refs/heads/x',
      },
    ],
    [
      'pre-receive',
      'printf "error: Trace: 0123\\nerror: File assets/big file.bin is 120.00 MB; this exceeds GitHub\'s file size limit of 100.00 MB\\nerror: GH001: Large files detected.\\n" >&2; exit 1',
      { branch: 'x', path: 'assets/big file.bin' },
    ],
    ['update', 'exit 1', { branch: 'x', reason: 'hook declined to update refs/heads/x' }],
    ['pre-receive', 'printf "\\033[31mno\\033[0m\\007 %s\\n" "$PASSED" >&2; exit 1', { reason: 'no' }],
  ] as const) {
    test(`a ${hook} hook that says ${script.slice(0, 60)}… is told as a refusal`, async () => {
      forge.hook(name, hook, script);
      const error = await failure(push('x', await next(head, 'Refused'), null));
      assert.equal(error.code, 'forgePushRefused');
      const { params } = error.wire;
      for (const [key, value] of Object.entries(expected)) assert.equal(params[key], value);
      if (!('protectedBranch' in expected)) assert.equal(params['protectedBranch'], undefined);
      assert.equal(at('x'), '');
    });
  }

  test('what a forge repeats of the token is taken out of its words', async () => {
    const basic = Buffer.from(`x-access-token:${PASSWORD}`).toString('base64');
    forge.hook(name, 'pre-receive', `echo "you are ${PASSWORD} or ${basic}" >&2; exit 1`);
    const error = await failure(push('x', await next(head, 'Echo'), null));
    assert.equal(error.wire.params['reason'], 'you are *** or ***');
    forge.fault = () => ({ kind: 'status', status: 403, body: `not for ${PASSWORD}, ${basic}` });
    await failure(push('x', head, null));
  });

  for (const [status, headers, expected] of [
    [401, {}, { code: 'forgeUnauthorized', retryable: false }],
    [403, {}, { code: 'forgeForbidden', need: 'contents: write' }],
    [403, { 'retry-after': '30' }, { code: 'forgeRateLimited', waitMs: 30_000 }],
    [429, {}, { code: 'forgeRateLimited', retryable: true }],
    [404, {}, { code: 'forgeRepoUnknown' }],
    [301, { location: 'http://127.0.0.1:1/other/place.git/info/refs' }, { code: 'forgeRepoUnknown' }],
    [500, {}, { code: 'forgeUnavailable', reason: 'HTTP 500', retryable: true }],
    [503, {}, { code: 'forgeUnavailable', reason: 'HTTP 503' }],
    [413, {}, { code: 'forgeRefused', reason: 'HTTP 413' }],
  ] as const) {
    for (const when of ['GET', 'POST'] as const) {
      test(`${status} ${JSON.stringify(headers)} to a ${when} is ${expected.code}`, async () => {
        forge.fault = ({ method }) => (method === when ? { kind: 'status', status, headers } : undefined);
        const { code, wire } = await failure(push('x', await next(head, 'Status'), null));
        const params = { code, retryable: wire.retryable, ...wire.params };
        for (const [key, value] of Object.entries(expected)) assert.equal(params[key as 'code'], value, key);
        assert.equal(wire.params['host'], remote.host);
        assert.equal(at('x'), '');
      });
    }
  }

  test('a token that expires before a large push is told as such, not as a broken connection', async () => {
    write(work, 'expire.bin', binary(3 * 1024 * 1024, 'expire'));
    const large = commitAll(work, 'Large');
    git(work, ['reset', '-q', '--hard', head]);
    await bring(large);
    forge.fault = ({ method }) => (method === 'POST' ? { kind: 'status', status: 401 } : undefined);
    assert.equal((await failure(push('expired', large, null))).code, 'forgeUnauthorized');
  });

  test('a wrong token is answered at once, and asks nobody', { timeout: 10_000 }, async () => {
    remote = forge.remote(name, 'ghp_wrong');
    assert.equal((await failure(push('x', head, null))).code, 'forgeUnauthorized');
  });

  test('no server, a page instead of git, and half an answer', async () => {
    remote = { ...remote, url: 'http://127.0.0.1:1/owner/repo.git' };
    assert.deepEqual((await failure(push('x', head, null))).wire.params['reason'], 'ECONNREFUSED');
    remote = forge.remote(name);
    forge.fault = () => ({ kind: 'answer', type: 'text/html', body: Buffer.from('<p>Sign in</p>') });
    assert.equal((await failure(push('x', head, null))).code, 'forgeGarbage');
    forge.fault = () => ({
      kind: 'answer',
      type: 'application/x-git-receive-pack-advertisement',
      body: Buffer.from('this is not a packet'),
    });
    assert.equal((await failure(push('x', head, null))).code, 'forgeGarbage');
    forge.fault = () => ({ kind: 'cutAnswer', bytes: 40 });
    assert.equal((await failure(push('x', head, null))).code, 'forgeUnavailable');
  });

  test('the credential follows no redirect', async () => {
    const other = await openForge(join(store.dir, 'other-forge'));
    try {
      forge.fault = ({ url }) => ({
        kind: 'status',
        status: 302,
        headers: { location: `${other.origin}${url ?? ''}` },
      });
      assert.equal((await failure(push('x', head, null))).code, 'forgeRepoUnknown');
      assert.deepEqual(other.seen, []);
    } finally {
      await other.close();
    }
  });

  test('an address with a credential in it, or of another kind, is refused', async () => {
    for (const url of [
      `http://a:${PASSWORD}@127.0.0.1/x.git`,
      'file:///etc',
      'ssh://git@host/x',
      'ext::sh',
      `${remote.url}?a=b`,
    ]) {
      remote = { ...remote, url };
      assert.equal((await failure(push('x', head, null))).code, 'badRequest');
    }
  });

  test(
    'while a push is under way and after it, the token is in no process and no file',
    { skip: process.platform !== 'linux' },
    async () => {
      write(work, 'slow.bin', binary(3 * 1024 * 1024, 'slow'));
      const large = commitAll(work, 'Slow');
      git(work, ['reset', '-q', '--hard', head]);
      await bring(large);
      let looked = 0;
      forge.fault = ({ method }) => {
        if (method === 'POST') {
          looked += 1;
          assertNotInProcesses();
        }
        return undefined;
      };
      await push('slow', large, null);
      assert.equal(looked, 2);
      const found = await tryGitAsync(store.dataDir, [
        'grep',
        '--no-index',
        '-a',
        '-l',
        '-F',
        PASSWORD,
        '--',
        '.',
      ]);
      assert.equal(found.stdout.toString('utf8'), '');
      assert.equal(found.code, 1);
      assert.doesNotMatch(readFileSync(join(store.repoDir(repoId), 'config'), 'utf8'), /127\.0\.0\.1|remote/);
    },
  );
});

const ALLOW_FILES = { GIT_ALLOW_PROTOCOL: 'file' };
const SECRET = new RegExp(`${PASSWORD}|${Buffer.from(`x-access-token:${PASSWORD}`).toString('base64')}`);

function everythingIn(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const wire = thrown instanceof CodexError ? JSON.stringify(thrown.wire) : '';
  return `${thrown.message} ${thrown.stack ?? ''} ${wire} ${thrown.cause === undefined ? '' : everythingIn(thrown.cause)}`;
}

function assertNotInProcesses(): void {
  for (const pid of readdirSync('/proc').filter((one) => /^\d+$/.test(one))) {
    for (const file of ['cmdline', 'environ']) {
      let text = '';
      try {
        text = readFileSync(`/proc/${pid}/${file}`, 'latin1');
      } catch {
        // Ended, or somebody else's.
      }
      assert.doesNotMatch(text, SECRET, `${pid} ${file}`);
    }
  }
}
