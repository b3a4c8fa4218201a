import { strict as assert } from 'node:assert';
import { randomUUID } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import {
  binary,
  changeEverything,
  commitAll,
  fingerprint,
  git,
  gitAsync,
  gitBytes,
  hostileTree,
  repositoryOfEverything,
  tryGit,
  write,
} from '../../support/git.ts';
import { openTestStore, type TestStore } from './support.ts';

const TASK = 'taskaaaa';
const MAX = 64 * 1024 * 1024;

describe('a result from a sandbox', () => {
  let store: TestStore;
  let work: string;
  let head: string;
  let repoId: string;

  before(async () => {
    store = await openTestStore();
    ({ dir: work, head } = repositoryOfEverything(join(store.dir, 'work')));
    repoId = await store.repos.resolve({ name: 'work', remote: null, folder: 'work' });
    await push(head);
    await store.repos.prepareOrigin(TASK, { repoId, name: 'work', sha: head, includesLocal: false });
  });
  after(() => store.close());

  const push = (sha: string) =>
    gitAsync(work, ['push', '-q', store.url(repoId), `${sha}:refs/codex/in/${randomUUID()}`]);
  const treeOf = (commit: string) => git(work, ['rev-parse', `${commit}^{tree}`]);
  const thinPack = (tree: string, base = head) =>
    gitBytes(work, ['pack-objects', '--revs', '--thin', '--stdout', '-q'], { input: `${tree}\n^${base}\n` });
  let turn = 0;
  const take = (
    tree: string,
    pack: Uint8Array | Readable,
    more: { maxBytes?: number; parent?: string } = {},
  ) =>
    store.repos.takeResult(repoId, {
      taskId: TASK,
      turn: (turn += 1),
      attempt: 1,
      parent: head,
      tree,
      pack: pack instanceof Readable ? pack : Readable.from([Buffer.from(pack)]),
      maxBytes: MAX,
      message: 'A result',
      ...more,
    });
  const nothingLeft = () => {
    const objects = join(store.repoDir(repoId), 'objects');
    assert.deepEqual(
      readdirSync(objects).filter((name) => name.startsWith('incoming')),
      [],
    );
    assert.equal(git(store.repoDir(repoId), ['for-each-ref', `refs/codex/tasks/${TASK}/${turn}/`]), '');
  };

  test('every kind of change becomes a commit and a patch that gives the same tree', async () => {
    changeEverything(work);
    const tree = treeOf(commitAll(work, 'What the agent did'));
    const sha = await take(tree, thinPack(tree));
    const repo = store.repoDir(repoId);
    assert.equal(git(repo, ['rev-parse', `${sha}^{tree}`]), tree);
    assert.equal(git(repo, ['rev-parse', `${sha}^`]), head);
    assert.equal(git(repo, ['rev-parse', `refs/codex/tasks/${TASK}/${turn}/1`]), sha);
    git(repo, ['fsck', '--full', '--strict']);

    const { bytes, summary, files } = await store.repos.patch(repoId, head, sha, MAX);
    assert.equal(summary.bytes, bytes.length);
    assert.equal(summary.files, files.length);
    const kinds = new Map(files.map((file) => [file.path.path, file]));
    assert.equal(kinds.get('src/new-name.js')?.kind, 'renamed');
    assert.equal(kinds.get('src/new-name.js')?.from?.path, 'src/old-name.js');
    assert.equal(kinds.get('run.sh')?.kind, 'modeChanged');
    assert.equal(kinds.get('run.sh')?.newMode, '100755');
    assert.equal(kinds.get('becomes-link')?.kind, 'typeChanged');
    assert.equal(kinds.get('becomes-folder')?.kind, 'deleted');
    assert.deepEqual(
      { ...kinds.get('image.png'), path: undefined },
      {
        path: undefined,
        kind: 'modified',
        binary: true,
        oldMode: '100644',
        newMode: '100644',
        oldBytes: 5_000,
        newBytes: 6_000,
      },
    );
    assert.equal(kinds.get('src/app.js')?.added, 1);
    assert.equal(kinds.get('src/app.js')?.removed, 1);
    const odd = files.filter((file) => file.path.bytes !== undefined);
    assert.equal(odd.length, 2);
    assert.deepEqual(
      Buffer.from(odd.find((file) => file.kind === 'added')?.path.bytes ?? '', 'base64'),
      Buffer.from('new-\xfe.txt', 'latin1'),
    );

    git(work, ['worktree', 'add', '-q', '--detach', join(store.dir, 'person'), head]);
    const person = join(store.dir, 'person');
    git(person, ['apply', '--binary', '--index'], { input: bytes });
    assert.equal(git(person, ['write-tree']), tree);
    const noGit = (path: string) => path === '.git' || path === '.git/';
    assert.deepEqual(fingerprint(person, noGit), fingerprint(work, noGit));
  });

  test('the same result taken again is the same commit', async () => {
    write(work, 'again.txt', 'again\n');
    const tree = treeOf(commitAll(work));
    const first = await take(tree, thinPack(tree));
    turn -= 1;
    assert.equal(await take(tree, thinPack(tree)), first);
  });

  test('a follow-up stands on the result before it', async () => {
    write(work, 'one.txt', 'one\n');
    const one = await take(treeOf(commitAll(work)), thinPack(treeOf('HEAD')));
    const before = git(work, ['rev-parse', 'HEAD']);
    write(work, 'two.txt', 'two\n');
    const tree = treeOf(commitAll(work));
    const two = await take(tree, thinPack(tree, before), { parent: one });
    const { files } = await store.repos.patch(repoId, one, two, MAX);
    assert.deepEqual(
      files.map((file) => file.path.path),
      ['two.txt'],
    );
    const url = await store.originUrl(TASK);
    await gitAsync(work, ['fetch', '-q', url, two]);
  });

  test('a result without any change is an empty patch', async () => {
    for (const pack of [Buffer.alloc(0), gitBytes(work, ['pack-objects', '--stdout', '-q'])]) {
      const sha = await take(treeOf(head), pack);
      const { bytes, files } = await store.repos.patch(repoId, head, sha, MAX);
      assert.equal(bytes.length, 0);
      assert.deepEqual(files, []);
    }
  });

  test('a pack over the limit ends the taking while it streams', async () => {
    let sent = 0;
    const endless = new Readable({
      read() {
        sent += 65_536;
        this.push(
          sent === 65_536
            ? Buffer.concat([Buffer.from('PACK\0\0\0\x02\0\0\0\x01'), binary(65_536)])
            : binary(65_536),
        );
      },
    });
    await assert.rejects(take(treeOf(head), endless, { maxBytes: 1_000_000 }), (error: { code?: string }) =>
      ['patchTooLarge', 'resultUnreadable'].includes(error.code ?? ''),
    );
    assert.ok(endless.destroyed);
    assert.ok(sent < 4_000_000, `${sent} bytes were read`);
    nothingLeft();

    write(work, 'large.bin', binary(2_000_000, 'large'));
    const tree = treeOf(commitAll(work));
    await assert.rejects(take(tree, thinPack(tree), { maxBytes: 1_000_000 }), { code: 'patchTooLarge' });
    nothingLeft();
    git(work, ['reset', '-q', '--hard', 'HEAD^']);
  });

  test('a pack is taken by its last byte, whenever its stream ends', async () => {
    write(work, 'open.txt', 'open\n');
    const tree = treeOf(commitAll(work));
    const stream = new PassThrough();
    stream.write(thinPack(tree));
    const sha = await take(tree, stream);
    assert.equal(git(store.repoDir(repoId), ['rev-parse', `${sha}^{tree}`]), tree);
    assert.ok(stream.destroyed, 'nobody waits for more');
  });

  test('a pack that is cut, changed or garbage is refused', async () => {
    write(work, 'cut.txt', 'cut\n');
    const tree = treeOf(commitAll(work));
    const pack = thinPack(tree);
    const changed = Buffer.from(pack);
    changed[pack.length - 25] = (changed[pack.length - 25] ?? 0) ^ 0xff;
    for (const bad of [
      pack.subarray(0, pack.length - 30),
      changed,
      Buffer.from('not a pack at all'),
      pack.subarray(0, 5),
    ]) {
      await assert.rejects(take(tree, bad), { code: 'resultUnreadable' });
      nothingLeft();
    }
    const broken = new Readable({ read() {} });
    broken.push(pack.subarray(0, 20));
    const taking = take(tree, broken);
    broken.destroy(new Error('the door was lost'));
    await assert.rejects(taking, { code: 'resultUnreadable' });
    nothingLeft();
  });

  test('a tree that is not in the pack, or not whole, is refused', async () => {
    write(work, 'whole/part.txt', 'part\n');
    const tree = treeOf(commitAll(work));
    await assert.rejects(take('2'.repeat(40), thinPack(tree)), { code: 'resultUnreadable' });
    const blob = git(work, ['rev-parse', 'HEAD:whole/part.txt']);
    await assert.rejects(take(blob, thinPack(tree)), { code: 'resultUnreadable' });
    const onlyTree = gitBytes(work, ['pack-objects', '--stdout', '-q'], { input: `${tree}\n` });
    await assert.rejects(take(tree, onlyTree), { code: 'resultUnreadable' });
    nothingLeft();
  });

  test('a result may not reach what belongs to another task', async () => {
    write(work, 'secret.txt', 'of another task, in the same repository\n');
    const other = commitAll(work, 'Another task');
    await push(other);
    const secret = git(work, ['rev-parse', `${other}:secret.txt`]);
    // The hash is known, the content is not: the pack names it without holding it.
    const tree = hostileTree(work, [{ mode: '100644', name: 'stolen.txt', sha: secret }]);
    const pack = gitBytes(work, ['pack-objects', '--stdout', '-q'], { input: `${tree}\n` });
    await assert.rejects(take(tree, pack), { code: 'resultUnreadable' });
    await assert.rejects(take(treeOf(other), Buffer.alloc(0)), { code: 'resultUnreadable' });
    nothingLeft();
    assert.notEqual(tryGit(store.originDir(TASK), ['cat-file', '-e', secret]).code, 0);
    git(work, ['reset', '-q', '--hard', 'HEAD^']);
  });

  for (const [what, names] of [
    ['.git', ['.git']],
    ['.GIT', ['.GIT']],
    ['a short name of .git', ['git~1']],
    ['..', ['..']],
    ['.', ['.']],
    ['a slash', ['a/b']],
    ['the same name twice', ['twice', 'twice']],
    ['names out of order', ['b', 'a']],
  ] as const) {
    test(`a tree with ${what} is refused`, async () => {
      const blob = git(work, ['hash-object', '-w', '--stdin'], { input: 'evil\n' });
      const tree = hostileTree(
        work,
        names.map((name) => ({ mode: '100644', name, sha: blob })),
      );
      const pack = gitBytes(work, ['pack-objects', '--stdout', '-q'], { input: `${tree}\n${blob}\n` });
      await assert.rejects(take(tree, pack), { code: 'resultUnreadable' });
      nothingLeft();
    });
  }

  test('a patch over the limit is refused', async () => {
    write(work, 'long.txt', binary(300_000, 'long').toString('base64'));
    const tree = treeOf(commitAll(work));
    const sha = await take(tree, thinPack(tree));
    await assert.rejects(store.repos.patch(repoId, head, sha, 100_000), { code: 'patchTooLarge' });
  });

  test('removing a task removes its repository and its refs, nothing else', async () => {
    const repo = store.repoDir(repoId);
    const incoming = git(repo, ['for-each-ref', 'refs/codex/in']);
    await store.repos.removeTask(TASK, repoId);
    assert.equal(git(repo, ['for-each-ref', 'refs/codex/tasks']), '');
    assert.equal(git(repo, ['for-each-ref', 'refs/codex/in']), incoming);
    assert.throws(() => readdirSync(store.originDir(TASK)));
    await store.repos.removeTask(TASK, repoId);
  });
});
