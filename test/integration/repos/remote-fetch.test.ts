import { strict as assert } from 'node:assert';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { CodexError } from '../../../protocol/errors.ts';
import type { RemoteRepo } from '../../../server/repos/remote-types.ts';
import { packet } from '../../../server/repos/pkt-line.ts';
import {
  binary,
  commitAll,
  git,
  gitBytes,
  hostileTree,
  initRepository,
  tryGit,
  write,
} from '../../support/git.ts';
import { PASSWORD, openForge, type ForgeServer } from './forge-server.ts';
import { openTestStore, type TestStore } from './support.ts';

const NONE = '1'.repeat(40);

describe('fetching from a forge', () => {
  let store: TestStore;
  let forge: ForgeServer;
  let count = 0;
  let there: string;
  let remote: RemoteRepo;
  let repoId: string;
  /** At the forge: `main`, `feature` on top of it, `refs/pull/7/head` beside them. */
  let main: string;
  let feature: string;
  let pull: string;

  before(async () => {
    store = await openTestStore({
      maxPushBytes: 2_000_000,
      remoteTimes: { stallMs: 4_000, totalMs: 60_000 },
    });
    forge = await openForge(join(store.dir, 'forge'));
  });
  after(async () => {
    await forge.close();
    await store.close();
  });
  beforeEach(async () => {
    forge.fault = () => undefined;
    forge.version2 = true;
    count += 1;
    const name = `owner/repo${count}`;
    there = forge.make(name);
    remote = forge.remote(name);
    repoId = await store.repos.resolve({ name, remote: null, folder: name });
    const empty = git(there, ['mktree'], { input: '' });
    const commit = (parent: string | null, message: string) =>
      git(there, ['commit-tree', ...(parent === null ? [] : ['-p', parent]), '-m', message, empty]);
    main = commit(null, 'Main');
    feature = commit(main, 'Feature');
    pull = commit(feature, 'Pull');
    git(there, ['update-ref', 'refs/heads/main', main]);
    git(there, ['update-ref', 'refs/heads/größe', feature]);
    git(there, ['update-ref', 'refs/pull/7/head', pull]);
  });

  const fetch = (...wanted: string[]) => store.repos.fetchFrom(repoId, remote, wanted);
  const kept = () =>
    git(store.repoDir(repoId), ['for-each-ref', '--format=%(refname)']).split('\n').filter(Boolean);
  const failure = async (done: Promise<unknown>): Promise<CodexError> => {
    const thrown = await done.then(
      () => assert.fail('it worked'),
      (error: unknown) => error,
    );
    assert.ok(thrown instanceof CodexError, String(thrown));
    assert.ok(!`${thrown.message}${JSON.stringify(thrown.wire)}`.includes(PASSWORD));
    return thrown;
  };
  const nothingLeft = () => {
    const repo = store.repoDir(repoId);
    const objects = readdirSync(join(repo, 'objects'));
    assert.deepEqual(
      objects.filter((one) => one !== 'info' && one !== 'pack'),
      [],
    );
    assert.deepEqual(readdirSync(join(repo, 'objects', 'pack')), []);
    assert.deepEqual(kept(), []);
  };

  for (const version2 of [true, false]) {
    const version = version2 ? 'version 2' : 'version 0';

    test(`refs by name and by pattern, ${version}`, async () => {
      forge.version2 = version2;
      const refs = (...names: string[]) => store.repos.remoteRefs(remote, names).then((found) => [...found]);
      assert.deepEqual(await refs('refs/heads/größe', 'refs/heads/none'), [['refs/heads/größe', feature]]);
      assert.deepEqual(await refs('refs/heads/*'), [
        ['refs/heads/größe', feature],
        ['refs/heads/main', main],
      ]);
      assert.deepEqual(await refs('HEAD'), [['HEAD', main]]);
      assert.deepEqual(await refs('refs/heads/mai'), []);
    });

    test(`a branch, a pull request and an id, in their order, ${version}`, async () => {
      forge.version2 = version2;
      if (!version2) git(there, ['config', 'uploadpack.allowReachableSHA1InWant', 'true']);
      assert.deepEqual(await fetch('refs/pull/7/head', main, 'refs/heads/größe', main), [
        pull,
        main,
        feature,
        main,
      ]);
      for (const sha of [main, feature, pull]) assert.equal(await store.repos.hasCommit(repoId, sha), true);
      assert.deepEqual(kept(), [main, feature, pull].map((sha) => `refs/codex/forge/${sha}`).sort());
      git(store.repoDir(repoId), ['fsck', '--strict', '--full']);
    });

    test(`what is new is added to what is here, ${version}`, async () => {
      forge.version2 = version2;
      write(there, 'x', binary(500_000));
      const blob = git(there, ['hash-object', '-w', 'x']);
      const tree = git(there, ['mktree'], { input: `100644 blob ${blob}\tlarge\n` });
      const large = git(there, ['commit-tree', '-p', main, '-m', 'Large', tree]);
      git(there, ['update-ref', 'refs/heads/main', large]);
      await fetch('refs/heads/main');
      const small = git(there, ['commit-tree', '-p', large, '-m', 'Small', tree]);
      git(there, ['update-ref', 'refs/heads/main', small]);
      const before = await store.repos.packBytes(repoId);
      assert.deepEqual(await fetch('refs/heads/main'), [small]);
      const grown = (await store.repos.packBytes(repoId)) - before;
      assert.ok(grown < 10_000, String(grown));
    });
  }

  test('what is here already is not asked for', async () => {
    await fetch(feature);
    forge.seen.length = 0;
    assert.deepEqual(await fetch(feature, main), [feature, main]);
    assert.deepEqual(forge.seen, []);
  });

  test('two at a time bring a thing once', async () => {
    forge.seen.length = 0;
    await Promise.all([fetch(pull), fetch(pull)]);
    assert.equal(forge.seen.filter(({ method }) => method === 'POST').length, 1);
  });

  test('a tag with a message is the commit that it names', async () => {
    git(there, ['tag', '-a', '-m', 'Release', 'v1', feature]);
    assert.deepEqual(await fetch('refs/tags/v1'), [feature]);
  });

  test('a branch that is not there, an id that nobody has, a name that is none', async () => {
    assert.deepEqual((await failure(fetch('refs/heads/none'))).wire.params, { branch: 'none' });
    const { code, wire } = await failure(fetch(NONE));
    assert.deepEqual([code, wire.params], ['commitMissing', { sha: NONE }]);
    for (const bad of ['main', 'refs/heads/a b', '--upload-pack=x', 'refs/heads/*', '1234567', 'refs/../x'])
      assert.equal((await failure(fetch(bad))).code, 'badRequest');
    assert.equal((await failure(store.repos.remoteRefs(remote, ['refs/heads/a\nb']))).code, 'badRequest');
    const blob = git(there, ['hash-object', '-w', '--stdin'], { input: 'no commit' });
    git(there, ['update-ref', 'refs/tags/blob', blob]);
    assert.equal((await failure(fetch('refs/tags/blob'))).code, 'commitMissing');
    assert.deepEqual(kept(), []);
  });

  test('more than the limit is refused while it comes, and nothing stays', async () => {
    write(there, 'x', binary(3_000_000));
    const blob = git(there, ['hash-object', '-w', 'x']);
    const tree = git(there, ['mktree'], { input: `100644 blob ${blob}\tlarge\n` });
    git(there, ['update-ref', 'refs/heads/large', git(there, ['commit-tree', '-m', 'Large', tree])]);
    const { code, wire } = await failure(fetch('refs/heads/large'));
    assert.deepEqual([code, wire.params], ['limitReached', { limit: 'pushBytes', value: 2_000_000 }]);
    nothingLeft();
  });

  for (const entry of ['.git', '..', '.GIT', 'git~1']) {
    test(`a tree with ${entry} from a hostile forge is refused, and nothing stays`, async () => {
      const blob = git(there, ['hash-object', '-w', '--stdin'], { input: 'evil\n' });
      const tree = hostileTree(there, [{ mode: '100644', name: entry, sha: blob }]);
      git(there, ['update-ref', 'refs/heads/evil', git(there, ['commit-tree', '-m', 'Evil', tree])]);
      assert.equal((await failure(fetch('refs/heads/evil'))).code, 'forgeGarbage');
      nothingLeft();
    });
  }

  test('a .gitmodules that attacks who clones it is refused', async () => {
    const blob = git(there, ['hash-object', '-w', '--stdin'], {
      input: '[submodule "../../x"]\n\tpath = x\n\turl = -u./evil\n',
    });
    const tree = git(there, ['mktree'], { input: `100644 blob ${blob}\t.gitmodules\n` });
    git(there, ['update-ref', 'refs/heads/evil', git(there, ['commit-tree', '-m', 'Evil', tree])]);
    assert.equal((await failure(fetch('refs/heads/evil'))).code, 'forgeGarbage');
    nothingLeft();
  });

  test('a pack that is not whole, is cut, or is none is refused, and nothing stays', async () => {
    const work = initRepository(join(store.dir, `work${count}`));
    write(work, 'a.txt', 'a\n');
    const commit = commitAll(work);
    const answer = (pack: Buffer) => {
      const band = (data: Buffer) =>
        Buffer.concat([
          Buffer.from(packet(`\x01${data.toString('latin1')}`).slice(0, 4)),
          Buffer.from([1]),
          data,
        ]);
      const bytes = band(pack);
      bytes.write((pack.length + 5).toString(16).padStart(4, '0'), 'latin1');
      return Buffer.concat([Buffer.from(packet('packfile\n')), bytes, Buffer.from('0000')]);
    };
    const type = 'application/x-git-upload-pack-result';
    const only = gitBytes(work, ['pack-objects', '--stdout', '-q'], { input: `${commit}\n` });
    for (const [body, code] of [
      [answer(only), 'forgeGarbage'],
      [answer(Buffer.from('not a pack')), 'forgeGarbage'],
      [answer(only).subarray(0, 60), 'forgeUnavailable'],
      [Buffer.from('neither'), 'forgeGarbage'],
      [Buffer.from(packet('ERR upload-pack: overloaded')), 'forgeRefused'],
    ] as const) {
      forge.fault = ({ method }) => (method === 'POST' ? { kind: 'answer', type, body } : undefined);
      assert.equal((await failure(fetch(commit))).code, code);
      nothingLeft();
    }
    forge.fault = ({ method }) => (method === 'POST' ? { kind: 'cutAnswer', bytes: 30 } : undefined);
    assert.equal((await failure(fetch(main))).wire.params['reason'], 'ECONNRESET');
    nothingLeft();
  });

  test('the older protocol of plain files is not spoken', async () => {
    forge.fault = () => ({
      kind: 'answer',
      type: 'text/plain',
      body: Buffer.from(`${main}\trefs/heads/main\n`),
    });
    assert.equal((await failure(fetch('refs/heads/main'))).code, 'forgeGarbage');
  });

  test('a fetch that stalls ends by itself, and one that is cancelled at once', async () => {
    forge.fault = ({ method }) => (method === 'POST' ? { kind: 'stall' } : undefined);
    const { code, wire } = await failure(fetch(main));
    assert.deepEqual([code, wire.params['reason']], ['forgeUnavailable', 'timeout']);
    const abort = new AbortController();
    forge.fault = () => {
      setImmediate(() => abort.abort());
      return { kind: 'stall' };
    };
    const error = await failure(store.repos.fetchFrom(repoId, remote, [main], abort.signal));
    assert.equal(error.code, 'cancelled');
    nothingLeft();
  });

  test('what is refused and what is unknown are told apart', async () => {
    const code = async (name: string, password?: string) =>
      (await failure(store.repos.remoteRefs(forge.remote(name, password), ['HEAD']))).code;
    assert.equal(await code('owner/none'), 'forgeRepoUnknown');
    assert.equal(await code(`owner/repo${count}`, 'ghp_wrong_token'), 'forgeUnauthorized');
  });

  test('object ids of another kind are refused', async () => {
    forge.make('owner/long', { objectFormat: 'sha256' });
    remote = forge.remote('owner/long');
    assert.equal((await failure(fetch('refs/heads/main'))).code, 'forgeRefused');
  });

  test('a sandbox and a client are shown nothing of it', async () => {
    await fetch(pull);
    await store.repos.prepareOrigin('aaaaaaaaaa', { repoId, name: 'x', sha: main, includesLocal: false });
    const origin = store.originDir('aaaaaaaaaa');
    assert.doesNotMatch(git(origin, ['for-each-ref']), /forge/);
    assert.notEqual(tryGit(origin, ['cat-file', '-e', pull]).code, 0);
    const tree = await store.repos.treeOf(repoId, main);
    await store.repos.makeCommit(repoId, 'aaaaaaaaaa', {
      tree,
      parents: [main],
      author: { name: 'A', email: 'a@b' },
      at: 0,
      message: 'm',
    });
    const shown = await store.repos.remoteRefs({ loopback: true, url: store.url(repoId), host: 'here' }, [
      'refs/*',
    ]);
    assert.deepEqual([...shown], []);
  });
});
