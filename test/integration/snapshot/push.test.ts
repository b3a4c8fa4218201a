import { strict as assert } from 'node:assert';
import { rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
  headerEnvironment,
  incomingRef,
  pushCommits,
  type PushOptions,
} from '../../../client/snapshot/push.ts';
import { sendSnapshot } from '../../../client/snapshot/send.ts';
import { takeSnapshot, type Snapshot } from '../../../client/snapshot/snapshot.ts';
import { openRepos } from '../../../server/repos/store.ts';
import type { Repos } from '../../../server/repos/repos.ts';
import {
  binary,
  changeEverything,
  commitAll,
  git,
  initRepository,
  removeFolder,
  repositoryOfEverything,
  temporaryFolder,
  tryGit,
  write,
} from '../../support/git.ts';

const TOKEN = 'a-token-that-nobody-guesses';

const pushSnapshot = ({ sha, headSha, ...rest }: Snapshot & Omit<PushOptions, 'commits'>) =>
  pushCommits({ ...rest, commits: headSha === null ? [sha] : [sha, headSha] });

describe('pushing a snapshot', () => {
  let dir: string;
  let root: string;
  let repos: Repos;
  let repoId: string;
  let http: Server;
  let url: string;
  /** All connections that were ever made: what came in over them is counted. */
  const sockets: Socket[] = [];
  const received = () => sockets.reduce((sum, socket) => sum + socket.bytesRead, 0);

  before(async () => {
    dir = temporaryFolder('codex-push');
    ({ dir: root } = repositoryOfEverything(join(dir, 'work')));
    repos = await openRepos({ dataDir: join(dir, 'data'), maxPushBytes: 2_000_000 });
    repoId = await repos.resolve({ name: 'work', remote: null, folder: 'work' });
    http = createServer((request, response) => {
      if (request.headers.authorization !== `Bearer ${TOKEN}`) {
        response.writeHead(401, { 'www-authenticate': 'Bearer' }).end();
        return;
      }
      const match = /^\/git\/([^/]+)\.git(.*)$/.exec(request.url ?? '');
      void repos.handleHttp(match?.[1] ?? 'none', match?.[2] ?? '', request, response);
    });
    http.on('connection', (socket: Socket) => sockets.push(socket));
    await new Promise<void>((done) => http.listen(0, '127.0.0.1', done));
    url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/git/${repoId}.git`;
  });
  after(async () => {
    http.closeAllConnections();
    await new Promise((done) => http.close(done));
    removeFolder(dir);
  });

  const bare = () => join(dir, 'data', 'repos', `${repoId}.git`);

  test('the tree arrives as it was in the folder', async () => {
    changeEverything(root);
    const snapshot = await takeSnapshot(root, { includeLocal: true });
    const steps = new Set<string>();
    await pushSnapshot({ ...snapshot, url, token: TOKEN, onProgress: ({ step }) => steps.add(step) });
    assert.equal(await repos.hasCommit(repoId, snapshot.sha), true);
    assert.equal(
      git(bare(), ['rev-parse', `${incomingRef(snapshot.sha)}^{tree}`]),
      git(root, ['rev-parse', `${snapshot.sha}^{tree}`], { env: { ...snapshot.gitEnv } }),
    );
    assert.ok(steps.has('Writing objects'), [...steps].join());
    await snapshot.dispose();
    // A small change then sends little, though the first snapshot's objects are nowhere any more.
    const all = received();
    rmSync(join(root, 'new.bin'));
    git(root, ['stash', '--include-untracked']);
    write(root, 'README.md', 'a small change\n');
    const next = await takeSnapshot(root, { includeLocal: true });
    await pushSnapshot({ ...next, url, token: TOKEN });
    assert.equal(await repos.hasCommit(repoId, next.sha), true);
    const little = received() - all;
    assert.ok(little < all / 3, `${little} bytes after ${all}`);
    // And the same again sends no pack at all.
    await pushSnapshot({ ...next, url, token: TOKEN });
    assert.ok(received() - all - little < little);
    await next.dispose();
  });

  test('a folder without git is pushed as well', async () => {
    const plain = join(dir, 'plain');
    write(plain, 'a/b.bin', binary(1_000));
    const snapshot = await takeSnapshot(plain, { includeLocal: true });
    await pushSnapshot({ ...snapshot, url, token: TOKEN });
    assert.equal(git(bare(), ['ls-tree', '-r', '--name-only', snapshot.sha]), 'a/b.bin');
    await snapshot.dispose();
  });

  test('a shallow clone is pushed as well', async () => {
    git(dir, ['clone', '-q', '--depth', '1', `file://${root}`, 'shallow']);
    const clone = join(dir, 'shallow');
    write(clone, 'local.txt', 'local\n');
    const snapshot = await takeSnapshot(clone, { includeLocal: true });
    await pushSnapshot({ ...snapshot, url, token: TOKEN });
    assert.equal(await repos.hasCommit(repoId, snapshot.sha), true);
    await snapshot.dispose();
  });

  test('a wrong token, an unknown repository, a push that is too large: each is told apart', async () => {
    const snapshot = await takeSnapshot(root, { includeLocal: true });
    await assert.rejects(pushSnapshot({ ...snapshot, url, token: 'wrong' }), { code: 'unauthorized' });
    const unknown = url.replace(repoId, 'f'.repeat(32));
    await assert.rejects(pushSnapshot({ ...snapshot, url: unknown, token: TOKEN }), { code: 'repoUnknown' });
    await assert.rejects(pushSnapshot({ ...snapshot, url: 'http://127.0.0.1:9/git/x.git', token: TOKEN }), {
      code: 'gitFailed',
    });
    await snapshot.dispose();
    write(root, 'large.bin', binary(3_000_000, 'large'));
    const large = await takeSnapshot(root, { includeLocal: true });
    await assert.rejects(pushSnapshot({ ...large, url, token: TOKEN }), { code: 'pushTooLarge' });
    await large.dispose();
  });

  describe('sent with the default branch’s commit', () => {
    /** Of the backend's answer, what a test changes. */
    const connection = (answer: { hasDefault?: false } = {}) => ({
      call: async (_method: string, { sha, defaultSha }: { sha: string; defaultSha?: string }) => ({
        repoId,
        pushPath: `/git/${repoId}.git`,
        hasCommit: await repos.hasCommit(repoId, sha),
        ...(defaultSha && { hasDefault: await repos.hasCommit(repoId, defaultSha) }),
        ...answer,
      }),
    });
    let pushes = 0;
    async function send(of: string, more: Partial<Snapshot> = {}, to: object = connection()) {
      pushes = 0;
      const snapshot = await takeSnapshot(of, { includeLocal: true });
      const sent = await sendSnapshot(
        to as Parameters<typeof sendSnapshot>[0],
        { ...snapshot, ...more },
        {
          name: 'work',
          remote: null,
          token: TOKEN,
          url: () => url,
          onPush: () => pushes++,
        },
      );
      await snapshot.dispose();
      assert.equal(await repos.hasCommit(repoId, sent.sha), true);
      return sent;
    }

    test('both arrive by one push; what is there is not sent again; what moved is', async () => {
      const work = join(dir, 'branches');
      initRepository(work);
      write(work, 'a', 'a');
      const main = commitAll(work);
      git(work, ['switch', '-q', '-c', 'topic']);
      write(work, 'b', 'b');
      commitAll(work);
      const first = await send(work);
      assert.deepEqual([first.defaultSha, first.branch, pushes], [main, 'topic', 1]);
      assert.equal(await repos.hasCommit(repoId, main), true);
      assert.equal((await send(work)).defaultSha, main);
      assert.equal(pushes, 0);
      git(work, ['switch', '-q', 'main']);
      write(work, 'c', 'c');
      const moved = commitAll(work);
      git(work, ['switch', '-q', 'topic']);
      assert.equal((await send(work)).defaultSha, moved);
      assert.deepEqual([pushes, await repos.hasCommit(repoId, moved)], [1, true]);
    });

    test('one that can’t be sent is left out, and the task starts', async () => {
      const work = join(dir, 'large-main');
      initRepository(work);
      write(work, 'a', 'a');
      commitAll(work);
      git(work, ['switch', '-q', '-c', 'topic']);
      git(work, ['switch', '-q', 'main']);
      write(work, 'large', binary(3_000_000, 'too large'));
      const large = commitAll(work);
      git(work, ['switch', '-q', 'topic']);
      assert.equal((await send(work)).defaultSha, undefined);
      assert.equal(await repos.hasCommit(repoId, large), false);
      // Nor when it names what is not in the clone.
      assert.equal((await send(work, { defaultSha: 'f'.repeat(40) })).defaultSha, undefined);
    });

    test('a backend that knows nothing of it gets none', async () => {
      const older = {
        call: async (_method: string, { sha }: { sha: string }) => ({
          repoId,
          pushPath: '',
          hasCommit: await repos.hasCommit(repoId, sha),
        }),
      };
      const work = join(dir, 'branches');
      write(work, 'for-an-older-one.txt', 'x');
      assert.equal((await send(work, {}, older)).defaultSha, undefined);
      assert.equal(pushes, 1);
    });

    test('of a shallow clone too, without its history', async () => {
      const clone = join(dir, 'shallow-default');
      git(dir, ['clone', '-q', '--depth', '1', `file://${join(dir, 'branches')}`, clone]);
      git(clone, ['fetch', '-q', '--depth', '1', 'origin', 'main:refs/remotes/origin/main']);
      git(clone, ['remote', 'set-head', 'origin', 'main']);
      const { defaultSha, sha } = await send(clone);
      assert.ok(defaultSha);
      assert.notEqual(defaultSha, sha);
      assert.equal(git(bare(), ['ls-tree', '--name-only', defaultSha]), 'a\nc');
    });
  });

  test('the token goes to this address and no other', async () => {
    const env = headerEnvironment(url, TOKEN);
    const ask = (of: string) => tryGit(root, ['config', '--get-urlmatch', 'http.extraHeader', of], { env });
    assert.equal(ask('https://example.com/x.git').stdout.length, 0);
    assert.match(ask(url).stdout.toString(), new RegExp(TOKEN));
  });

  test('can be aborted', async () => {
    const snapshot = await takeSnapshot(root, { includeLocal: true });
    const stop = new AbortController();
    const pushing = pushSnapshot({ ...snapshot, url, token: TOKEN, signal: stop.signal });
    stop.abort();
    await assert.rejects(pushing, { code: 'cancelled' });
    await snapshot.dispose();
  });
});
