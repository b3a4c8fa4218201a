/**
 * What every forge must do behind `server/forge/forge.ts`, whichever it is. A forge's own file starts its stand-in
 * and says how others act there; what is special to one forge is tested elsewhere.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { FORGE_REASON_CHARS } from '../../../protocol/limits.ts';
import type { ForgeRepo } from '../../../server/forge/forge.ts';
import { temporaryFolder } from '../../support/git.ts';
import { gitAs as git, type ContractWorld } from './contract-world.ts';
import { failsWith } from './world.ts';

/** Everything in it has a meaning in an address; the last is no ASCII. */
const BRANCH = 'codex/a&b=c+d#1%25-ä';
const PATH = 'src/a b & ü#1%.txt';
/** A time of whole seconds, as some forges tell it. */
const AT = Date.UTC(2026, 0, 2, 3, 4, 5);

export function forgeContract(label: string, start: () => Promise<ContractWorld>): void {
  describe(`a forge behind the interface: ${label}`, () => {
    let world: ContractWorld;
    let repo: ForgeRepo;
    let folder = '';
    before(async () => {
      world = await start();
      repo = world.forge.repo(world.name);
      folder = temporaryFolder('codex-contract');
    });
    after(async () => {
      rmSync(folder, { recursive: true, force: true });
      await world.close();
    });

    /** A pull request of a branch of its own. */
    const newPull = async (more: { body?: string; draft?: boolean } = {}) => {
      const head = `topic-${randomUUID()}`;
      await world.commit(head, { [PATH]: `one\n${head}\n` });
      return repo.createPull({ title: 'A change', body: '', head, base: 'main', draft: false, ...more });
    };

    test('it says whose the credential is, what the repository is, and where git goes', async () => {
      assert.equal(repo.name, world.name);
      const { host, kind, loopback } = world.forge;
      assert.deepEqual(repo.forge, { host, kind, loopback });
      assert.notEqual((await world.forge.whoAmI()).account, '');
      assert.deepEqual(await repo.about(), {
        name: world.name,
        defaultBranch: 'main',
        private: true,
        archived: false,
        mayPush: true,
        cloneUrl: repo.gitUrl,
      });
      for (const secret of world.secrets()) assert.ok(!repo.gitUrl.includes(secret));
    });

    test('what can be no repository is refused before anything is asked', () => {
      for (const name of ['octo', 'octo/../secrets', 'octo/a?b', '../app', 'octo/%2e%2e', ''])
        assert.throws(() => world.forge.repo(name), /forgeRepoUnknown/, name);
    });

    test('its credential clones and pushes, and none does neither', async () => {
      const dir = join(folder, 'clone');
      const without = await git(null, folder, 'clone', '--quiet', repo.gitUrl, dir);
      assert.notEqual(without.code, 0);
      const cloned = await git(await repo.credential('read'), folder, 'clone', '--quiet', repo.gitUrl, dir);
      assert.equal(cloned.code, 0, cloned.stderr);
      writeFileSync(join(dir, 'pushed.txt'), 'from a clone\n');
      await git(null, dir, 'add', '--all');
      await git(null, dir, 'commit', '--quiet', '-m', 'Push this');
      const to = `HEAD:refs/heads/${BRANCH}`;
      assert.notEqual((await git(null, dir, 'push', '--quiet', 'origin', to)).code, 0);
      assert.equal(await world.branch(BRANCH), null);
      const pushed = await git(await repo.credential('write'), dir, 'push', '--quiet', 'origin', to);
      assert.equal(pushed.code, 0, pushed.stderr);
      assert.equal(
        await world.branch(BRANCH),
        (await git(null, dir, 'rev-parse', 'HEAD')).stdout.toString().trim(),
      );
    });

    test('a pull request is made as it was asked for, and is found by its branch', async () => {
      const sha = await world.commit(BRANCH, { [PATH]: 'one\ntwo\n' });
      const main = await world.branch('main');
      assert.equal(await repo.findPull(BRANCH), null);
      const body = 'Why — “quoted”, `code`, <b>&amp;</b>\n\n- 日本語 🎉\n';
      const made = await repo.createPull({
        title: 'Ünicode & <more>',
        body,
        head: BRANCH,
        base: 'main',
        draft: true,
      });
      // Where the forge says it: a repository that was renamed shows here by its new name.
      const { repo: at = world.name, ...base } = made.base;
      assert.equal(at, world.name);
      assert.deepEqual(
        { ...made, base },
        {
          number: made.number,
          url: world.addressOf('pull', made.number),
          title: 'Ünicode & <more>',
          body,
          state: 'open',
          draft: true,
          head: { branch: BRANCH, sha, repo: world.name },
          base: { branch: 'main', sha: main },
          author: world.account,
        },
      );
      assert.deepEqual(await repo.pull(made.number), made);
      assert.deepEqual(await repo.findPull(BRANCH), made);
      assert.deepEqual(await repo.findPull(BRANCH, 'main'), made);
      assert.equal(await repo.findPull(BRANCH, 'other'), null);
      assert.equal(await repo.findPull('codex/a'), null);
    });

    test('a second one of the same branches is refused in the forge’s words, and the first is found', async () => {
      const first = await newPull();
      assert.equal(first.draft, false);
      assert.equal(first.author, (await world.forge.whoAmI()).login);
      const { branch: head } = first.head;
      const again = repo.createPull({ title: 'Again', body: '', head, base: 'main', draft: false });
      await failsWith(again, 'forgeRefused', /already exists/, ...world.secrets());
      assert.equal((await repo.findPull(head, 'main'))?.number, first.number);
    });

    test('text, base and state are changed one by one, and what is not named stays', async () => {
      const { number, head } = await newPull({ body: 'Before', draft: true });
      const retitled = await repo.changePull(number, { title: 'Better: näher' });
      assert.deepEqual([retitled.title, retitled.body, retitled.draft], ['Better: näher', 'Before', true]);
      assert.equal((await repo.changePull(number, { body: 'After' })).title, 'Better: näher');
      await world.commit('elsewhere', { 'elsewhere.txt': 'x\n' });
      const moved = await repo.changePull(number, { base: 'elsewhere' });
      assert.deepEqual([moved.base.branch, moved.title, moved.body], ['elsewhere', 'Better: näher', 'After']);
      const closed = await repo.changePull(number, { state: 'closed' });
      assert.deepEqual([closed.state, closed.body, closed.draft], ['closed', 'After', true]);
      assert.equal((await repo.findPull(head.branch))?.state, 'closed');
      assert.equal((await repo.changePull(number, { state: 'open' })).state, 'open');
    });

    test('an open one is found before newer ones that are closed, and of those the newest', async () => {
      const first = await newPull();
      const { branch: head } = first.head;
      await repo.changePull(first.number, { state: 'closed' });
      const second = await repo.createPull({ title: 'Two', body: '', head, base: 'main', draft: false });
      await repo.changePull(second.number, { state: 'closed' });
      assert.equal((await repo.findPull(head))?.number, second.number);
      await repo.changePull(first.number, { state: 'open' });
      assert.equal((await repo.findPull(head))?.number, first.number);
    });

    test('its head follows the branch, and merged is not closed', async () => {
      const { number, head } = await newPull();
      const sha = await world.commit(head.branch, { 'more.txt': 'more\n' });
      assert.equal((await repo.pull(number)).head.sha, sha);
      await world.merge(number);
      const merged = await repo.pull(number);
      assert.deepEqual([merged.state, merged.head.sha], ['merged', sha]);
      assert.equal((await repo.findPull(head.branch))?.state, 'merged');
    });

    test('its diff comes as git’s bytes, up to a size', async () => {
      const { number, head } = await newPull();
      const diff = (await repo.pullDiff(number, 100_000)).toString();
      assert.match(diff, /^diff --git /);
      assert.ok(diff.includes('src/a b & ') && diff.includes('#1%.txt'), diff);
      assert.ok(diff.endsWith(`\n+${head.branch}\n`), diff);
      const all = Buffer.byteLength(diff);
      assert.equal((await repo.pullDiff(number, all)).length, all);
      await failsWith(repo.pullDiff(number, all - 1), 'forgeLinkTooLarge', /is larger than/);
    });

    test('an issue comes with its newest comments, and how many did not fit', async () => {
      const number = world.addIssue({ title: 'Bröken', body: 'It is', by: 'bob', labels: ['bug', 'a, b'] });
      for (const [index, body] of ['first', 'second', 'third'].entries())
        world.say('issue', number, 'bob', { body, at: AT + index * 1_000 });
      const whole = await repo.issue(number, 10_000);
      assert.deepEqual(
        { ...whole, comments: whole.comments.map(({ author, body }) => `${author}: ${body}`) },
        {
          number,
          title: 'Bröken',
          body: 'It is',
          author: 'bob',
          state: 'open',
          labels: ['bug', 'a, b'],
          comments: ['bob: first', 'bob: second', 'bob: third'],
          isPullRequest: false,
        },
      );
      const cut = await repo.issue(number, Buffer.byteLength('BrökenIt issecondthird'));
      assert.deepEqual([cut.comments.map(({ body }) => body), cut.commentsLeftOut], [['second', 'third'], 1]);
      const address = world.addressOf('issue', number);
      const refused = await failsWith(repo.issue(number, 5), 'forgeLinkTooLarge', /is larger than/);
      assert.equal(refused.wire.params['url'], address);
    });

    test('checks are passed, failed or running, each with its name', async () => {
      const { head } = await newPull();
      assert.deepEqual(await repo.checks(head.sha), []);
      for (const outcome of ['passed', 'failed', 'running'] as const)
        world.check(head.sha, `is ${outcome}`, outcome);
      const checks = await repo.checks(head.sha);
      assert.deepEqual(checks.map(({ name, outcome }) => [name, outcome]).toSorted(), [
        ['is failed', 'failed'],
        ['is passed', 'passed'],
        ['is running', 'running'],
      ]);
      assert.equal(new Set(checks.map(({ id }) => id)).size, 3);
    });

    test('what others said comes oldest first, with its place in the files', async () => {
      world.allow('rita', 'write');
      const { number } = await newPull();
      world.say('pull', number, 'rita', { body: 'That is all', at: AT + 2_000 });
      world.sayOnLine(number, 'rita', { body: 'Not here', path: PATH, line: 2, at: AT + 1_000 });
      world.say('pull', number, 'bob', { body: 'And me?', at: AT });
      const comments = await repo.comments(number);
      assert.deepEqual(
        comments.map(({ author, body, path, line, at }) => [author, body, path, line, at - AT]),
        [
          ['bob', 'And me?', undefined, undefined, 0],
          ['rita', 'Not here', PATH, 2, 1_000],
          ['rita', 'That is all', undefined, undefined, 2_000],
        ],
      );
      assert.equal(new Set(comments.map(({ id }) => id)).size, 3);
      for (const { url } of comments) assert.ok(url.startsWith(`${world.addressOf('pull', number)}#`), url);
    });

    test('of what reviewers say of it the newest word counts', async () => {
      world.allow('rita', 'write');
      world.allow('ron', 'write');
      const { number } = await newPull();
      assert.equal(await repo.verdict(number), null);
      world.judge(number, 'rita', 'approved');
      assert.equal(await repo.verdict(number), 'approved');
      world.judge(number, 'ron', 'changesRequested');
      assert.equal(await repo.verdict(number), 'changesRequested');
      world.judge(number, 'ron', 'approved');
      assert.equal(await repo.verdict(number), 'approved');
    });

    test('a comment is written, found among the others, and changed by its id alone', async () => {
      const { number } = await newPull();
      const { id, url } = await repo.comment(number, 'Working on it — 🛠');
      assert.ok(url.startsWith(`${world.addressOf('pull', number)}#`), url);
      await repo.changeComment(id, 'Done: ü');
      const said = (await repo.comments(number)).map((one) => [one.id, one.author, one.body, one.url]);
      assert.deepEqual(said, [[id, world.account, 'Done: ü', url]]);
      assert.deepEqual(await repo.commentsBelow(number), await repo.comments(number));
      assert.equal((await world.forge.whoAmI()).login, world.account);
    });

    test('what a person may do is asked each time', async () => {
      world.allow('rosa', 'read');
      world.allow('wim', 'write');
      world.allow('ada', 'admin');
      for (const [login, permission] of [
        ['rosa', 'read'],
        ['wim', 'write'],
        ['ada', 'admin'],
        ['passer-by', 'none'],
        ['no such/name?', 'none'],
      ] as const)
        assert.equal(await repo.permissionOf(login), permission, login);
      world.allow('rosa', 'write');
      assert.equal(await repo.permissionOf('rosa'), 'write');
    });

    test('what is not there, and what one may not see, are the same', async () => {
      const secrets = world.secrets();
      await failsWith(repo.pull(9_999), 'forgeRepoUnknown', /9999/, ...secrets);
      await failsWith(repo.issue(9_999, 1_000), 'forgeRepoUnknown', /9999/, ...secrets);
      const missing = world.forge.repo(`${world.name}-none`).about();
      await failsWith(missing, 'forgeRepoUnknown', /-none that the token may see/, ...secrets);
      await failsWith(world.stranger.repo(world.name).about(), 'forgeRepoUnknown', /may see/, ...secrets);
    });

    for (const [kind, code, sentence] of [
      [401, 'forgeUnauthorized', /does not accept the token/],
      [403, 'forgeForbidden', /does not let the (?:token|app) do this/],
      [404, 'forgeRepoUnknown', /that the token may see/],
      [429, 'forgeRateLimited', /takes no more requests for now/],
      [503, 'forgeUnavailable', /\(HTTP 503\)/],
      ['garbage', 'forgeGarbage', /can’t be understood/],
      ['otherShape', 'forgeGarbage', /can’t be understood/],
    ] as const)
      test(`${kind} is ${code}, without the token that the forge repeats`, async () => {
        const { number } = await newPull();
        const secrets = world.secrets();
        const end = world.trouble(number, kind, `No: ${secrets.join(' ')}`);
        await failsWith(repo.pull(number), code, sentence, ...secrets);
        end();
        assert.equal((await repo.pull(number)).number, number);
      });

    test('a refusal comes in the forge’s words, on one line, and without even half a token', async () => {
      const { number } = await newPull();
      const [secret = ''] = world.secrets().filter((one) => !one.includes('\n'));
      for (const said of [
        `No:\n ${secret} is\u202e bad`,
        `No: ${'x'.repeat(FORGE_REASON_CHARS - 15)}${secret}`,
      ]) {
        const end = world.trouble(number, 409, said);
        const refused = await failsWith(
          repo.pull(number),
          'forgeRefused',
          /refused: “No: /,
          secret.slice(0, 8),
        );
        const reason = String(refused.wire.params['reason']);
        assert.ok(reason.length <= FORGE_REASON_CHARS && !/[\n\u202e]/.test(reason), reason);
        end();
      }
    });

    test('a repository that was renamed answers with its new name', async () => {
      const to = `${world.name}-renamed`;
      world.rename(to);
      assert.equal((await repo.about()).name, to);
      assert.equal((await world.forge.repo(to).about()).name, to);
    });
  });
}
