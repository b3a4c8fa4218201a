import { strict as assert } from 'node:assert';
import { rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { headerEnvironment, incomingRef, pushSnapshot } from '../../../client/snapshot/push.ts';
import { takeSnapshot } from '../../../client/snapshot/snapshot.ts';
import { openRepos } from '../../../server/repos/store.ts';
import type { Repos } from '../../../server/repos/repos.ts';
import {
  binary,
  changeEverything,
  git,
  removeFolder,
  repositoryOfEverything,
  temporaryFolder,
  tryGit,
  write,
} from '../../support/git.ts';

const TOKEN = 'a-token-that-nobody-guesses';

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
