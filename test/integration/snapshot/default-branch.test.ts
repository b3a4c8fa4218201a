import { strict as assert } from 'node:assert';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { defaultCommit } from '../../../client/git/default-branch.ts';
import { commitAll, git, initRepository, removeFolder, temporaryFolder, write } from '../../support/git.ts';

describe('the default branch’s newest known commit', () => {
  let dir: string;
  let upstream: string;
  let count = 0;
  before(() => {
    dir = temporaryFolder('codex-default');
    upstream = repository('upstream', 'trunk');
  });
  after(() => removeFolder(dir));

  function commit(at: string): string {
    write(at, 'file', `${++count}\n`);
    return commitAll(at);
  }
  function repository(name: string, branch: string): string {
    const at = join(dir, name);
    initRepository(at);
    git(at, ['symbolic-ref', 'HEAD', `refs/heads/${branch}`]);
    commit(at);
    return at;
  }
  function clone(name: string, ...args: string[]): string {
    git(dir, ['clone', '-q', ...args, `file://${upstream}`, name]);
    return join(dir, name);
  }
  const tip = (at: string, ref: string) => git(at, ['rev-parse', ref]);

  test('of a clone it is what the remote calls so, whatever is checked out and however far it is ahead', async () => {
    const at = clone('clone');
    git(at, ['switch', '-q', '-c', 'main']);
    commit(at);
    git(at, ['branch', '-q', '-f', 'trunk', 'HEAD']);
    assert.equal(await defaultCommit(at), tip(upstream, 'trunk'));
    git(at, ['switch', '-q', '--detach']);
    assert.equal(await defaultCommit(at), tip(upstream, 'trunk'));
  });

  test('a remote that never said which it is: its main, else its master, else none', async () => {
    const at = clone('unsaid');
    git(at, ['remote', 'set-head', 'origin', '--delete']);
    assert.equal(await defaultCommit(at), null);
    git(at, ['update-ref', 'refs/remotes/origin/master', commit(at)]);
    assert.equal(await defaultCommit(at), tip(at, 'origin/master'));
    git(at, ['update-ref', 'refs/remotes/origin/main', commit(at)]);
    assert.equal(await defaultCommit(at), tip(at, 'origin/main'));
    // One that leads nowhere is as good as none.
    git(at, ['symbolic-ref', 'refs/remotes/origin/HEAD', 'refs/remotes/origin/gone']);
    assert.equal(await defaultCommit(at), tip(at, 'origin/main'));
  });

  test('the only remote counts whatever its name, of several only origin', async () => {
    const at = clone('named', '--origin', 'company');
    assert.equal(await defaultCommit(at), tip(upstream, 'trunk'));
    git(at, ['remote', 'add', 'other', 'file:///nowhere']);
    git(at, ['branch', '-q', 'second']);
    commit(at);
    assert.equal(await defaultCommit(at), null, 'two remotes, two branches, none of a usual name');
    git(at, ['remote', 'rename', 'company', 'origin']);
    assert.equal(await defaultCommit(at), tip(upstream, 'trunk'));
  });

  test('without a remote, or with one that nothing was ever got from: its own', async () => {
    const at = repository('own', 'work');
    assert.equal(await defaultCommit(at), tip(at, 'work'), 'the one branch there is');
    git(at, ['remote', 'add', 'origin', 'https://forge.example/new.git']);
    assert.equal(await defaultCommit(at), tip(at, 'work'));
    git(at, ['branch', 'other']);
    assert.equal(await defaultCommit(at), null);
    git(at, ['branch', 'master']);
    commit(at);
    assert.equal(await defaultCommit(at), tip(at, 'master'));
    git(at, ['branch', 'main', 'work']);
    assert.equal(await defaultCommit(at), tip(at, 'main'));
    git(at, ['config', 'init.defaultBranch', 'other']);
    assert.equal(await defaultCommit(at), tip(at, 'other'));
    git(at, ['config', 'init.defaultBranch', 'not/there']);
    assert.equal(await defaultCommit(at), tip(at, 'main'));
  });

  test('a tag or a branch that only looks like it is not taken', async () => {
    const at = repository('looks', 'main/sub');
    git(at, ['tag', 'main']);
    git(at, ['branch', 'other']);
    assert.equal(await defaultCommit(at), null);
  });

  test('nothing committed, and a commit that is not there: none', async () => {
    const empty = join(dir, 'empty');
    initRepository(empty);
    assert.equal(await defaultCommit(empty), null);
    const broken = repository('broken', 'main');
    const sha = tip(broken, 'main');
    rmSync(join(broken, '.git', 'objects', sha.slice(0, 2), sha.slice(2)));
    assert.equal(await defaultCommit(broken), null);
  });
});
