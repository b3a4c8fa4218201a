/** Where a person pushes to, and from which commit: forks, several remotes, names in the way, clones that lack it. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { forgeRemote, type ForgeRemote } from '../../../client/pull-request/folder.ts';
import { pushedFrom, pushResult } from '../../../client/pull-request/own.ts';
import { commitAll, git, write } from '../../support/git.ts';
import { failing, scene } from './scene.ts';

const UPSTREAM = 'https://github.com/acme/shop.git';
const FORK = 'git@github.com:ada/shop.git';

test('a push address of its own leads to a fork, and the branch is pushed and looked for there', async (context) => {
  const { dir, root, push, there } = scene(context);
  const fork = join(dir, 'fork.git');
  git(dir, ['clone', '-q', '--bare', join(dir, 'forge.git'), fork]);
  git(root, ['remote', 'set-url', '--push', 'origin', fork]);
  // Taken in the fork alone.
  git(fork, ['update-ref', 'refs/heads/codex/round-once', 'main']);
  const remote: ForgeRemote = { ...push.remote, pushTo: { name: 'origin', repo: 'ada/shop' } };
  assert.deepEqual(await pushResult({ ...push, remote }), { branch: 'codex/round-once-2' });
  assert.equal(git(fork, ['rev-parse', 'codex/round-once']), git(root, ['rev-parse', 'main']));
  assert.equal(git(fork, ['rev-parse', 'codex/round-once-2^']), git(root, ['rev-parse', 'main']));
  assert.equal(there('branch', '--list', 'codex/*'), '');
});

test('where git is told to push elsewhere, the pull request goes from there to where the branch comes from', async (context) => {
  const { root } = scene(context);
  git(root, ['remote', 'set-url', 'origin', UPSTREAM]);
  const upstream = { name: 'origin', host: 'github.com', repo: 'acme/shop' };
  assert.deepEqual(await forgeRemote(root), upstream);

  git(root, ['remote', 'set-url', '--push', 'origin', FORK]);
  assert.deepEqual(await forgeRemote(root), { ...upstream, pushTo: { name: 'origin', repo: 'ada/shop' } });
  git(root, ['config', '--unset', 'remote.origin.pushurl']);

  git(root, ['remote', 'add', 'fork', FORK]);
  assert.deepEqual(await forgeRemote(root), upstream, 'a remote that nobody pushes to by default');
  const fork = { ...upstream, pushTo: { name: 'fork', repo: 'ada/shop' } };
  git(root, ['config', 'remote.pushDefault', 'fork']);
  assert.deepEqual(await forgeRemote(root), fork);
  git(root, ['config', 'branch.main.pushRemote', 'origin']);
  assert.deepEqual(await forgeRemote(root), upstream, 'of the branch comes first');
  git(root, ['config', 'branch.main.pushRemote', 'nobody']);
  assert.deepEqual(await forgeRemote(root), upstream, 'one that is not there');
});

test('the same repository by another way is no fork', async (context) => {
  const { root } = scene(context);
  git(root, ['remote', 'set-url', 'origin', UPSTREAM]);
  for (const address of ['git@github.com:Acme/shop.git', 'ssh://git@ssh.github.com:443/acme/shop']) {
    git(root, ['remote', 'set-url', '--push', 'origin', address]);
    assert.equal((await forgeRemote(root))?.pushTo, undefined, address);
  }
  git(root, ['config', '--unset', 'remote.origin.pushurl']);
  git(root, ['config', 'url.git@github.com:.pushInsteadOf', 'https://github.com/']);
  assert.equal((await forgeRemote(root))?.pushTo, undefined);
});

test('a pull request that is there is changed where it is, whichever branch is checked out by now', async (context) => {
  const { root } = scene(context);
  git(root, ['remote', 'set-url', 'origin', FORK]);
  git(root, ['remote', 'add', 'upstream', UPSTREAM]);
  const at = { host: 'github.com', repo: 'acme/shop' };
  assert.equal((await forgeRemote(root))?.repo, 'ada/shop');
  assert.equal((await forgeRemote(root, { ...at, repo: 'Acme/Shop' }))?.name, 'upstream');
  assert.equal(await forgeRemote(root, { ...at, repo: 'acme/other' }), null);

  const remote: ForgeRemote = { name: 'upstream', ...at, pushTo: { name: 'origin', repo: 'ada/shop' } };
  assert.deepEqual(pushedFrom(remote, 'Ada/shop'), remote);
  assert.deepEqual(pushedFrom(remote, 'acme/shop'), { name: 'upstream', ...at });
  assert.throws(() => pushedFrom(remote, 'eve/shop'), { code: 'forgeRefused' });
});

test('a commit that this clone lacks is not replaced by what is checked out', async (context) => {
  const { root, push } = scene(context);
  write(root, 'secret.txt', 'not for anybody yet\n');
  commitAll(root, 'mine alone');
  const sha = 'd'.repeat(40);
  const { wire } = await failing(
    pushResult({ ...push, task: { ...push.task, repo: { ...push.task.repo, sha } } }),
  );
  assert.deepEqual([wire.code, wire.params['ref']], ['refUnknown', sha]);
  assert.equal(git(root, ['branch', '--list', 'codex/*']), '');
});

test('a branch whose name leaves no room is named', async (context) => {
  const { root, push } = scene(context);
  git(root, ['branch', 'codex', 'main']);
  const { wire } = await failing(pushResult(push));
  assert.deepEqual([wire.code, wire.params['branch']], ['branchExists', 'codex']);
});

test('given up, a hook and what it started are ended, and nobody waits for them', async (context) => {
  const { root, push, there } = scene(context);
  const mark = join(root, '.git/hook-began');
  write(root, '.git/hooks/pre-push', `#!/bin/sh\necho $$ >"${mark}"\nsleep 60\necho went on >"${mark}-on"\n`);
  chmodSync(join(root, '.git/hooks/pre-push'), 0o755);
  const stop = new AbortController();
  const pushed = failing(pushResult({ ...push, signal: stop.signal }));
  while (!existsSync(mark)) await new Promise((resolve) => setTimeout(resolve, 20));
  const before = Date.now();
  stop.abort();
  assert.equal((await pushed).code, 'cancelled');
  assert.ok(Date.now() - before < 10_000);
  assert.ok(!existsSync(`${mark}-on`));
  assert.equal(there('branch', '--list', 'codex/*'), '');
});
