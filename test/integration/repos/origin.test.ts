import { strict as assert } from 'node:assert';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { RepoAtCommit } from '../../../protocol/rpc.ts';
import {
  commitAll,
  git,
  gitAsync,
  initRepository,
  repositoryOfEverything,
  tryGit,
  tryGitAsync,
  write,
} from '../../support/git.ts';
import { openTestStore, type TestStore } from './support.ts';

describe("a task's own repository", () => {
  let store: TestStore;
  let work: string;
  let head: string;
  let repoId: string;
  /** Of somebody else's task in the same repository. */
  let hidden: string;
  let at: RepoAtCommit;
  let url: string;

  before(async () => {
    store = await openTestStore();
    ({ dir: work, head } = repositoryOfEverything(join(store.dir, 'work')));
    repoId = await store.repos.resolve({ name: 'work', remote: null, folder: 'work' });
    write(work, 'secret.txt', 'of another task\n');
    hidden = commitAll(work, 'Hidden');
    for (const sha of [head, hidden]) {
      await gitAsync(work, ['push', '-q', store.url(repoId), `${sha}:refs/codex/in/${randomUUID()}`]);
    }
    at = { repoId, name: 'work', sha: head, branch: 'feature/one', includesLocal: false };
    await store.repos.prepareOrigin('taskaaaa', at);
    await store.repos.prepareOrigin('taskbbbb', { ...at, sha: hidden });
    url = await store.originUrl('taskaaaa');
  });
  after(() => store.close());

  test('a clone has the commit on the branch that HEAD names', async () => {
    await gitAsync(store.dir, ['clone', '-q', url, 'clone']);
    const clone = join(store.dir, 'clone');
    assert.equal(git(clone, ['rev-parse', 'HEAD']), head);
    assert.equal(git(clone, ['symbolic-ref', 'HEAD']), 'refs/heads/feature/one');
    assert.equal(git(clone, ['rev-parse', 'HEAD^{tree}']), git(work, ['rev-parse', `${head}^{tree}`]));
    git(clone, ['fsck', '--full', '--strict']);
  });

  for (const protocol of ['0', '1', '2']) {
    test(`nothing of another task can be fetched (protocol ${protocol})`, async () => {
      const thief = initRepository(join(store.dir, `thief${protocol}`));
      const blob = git(work, ['rev-parse', `${hidden}:secret.txt`]);
      const tree = git(work, ['rev-parse', `${hidden}^{tree}`]);
      for (const sha of [hidden, tree, blob]) {
        const fetched = await tryGitAsync(thief, ['-c', `protocol.version=${protocol}`, 'fetch', url, sha]);
        assert.notEqual(fetched.code, 0, sha);
      }
      // The same question gets an answer where it may: the test would notice a server that is dead.
      await gitAsync(thief, ['-c', `protocol.version=${protocol}`, 'fetch', '-q', url, head]);
      assert.equal(tryGit(thief, ['cat-file', '-e', blob]).code !== 0, true);
    });
  }

  test('it cannot be pushed to', async () => {
    const pushed = await tryGitAsync(work, ['push', url, `${head}:refs/codex/in/${randomUUID()}`]);
    assert.notEqual(pushed.code, 0);
    const post = await fetch(`${url}/git-receive-pack`, {
      method: 'POST',
      body: '0000',
      headers: { 'content-type': 'application/x-git-receive-pack-request' },
    });
    assert.equal(post.status, 404);
  });

  test('only its own address is answered', async () => {
    const base = new URL(url).origin;
    for (const path of ['/a/b/info/refs?service=git-upload-pack', '/taskbbbb.git/HEAD', '/healthz', '/']) {
      assert.equal((await fetch(base + path)).status, 404, path);
    }
  });

  test('preparing it again changes nothing', async () => {
    const before = git(store.originDir('taskaaaa'), ['for-each-ref']);
    await store.repos.prepareOrigin('taskaaaa', at);
    assert.equal(git(store.originDir('taskaaaa'), ['for-each-ref']), before);
  });

  test('a snapshot of local changes is there beside the branch of the commit it stands on', async () => {
    await store.repos.prepareOrigin('taskcccc', { ...at, sha: hidden, headSha: head, includesLocal: true });
    const origin = store.originDir('taskcccc');
    assert.equal(git(origin, ['rev-parse', 'refs/heads/feature/one']), head);
    const clone = initRepository(join(store.dir, 'snapshot-clone'));
    await gitAsync(clone, ['fetch', '-q', await store.originUrl('taskcccc'), hidden]);
    assert.equal(git(clone, ['rev-parse', 'FETCH_HEAD']), hidden);
  });

  test('a branch name that git would not take becomes main', async () => {
    for (const [index, branch] of ['--upload-pack=x', 'a..b', 'with space', 'HEAD', '-x'].entries()) {
      await store.repos.prepareOrigin(`taskdddd${index}`, { ...at, branch });
      assert.equal(git(store.originDir(`taskdddd${index}`), ['symbolic-ref', 'HEAD']), 'refs/heads/main');
    }
  });

  test('a commit that is not there is named', async () => {
    const sha = '1'.repeat(40);
    await assert.rejects(store.repos.prepareOrigin('taskeeee', { ...at, sha }), { code: 'commitMissing' });
  });

  test('ids that are no ids never become a path', async () => {
    for (const id of ['../../etc', 'A', '', 'x/y/z/aaaaaaaa', 'aaaaaaaa\n']) {
      await assert.rejects(store.repos.prepareOrigin(id, at), { code: 'badRequest' });
    }
  });
});
