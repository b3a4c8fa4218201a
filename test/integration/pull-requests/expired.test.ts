/** A token that ends while it is used, and the next one. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { errorWords } from '../../../client/words/index.ts';
import type { CodexError } from '../../../protocol/errors.ts';
import { binary, git, write } from '../../support/git.ts';
import { openWorld, plainProject, REPO, type World } from './world.ts';

let world: World;
before(async () => {
  world = await openWorld(plainProject, { connected: 'client' });
});
after(() => world.close());

const refs = (name: string) =>
  git(world.github.gitDir(REPO), ['for-each-ref', '--format=%(refname:short)', `refs/heads/${name}*`]);
/** Too large for one piece: it is asked whether it would be taken, and then sent. */
const LARGE = 3_000_000;

for (const [when, on, skip] of [
  ['before the push', 'git refs receive-pack', 0],
  ['between what is there and what is sent', 'git receive-pack', 0],
  ['in mid-push', 'git receive-pack', 1],
  ['between the push and the pull request', 'POST /repos/{owner}/{repo}/pulls', 0],
] as const) {
  test(`a token that expires ${when}: a new one is connected, and it goes on`, async () => {
    const { github, one } = world;
    const branch = `codex/expired-${on.replace(/\W+/g, '-')}-${skip}`;
    const made = await world.task({ edit: (dir) => write(dir, `${when}.bin`, binary(LARGE, when)) });
    const asked = { taskId: made.id, title: `Expired ${when}`, body: '', branch, base: 'main' };
    const create = async () => (await one.call('pullRequest.create', asked)).pullRequest;
    const old = world.github.requests.length;
    github.before(on, () => github.expireTokens(), { skip });
    await assert.rejects(create(), (error: CodexError) => {
      assert.equal(error.code, 'forgeUnauthorized');
      assert.match(errorWords(error.wire).text, /has expired, or was revoked\. Connect again with a new one/);
      return true;
    });
    // As long as there is none it says the same, and nothing is pushed.
    await assert.rejects(create(), { code: 'forgeUnauthorized' });
    assert.ok(github.requests.length > old);
    const { value } = github.addToken('octocat', { scopes: ['repo', 'workflow'] });
    await one.call('forge.connect', { host: github.host, token: value });
    const pull = await create();
    assert.deepEqual([pull.state, pull.error, pull.branch], ['open', undefined, branch]);
    assert.equal(refs(branch), branch);
    assert.equal(world.github.pulls(REPO).filter(({ title }) => title === asked.title).length, 1);
    assert.equal(world.treeAt(branch), await world.resultTree(made.id));
    assert.ok(!JSON.stringify([one.events, one.notified, world.logged]).includes(value));
  });
}

test('an app’s token that ends is made anew, wherever that is noticed, and nobody is asked for anything', async () => {
  const app = await openWorld(plainProject, { connected: 'app' });
  const { github } = app;
  try {
    for (const [on, skip] of [
      ['git refs receive-pack', 0],
      ['git receive-pack', 0],
      ['git receive-pack', 1],
    ] as const) {
      const branch = `codex/${on.replace(/\W+/g, '-')}-${skip}`;
      const made = await app.task({ edit: (dir) => write(dir, `${branch}.bin`, binary(LARGE, branch)) });
      github.before(on, () => github.expireTokens(), { skip });
      const { state } = await app.create(made.id, { branch, title: branch });
      assert.equal(state, 'open');
      assert.equal(app.treeAt(branch), await app.resultTree(made.id));
    }
    github.assertNoProblems();
  } finally {
    await app.close();
  }
});
