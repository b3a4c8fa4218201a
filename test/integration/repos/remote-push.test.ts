import { strict as assert } from 'node:assert';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { binary, changeEverything, commitAll, git, gitAsync, write } from '../../support/git.ts';
import { PushWorld, failure } from './push-world.ts';

describe('pushing a branch to a forge', () => {
  let world: PushWorld;

  before(async () => {
    world = await PushWorld.open();
  });
  after(() => world.close());
  beforeEach(() => world.begin());

  test('a new branch, then a commit on top of it', async () => {
    const first = await world.next(world.head, 'One');
    await world.push('codex/fix', first, null);
    assert.equal(world.at('codex/fix'), first);
    const second = await world.next(first, 'Two');
    await world.push('codex/fix', second, first);
    assert.equal(world.at('codex/fix'), second);
    assert.equal(world.at('main'), world.head);
    git(world.there, ['fsck', '--strict', '--full']);
  });

  test('only what the forge lacks is sent', async () => {
    const objects = () => Number(/^count: (\d+)/.exec(git(world.there, ['count-objects', '-v']))?.[1]);
    const before = objects();
    await world.push('small', await world.next(world.head, 'Only a commit'), null);
    assert.equal(objects(), before + 1);
  });

  test('every kind of file arrives byte for byte, a large one too', async () => {
    changeEverything(world.work);
    write(world.work, 'large.bin', binary(20 * 1024 * 1024, 'large'));
    const changed = commitAll(world.work, 'Change everything');
    await world.bring(changed);
    await world.push('all', changed, null);
    assert.equal(world.at('all'), changed);
    git(world.there, ['fsck', '--strict', '--full']);
    const list = (dir: string) => git(dir, ['ls-tree', '-r', '-z', '--full-tree', changed]);
    assert.equal(list(world.there), list(world.work));
    git(world.work, ['reset', '-q', '--hard', world.head]);
  });

  test('into a repository that has nothing yet', async () => {
    git(world.there, ['update-ref', '-d', 'refs/heads/main']);
    await world.push('main', world.head, null);
    assert.equal(world.at('main'), world.head);
  });

  test('a commit that the forge has already', async () => {
    await world.push('same', world.head, null);
    assert.equal(world.at('same'), world.head);
  });

  test('nothing but a commit that is here', async () => {
    const tree = await world.store.repos.treeOf(world.repoId, world.head);
    for (const sha of [tree, '1'.repeat(40)]) {
      assert.equal((await failure(world.push('none', sha, null))).code, 'commitMissing');
    }
    assert.equal(world.at('none'), '');
  });

  test('with object ids of SHA-256, and not into a repository with others', async () => {
    const other = join(world.store.dir, 'sha256');
    git(world.store.dir, ['init', '-q', '--object-format=sha256', '--initial-branch=main', other]);
    write(other, 'a.txt', 'a\n');
    const sha = commitAll(other);
    const id = await world.store.repos.resolve({ name: 'o', remote: null, folder: 'o', sha });
    await gitAsync(other, ['push', '-q', world.store.url(id), `${sha}:refs/codex/in/${crypto.randomUUID()}`]);
    world.forge.make('owner/long', { objectFormat: 'sha256' });
    const to = { branch: 'x', sha, expected: null };
    await world.store.repos.pushTo(id, world.forge.remote('owner/long'), to);
    assert.equal(
      (await world.store.repos.remoteRefs(world.forge.remote('owner/long'), ['refs/heads/x'])).get(
        'refs/heads/x',
      ),
      sha,
    );
    await assert.rejects(world.store.repos.pushTo(id, world.remote, to), { code: 'forgeRefused' });
  });

  for (const branch of ['codex/größe-ändern', '修正/日本語', 'émoji-🎉', 'a.b/c@d']) {
    test(`a branch named ${branch}`, async () => {
      await world.push(branch, world.head, null);
      assert.equal(world.at(branch), world.head);
      const refs = await world.store.repos.remoteRefs(world.remote, [
        `refs/heads/${branch}`,
        'refs/heads/none',
      ]);
      assert.deepEqual([...refs], [[`refs/heads/${branch}`, world.head]]);
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
      const asked = world.forge.seen.length;
      assert.equal((await failure(world.push(branch, world.head, null))).code, 'badRequest');
      assert.equal(world.forge.seen.length, asked);
    });
  }

  test('a name that is taken is not taken over', async () => {
    const mine = await world.next(world.head, 'Mine');
    const error = await failure(world.push('main', mine, null));
    assert.deepEqual([error.code, error.wire.params], ['forgeBranchMoved', { branch: 'main' }]);
    assert.equal(world.at('main'), world.head);
  });

  test('what others pushed is never overwritten', async () => {
    const mine = await world.next(world.head, 'Mine');
    await world.push('shared', mine, null);
    const theirs = git(world.there, ['commit-tree', '-p', mine, '-m', 'Theirs', `${mine}^{tree}`]);
    git(world.there, ['update-ref', 'refs/heads/shared', theirs]);
    const again = await world.next(mine, 'Mine again');
    assert.equal((await failure(world.push('shared', again, mine))).code, 'forgeBranchMoved');
    // Nor by somebody who knows of it, and does not build on it.
    assert.equal((await failure(world.push('shared', again, theirs))).code, 'forgeBranchMoved');
    await world.store.repos.fetchFrom(world.repoId, world.remote, ['refs/heads/shared']);
    assert.equal((await failure(world.push('shared', again, theirs))).code, 'forgeBranchMoved');
    assert.equal(world.at('shared'), theirs);
  });

  test('a branch that is gone is not made again', async () => {
    const mine = await world.next(world.head, 'Mine');
    assert.equal(
      (await failure(world.push('gone', await world.next(mine, 'More'), mine))).code,
      'forgeBranchGone',
    );
    assert.equal(world.at('gone'), '');
  });

  test('somebody who is faster between the look and the push wins', async () => {
    const mine = await world.next(world.head, 'Mine');
    await world.push('race', mine, null);
    const theirs = git(world.there, ['commit-tree', '-p', mine, '-m', 'Faster', `${mine}^{tree}`]);
    world.forge.fault = ({ method }) => {
      if (method === 'POST') git(world.there, ['update-ref', 'refs/heads/race', theirs]);
      return undefined;
    };
    const error = await failure(world.push('race', await world.next(mine, 'Too late'), mine));
    assert.deepEqual([error.code, error.wire.params], ['forgeBranchMoved', { branch: 'race' }]);
    assert.equal(world.at('race'), theirs);

    world.forge.fault = ({ method }) => {
      if (method === 'POST') git(world.there, ['update-ref', 'refs/heads/new', theirs]);
      return undefined;
    };
    assert.equal((await failure(world.push('new', mine, null))).code, 'forgeBranchMoved');
    assert.equal(world.at('new'), theirs);
  });

  test('a push of which the end was not heard is found to have arrived', async () => {
    const mine = await world.next(world.head, 'Mine');
    world.forge.fault = ({ method }) => (method === 'POST' ? { kind: 'cutAfter' } : undefined);
    const error = await failure(world.push('unheard', mine, null));
    assert.equal(error.code, 'forgeUnavailable');
    assert.equal(error.wire.retryable, true);
    world.forge.fault = () => undefined;
    assert.equal(
      (await world.store.repos.remoteRefs(world.remote, ['refs/heads/unheard'])).get('refs/heads/unheard'),
      mine,
    );
    await world.push('unheard', mine, null);
    assert.equal(world.at('unheard'), mine);
  });

  test('a push that is cut in its middle leaves the branch as it was, and works later', async () => {
    const large = await world.large('middle');
    world.forge.fault = ({ method, headers }) =>
      method === 'POST' && headers['content-length'] !== '4'
        ? { kind: 'cutRequest', bytes: 1_000_000 }
        : undefined;
    assert.equal((await failure(world.push('cut', large, null))).code, 'forgeUnavailable');
    assert.equal(world.at('cut'), '');
    world.forge.fault = () => undefined;
    await world.push('cut', large, null);
    assert.equal(world.at('cut'), large);
  });
});
