import { strict as assert } from 'node:assert';
import { randomUUID } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { packet } from '../../../server/repos/pkt-line.ts';
import {
  binary,
  commitAll,
  git,
  gitAsync,
  gitBytes,
  hostileTree,
  initRepository,
  repositoryOfEverything,
  tryGit,
  tryGitAsync,
  write,
} from '../../support/git.ts';
import { openTestStore, type TestStore } from './support.ts';

const incoming = () => `refs/codex/in/${randomUUID()}`;

describe('pushing over HTTP', () => {
  let store: TestStore;
  let work: string;
  let head: string;
  let repoId: string;
  let url: string;

  before(async () => {
    store = await openTestStore({ maxPushBytes: 3_000_000 });
    ({ dir: work, head } = repositoryOfEverything(join(store.dir, 'work')));
    repoId = await store.repos.resolve({ name: 'work', remote: null, folder: 'work' });
    url = store.url(repoId);
  });
  after(() => store.close());

  const push = (...args: string[]) => tryGitAsync(work, ['push', '--porcelain', ...args]);

  test('a commit arrives whole under an incoming ref', async () => {
    assert.equal(await store.repos.hasCommit(repoId, head), false);
    const pushed = await push(url, `${head}:${incoming()}`);
    assert.equal(pushed.code, 0, pushed.stderr);
    assert.equal(await store.repos.hasCommit(repoId, head), true);
    git(store.repoDir(repoId), ['fsck', '--strict', '--full']);
  });

  for (const [what, refspec] of [
    ['a branch', 'HEAD:refs/heads/main'],
    ['a tag', 'HEAD:refs/tags/v1'],
    ['a result', 'HEAD:refs/codex/tasks/aaaaaaaa/1/1'],
    ['an incoming ref that is no uuid', 'HEAD:refs/codex/in/mine'],
    ['a path out of the refs', `HEAD:refs/codex/in/${randomUUID()}/../../heads/x`],
  ] as const) {
    test(`pushing ${what} is refused`, async () => {
      const before = git(store.repoDir(repoId), ['for-each-ref']);
      const pushed = await push(url, refspec);
      assert.notEqual(pushed.code, 0);
      assert.equal(git(store.repoDir(repoId), ['for-each-ref']), before);
    });
  }

  test('an incoming ref is neither changed nor deleted by a later push', async () => {
    const ref = incoming();
    assert.equal((await push(url, `HEAD:${ref}`)).code, 0);
    const other = git(work, ['commit-tree', '-m', 'other', 'HEAD^{tree}']);
    const changed = await push('--force', url, `${other}:${ref}`);
    assert.notEqual(changed.code, 0);
    assert.notEqual((await push(url, `:${ref}`)).code, 0);
    assert.equal(git(store.repoDir(repoId), ['rev-parse', ref]), head);
  });

  test('one forbidden ref among allowed ones refuses the push as a whole', async () => {
    const ref = incoming();
    const other = git(work, ['commit-tree', '-m', 'together', 'HEAD^{tree}']);
    const pushed = await push(url, `${other}:${ref}`, `${other}:refs/heads/main`);
    assert.notEqual(pushed.code, 0);
    assert.match(pushed.stderr, /403/);
    assert.equal(tryGit(store.repoDir(repoId), ['rev-parse', '--verify', ref]).code, 128);
  });

  test('a push over the limit is refused and leaves nothing', async () => {
    const big = initRepository(join(store.dir, 'big'));
    write(big, 'big.bin', binary(4_000_000, 'big'));
    const sha = commitAll(big);
    const pushed = await tryGitAsync(big, ['push', url, `${sha}:${incoming()}`]);
    assert.notEqual(pushed.code, 0);
    assert.match(pushed.stderr, /413|exceeds maximum/);
    assert.equal(await store.repos.hasCommit(repoId, sha), false);
    const left = readdirSync(join(store.repoDir(repoId), 'objects')).filter((name) =>
      name.includes('incoming'),
    );
    assert.deepEqual(left, []);
  });

  test('two pushes at the same time both arrive', async () => {
    const shas = ['a', 'b', 'c', 'd'].map((message) =>
      git(work, ['commit-tree', '-m', message, 'HEAD^{tree}']),
    );
    const { spawn } = await import('node:child_process');
    const codes = await Promise.all(
      shas.map(
        (sha) =>
          new Promise<number | null>((done) => {
            spawn('git', ['push', '-q', url, `${sha}:${incoming()}`], { cwd: work, stdio: 'ignore' }).on(
              'close',
              done,
            );
          }),
      ),
    );
    assert.deepEqual(codes, [0, 0, 0, 0]);
    for (const sha of shas) assert.equal(await store.repos.hasCommit(repoId, sha), true);
  });

  test('a repository with SHA-256 ids has a repository of its own kind', async () => {
    const modern = initRepository(join(store.dir, 'modern'), { objectFormat: 'sha256' });
    write(modern, 'a.txt', 'a\n');
    const sha = commitAll(modern);
    const id = await store.repos.resolve({ name: 'modern', remote: null, folder: 'modern', sha });
    const pushed = await tryGitAsync(modern, ['push', store.url(id), `${sha}:${incoming()}`]);
    assert.equal(pushed.code, 0, pushed.stderr);
    assert.equal(await store.repos.hasCommit(id, sha), true);
  });

  test('an unknown or malformed repository is not found', async () => {
    for (const id of ['ffffffffffffffff', 'UPPERCASE', '..%2f..', 'short']) {
      const answer = await fetch(`${store.url(id)}/info/refs?service=git-upload-pack`);
      assert.equal(answer.status, 404, id);
    }
  });

  test('the dumb protocol serves nothing', async () => {
    for (const path of ['/HEAD', '/config', '/info/refs', '/objects/info/packs', '/../../x']) {
      assert.equal((await fetch(url + path)).status, 404, path);
    }
  });

  test('a push that is no push is refused with a reason', async () => {
    const post = (body: string, type = 'application/x-git-receive-pack-request') =>
      fetch(`${url}/git-receive-pack`, { method: 'POST', body, headers: { 'content-type': type } });
    assert.equal((await post('garbage!')).status, 400);
    assert.equal((await post(packet('push-cert\0'))).status, 400);
    assert.equal((await post('')).status, 400);
    assert.equal((await post('0000', 'text/plain')).status, 400);
    assert.equal((await post('0000')).status, 200);
    const zero = '0'.repeat(40);
    assert.equal((await post(`${packet(`${head} ${zero} ${incoming()}\0report-status`)}0000`)).status, 403);
  });

  test('a pack that is broken leaves no ref and no object', async () => {
    const ref = incoming();
    const sha = git(work, ['commit-tree', '-m', 'broken', 'HEAD^{tree}']);
    const pack = gitBytes(work, ['pack-objects', '--stdout', '--revs'], { input: `${sha}\n^${head}\n` });
    const broken = Buffer.from(pack);
    broken[20] = (broken[20] ?? 0) ^ 0xff;
    const zero = '0'.repeat(40);
    const body = Buffer.concat([
      Buffer.from(`${packet(`${zero} ${sha} ${ref}\0report-status`)}0000`),
      broken,
    ]);
    const answer = await fetch(`${url}/git-receive-pack`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/x-git-receive-pack-request' },
    });
    assert.match(await answer.text(), /unpack (?!ok)/);
    assert.equal(await store.repos.hasCommit(repoId, sha), false);
    assert.equal(tryGit(store.repoDir(repoId), ['rev-parse', '--verify', ref]).code, 128);
  });

  test('a tree that would write into .git is refused', async () => {
    const blob = git(work, ['hash-object', '-w', '--stdin'], { input: 'evil\n' });
    for (const name of ['.git', '.GIT', 'git~1', '..', '.']) {
      const tree = hostileTree(work, [{ mode: '100644', name, sha: blob }]);
      const sha = git(work, ['commit-tree', '-m', 'evil', tree]);
      assert.notEqual((await push(url, `${sha}:${incoming()}`)).code, 0, name);
    }
  });

  test('an old commit with a malformed author is accepted', async () => {
    const tree = git(work, ['rev-parse', 'HEAD^{tree}']);
    const text = `tree ${tree}\nauthor Old Tool<> 1 +0000\ncommitter Old <old@example.com> 0012345 +051800\n\nOld\n`;
    const sha = git(work, ['hash-object', '-t', 'commit', '--literally', '-w', '--stdin'], { input: text });
    const pushed = await push(url, `${sha}:${incoming()}`);
    assert.equal(pushed.code, 0, pushed.stderr);
    assert.equal(await store.repos.hasCommit(repoId, sha), true);
  });

  test('a push is answered when it has come whole, whenever its request ends', async () => {
    const sha = git(work, ['commit-tree', '-m', 'open', 'HEAD^{tree}']);
    const pack = gitBytes(work, ['pack-objects', '--stdout', '--revs'], { input: `${sha}\n^${head}\n` });
    const call = httpRequest(`${url}/git-receive-pack`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-git-receive-pack-request' },
    });
    call.on('error', () => {});
    call.write(`${packet(`${'0'.repeat(40)} ${sha} ${incoming()}\0report-status`)}0000`);
    call.write(pack);
    const [answer] = (await once(call, 'response')) as [IncomingMessage];
    assert.match(Buffer.concat(await answer.toArray()).toString(), /unpack ok/);
    assert.equal(await store.repos.hasCommit(repoId, sha), true);
    call.destroy();
  });

  test('a client that goes away takes its git process along', async () => {
    const call = httpRequest(`${url}/git-receive-pack`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-git-receive-pack-request' },
    });
    call.on('error', () => {});
    const zero = '0'.repeat(40);
    call.write(`${packet(`${zero} ${head} ${incoming()}\0report-status`)}0000PACK`);
    await until(() => running('receive-pack', store.repoDir(repoId)) > 0);
    call.destroy();
    await until(() => running('receive-pack', store.repoDir(repoId)) === 0);
  });

  test('a clone gets results, not what others pushed', async () => {
    git(store.repoDir(repoId), ['update-ref', 'refs/codex/tasks/aaaaaaaa/1/1', head]);
    const refs = await gitAsync(work, ['ls-remote', url]);
    assert.equal(refs, `${head}\trefs/codex/tasks/aaaaaaaa/1/1`);
    const v0 = await gitAsync(work, ['-c', 'protocol.version=0', 'ls-remote', url]);
    assert.equal(v0, `${head}\trefs/codex/tasks/aaaaaaaa/1/1`);
    await gitAsync(work, ['fetch', '-q', url, 'refs/codex/tasks/aaaaaaaa/1/1:refs/heads/result']);
  });
});

/** How many git processes with this word and path in their arguments there are (Linux). */
function running(word: string, path: string): number {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      const args = readFileSync(`/proc/${pid}/cmdline`, 'latin1');
      return args.includes(word) && args.includes(path);
    } catch {
      return false;
    }
  }).length;
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!condition()) {
    assert.ok(Date.now() < deadline, 'the condition never came true');
    await new Promise((done) => setTimeout(done, 20));
  }
}
