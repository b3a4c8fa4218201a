import { strict as assert } from 'node:assert';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { binary, commitAll, git, gitAsync, gitBytes, initRepository, write } from '../../support/git.ts';
import { openTestStore, type TestStore } from './support.ts';

const TASK = 'aaaaaaaaaa';
const AUTHOR = { name: 'Änne Person', email: 'anne@example.com' };

describe('commits of the backend', () => {
  let store: TestStore;
  let work: string;
  let repo: string;
  let repoId: string;
  let base: string;

  before(async () => {
    store = await openTestStore();
    work = initRepository(join(store.dir, 'work'));
    write(work, 'a.txt', lines(40));
    write(work, 'b.txt', 'b\n');
    write(work, 'image.png', binary(2_000, 'base'));
    base = commitAll(work, 'Base');
    repoId = await store.repos.resolve({ name: 'work', remote: null, folder: 'work' });
    repo = store.repoDir(repoId);
    await bring(base);
  });
  after(() => store.close());

  const bring = (sha: string) =>
    gitAsync(work, ['push', '-q', store.url(repoId), `${sha}:refs/codex/in/${crypto.randomUUID()}`]);
  const treeOf = (sha: string) => store.repos.treeOf(repoId, sha);
  const make = async (changes: Partial<Parameters<TestStore['repos']['makeCommit']>[2]> = {}) =>
    store.repos.makeCommit(repoId, TASK, {
      tree: await treeOf(base),
      parents: [base],
      author: AUTHOR,
      at: 1_700_000_000_999,
      message: 'A title\n\nA body\n\nCo-authored-by: Codex <codex@localhost>\n',
      ...changes,
    });
  /** A tree with these changes to the base. */
  const variant = async (change: () => void) => {
    git(work, ['checkout', '-q', '--detach', base]);
    change();
    const sha = commitAll(work, 'Variant');
    await bring(sha);
    return treeOf(sha);
  };

  test('are the same for the same content, and say what they were given', async () => {
    const sha = await make();
    assert.equal(await make(), sha);
    const who = 'Änne Person <anne@example.com> 1700000000 +0000';
    assert.equal(
      gitBytes(repo, ['cat-file', 'commit', sha]).toString('utf8'),
      `tree ${await treeOf(base)}\nparent ${base}\nauthor ${who}\ncommitter ${who}\n\n` +
        'A title\n\nA body\n\nCo-authored-by: Codex <codex@localhost>\n',
    );
    assert.notEqual(await make({ at: 1_700_000_001_000 }), sha);
    git(repo, ['fsck', '--strict', '--full']);
  });

  test('have names that git can read again, whatever they were', async () => {
    for (const [author, written] of [
      [{ name: 'A <b>\nauthor x\0', email: 'a@b>\n<c' }, 'A bauthor x <a@bc>'],
      [{ name: '...', email: '<a@b>' }, 'a@b <a@b>'],
      [{ name: 'x\ud800', email: '<>' }, 'x\ufffd <unknown>'],
    ] as const) {
      const sha = await make({ author });
      assert.equal(git(repo, ['show', '-s', '--format=%an <%ae>', sha]), written);
    }
    git(repo, ['fsck', '--strict', '--full']);
  });

  test('with several parents, and without', async () => {
    const one = await make({ message: 'One' });
    const two = await make({ parents: [base, one, base], message: 'Two' });
    assert.equal(git(repo, ['show', '-s', '--format=%P', two]), `${base} ${one}`);
    const root = await make({ parents: [], message: 'Root' });
    assert.equal(git(repo, ['show', '-s', '--format=%P', root]), '');
  });

  test('need a tree and parents that are there', async () => {
    await assert.rejects(make({ parents: ['1'.repeat(40)] }), { code: 'commitMissing' });
    await assert.rejects(make({ tree: base }), { code: 'badRequest' });
    await assert.rejects(make({ tree: '1'.repeat(40) }), { code: 'badRequest' });
    await assert.rejects(make({ tree: '--help' }), { code: 'badRequest' });
    await assert.rejects(make({ parents: [await treeOf(base)] }), { code: 'commitMissing' });
  });

  test('have a tree, which nothing else has', async () => {
    const tree = await treeOf(base);
    assert.equal(await store.repos.treeOf(repoId, base), tree);
    for (const none of [tree, '1'.repeat(40)]) {
      await assert.rejects(store.repos.treeOf(repoId, none), { code: 'commitMissing' });
    }
  });

  test('go with their task, and not before', async () => {
    const sha = await make({ message: 'Kept' });
    assert.equal(git(repo, ['rev-parse', `refs/codex/pulls/${TASK}/${sha}`]), sha);
    await store.repos.removeTask('bbbbbbbbbb', repoId);
    assert.notEqual(git(repo, ['for-each-ref', 'refs/codex/pulls']), '');
    await store.repos.removeTask(TASK, repoId);
    assert.equal(git(repo, ['for-each-ref', 'refs/codex/pulls']), '');
  });

  test('how far two are apart', async () => {
    const one = await make({ message: '1' });
    const two = await make({ parents: [one], message: '2' });
    const side = await make({ message: 'side' });
    assert.deepEqual(await store.repos.distance(repoId, base, two), { ahead: 2, behind: 0 });
    assert.deepEqual(await store.repos.distance(repoId, side, two), { ahead: 2, behind: 1 });
    assert.deepEqual(await store.repos.distance(repoId, two, two), { ahead: 0, behind: 0 });
    assert.equal(await store.repos.isAncestor(repoId, base, two), true);
    assert.equal(await store.repos.isAncestor(repoId, side, two), false);
    await assert.rejects(store.repos.isAncestor(repoId, '1'.repeat(40), two), { code: 'commitMissing' });
  });

  describe('merging three trees', () => {
    const merge = async (ours: string, theirs: string) =>
      store.repos.mergeTrees(repoId, { base: await treeOf(base), ours, theirs });

    test('takes what each side changed', async () => {
      const ours = await variant(() => write(work, 'a.txt', lines(40, { 2: 'ours' })));
      const theirs = await variant(() => {
        write(work, 'a.txt', lines(40, { 30: 'theirs' }));
        write(work, 'image.png', binary(3_000, 'theirs'));
      });
      const merged = await merge(ours, theirs);
      assert.ok('tree' in merged);
      assert.equal(
        git(repo, ['cat-file', 'blob', `${merged.tree}:a.txt`]),
        lines(40, { 2: 'ours', 30: 'theirs' }).trim(),
      );
      assert.deepEqual(
        gitBytes(repo, ['cat-file', 'blob', `${merged.tree}:image.png`]),
        binary(3_000, 'theirs'),
      );
      assert.deepEqual(await merge(ours, theirs), merged);
    });

    test('the same change on both sides, and none on one', async () => {
      const ours = await variant(() => write(work, 'a.txt', lines(40, { 2: 'same' })));
      const merged = { tree: ours, carried: [] };
      assert.deepEqual(await merge(ours, ours), merged);
      assert.deepEqual(await merge(await treeOf(base), ours), merged);
      assert.deepEqual(await merge(ours, await treeOf(base)), merged);
    });

    test('names what conflicts, as text or as bytes', async () => {
      const side = (name: string) =>
        variant(() => {
          write(work, 'a.txt', lines(40, { 2: name }));
          write(work, 'image.png', binary(2_500, name));
          write(work, 'new "file" ä.txt', name);
        });
      const merged = await merge(await side('ours'), await side('theirs'));
      assert.ok('conflicts' in merged);
      assert.deepEqual(merged.conflicts.sort(), ['a.txt', 'image.png', 'new "file" ä.txt']);
    });

    test('a file that one side deleted and the other changed conflicts', async () => {
      const ours = await variant(() => git(work, ['rm', '-q', 'b.txt']));
      const theirs = await variant(() => write(work, 'b.txt', 'changed\n'));
      assert.deepEqual(await merge(ours, theirs), { conflicts: ['b.txt'] });
    });

    test('follows a file that one side renamed and the other changed', async () => {
      const ours = await variant(() => git(work, ['mv', 'a.txt', 'renamed.txt']));
      const theirs = await variant(() => write(work, 'a.txt', lines(40, { 5: 'theirs' })));
      const merged = await merge(ours, theirs);
      assert.ok('tree' in merged);
      assert.deepEqual(git(repo, ['ls-tree', '--name-only', merged.tree]).split('\n').sort(), [
        'b.txt',
        'image.png',
        'renamed.txt',
      ]);
      assert.match(git(repo, ['cat-file', 'blob', `${merged.tree}:renamed.txt`]), /theirs/);
      assert.deepEqual(
        merged.carried.map(({ path }) => path.path),
        ['renamed.txt'],
      );
    });

    test('a tree that is none is refused', async () => {
      await assert.rejects(merge(base, await treeOf(base)), { code: 'badRequest' });
    });
  });
});

function lines(count: number, changed: Record<number, string> = {}): string {
  return Array.from({ length: count }, (_, n) => `${changed[n] ?? `line ${n}`}\n`).join('');
}
