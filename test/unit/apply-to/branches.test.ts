import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { localBranches } from '../../../client/apply-to/index.ts';
import { commitAll, git, initRepository, removeFolder, temporaryFolder, write } from '../../support/git.ts';

const root = temporaryFolder('codex-branches');
before(() => {
  initRepository(root);
  write(root, 'a.txt', 'a\n');
  commitAll(root, 'base');
});
after(() => removeFolder(root));

test('local branches are listed with where they are checked out', async () => {
  git(root, ['branch', 'free']);
  const found = await localBranches(root);
  assert.equal(found.find(({ name }) => name === 'free')?.folder, null);
  assert.deepEqual(
    found.filter(({ folder }) => folder !== null).map(({ folder }) => folder),
    [root],
  );
  assert.ok(found.every(({ at }) => /^[0-9a-f]{40}$/.test(at)));
});
