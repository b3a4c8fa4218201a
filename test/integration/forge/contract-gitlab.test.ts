/** GitLab as the second forge behind the interface, in a group of a group; and what is its alone. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openForges } from '../../../server/forge/forges.ts';
import { openGitLab } from '../../../server/forge/gitlab/gitlab.ts';
import { NO_LOG } from '../../../server/log.ts';
import { headsOf } from '../../support/github/git.ts';
import { startGitLab, type GitLabStandIn } from '../../support/gitlab/index.ts';
import { faultOf, type ContractWorld } from './contract-world.ts';
import { forgeContract } from './contract.ts';
import { failsWith } from './world.ts';

const NAME = 'group/sub/app';
const PULL = 'GET /projects/:id/merge_requests/:iid';

async function start() {
  const gitlab = await startGitLab();
  const roles = { octo: 'maintain' } as const;
  await gitlab.addRepo(NAME, { private: true, files: { 'a.txt': 'a\n' }, roles });
  const token = gitlab.addToken('octo').value;
  return { gitlab, token, forge: forgeAt(gitlab, token) };
}

function forgeAt({ host, apiUrl }: GitLabStandIn, token: string) {
  return openGitLab({
    ...{ host, apiUrl, loopback: true, secret: { how: 'token', token } },
    pause: async () => undefined,
  });
}

forgeContract('GitLab with a token', async (): Promise<ContractWorld> => {
  const { gitlab, token, forge } = await start();
  const repo = gitlab.repo(NAME);
  const pulls = (iid: number) => gitlab.numberOf(NAME, 'merge_requests', iid);
  return {
    forge,
    name: NAME,
    account: 'octo',
    stranger: forgeAt(gitlab, gitlab.addToken('stranger').value),
    secrets: () => [token],
    addressOf: (kind, number) =>
      `${gitlab.url}/${NAME}/-/${kind === 'pull' ? 'merge_requests' : 'issues'}/${number}`,
    commit: (branch, files) => gitlab.commit(NAME, branch, files),
    branch: async (name) => (await headsOf(repo)).get(name) ?? null,
    merge: (pull) => gitlab.merge(NAME, pulls(pull)),
    allow: (login, role) => gitlab.allow(NAME, login, role),
    addIssue: (issue) => gitlab.iidOf(NAME, gitlab.addIssue(NAME, issue).number),
    say(kind, iid, by, { body, at }) {
      const number = kind === 'pull' ? pulls(iid) : gitlab.numberOf(NAME, 'issues', iid);
      gitlab.comment(NAME, number, by, body).createdAt = at;
    },
    sayOnLine(pull, by, { at, ...said }) {
      gitlab.commentOnLine(NAME, pulls(pull), by, said).createdAt = at;
    },
    judge(pull, by, verdict) {
      gitlab.review(NAME, pulls(pull), by, verdict === 'approved' ? 'APPROVED' : 'CHANGES_REQUESTED');
    },
    check(sha, name, outcome) {
      const state = { passed: 'success', failed: 'failure', running: 'pending' } as const;
      gitlab.addStatus(NAME, sha, state[outcome], name);
    },
    trouble: (_pull, kind, said) => gitlab.fault(PULL, faultOf(kind, said), { times: 9 }).off,
    rename: (to) => gitlab.rename(NAME, to),
    async close() {
      await gitlab.close();
      gitlab.assertNoProblems();
    },
  };
});

let gitlab: GitLabStandIn;
let token = '';
let forge: ReturnType<typeof forgeAt>;
before(async () => ({ gitlab, token, forge } = await start()));
after(async () => {
  await gitlab.close();
  gitlab.assertNoProblems();
});

const newPull = async (more: { title?: string; body?: string; draft?: boolean } = {}) => {
  const head = `topic-${gitlab.pulls(NAME).length}`;
  await gitlab.commit(NAME, head, { 'a.txt': `${head}\n` });
  return forge.repo(NAME).createPull({ title: 'T', body: '', head, base: 'main', draft: false, ...more });
};

test('an issue and a merge request have the same number, and neither is taken for the other', async () => {
  const { number } = await newPull({ title: 'A change' });
  gitlab.addIssue(NAME, { title: 'A wish', body: null, by: 'bob' });
  const repo = forge.repo(NAME);
  assert.equal(number, 1);
  assert.deepEqual([(await repo.pull(1)).title, (await repo.issue(1, 1_000)).title], ['A change', 'A wish']);
});

test('it is a draft by its title, which is shown without that', async () => {
  const made = await newPull({ title: 'Draft: twice', draft: true });
  assert.deepEqual([made.title, made.draft], ['twice', true]);
  const number = gitlab.numberOf(NAME, 'merge_requests', made.number);
  assert.equal((await gitlab.pull(NAME, number)).title, 'twice');
  const changed = await forge.repo(NAME).changePull(made.number, { title: '[Draft] thrice' });
  assert.deepEqual([changed.title, changed.draft], ['thrice', true]);
});

test('nothing that is written is carried out as a quick action', async () => {
  const body = 'Ends so:\n/close\n/usr/bin/env stays\n  /merge now';
  const { number, body: written, state } = await newPull({ body });
  assert.deepEqual([written, state], ['Ends so:\n\\/close\n/usr/bin/env stays\n  \\/merge now', 'open']);
  const repo = forge.repo(NAME);
  await repo.comment(number, '/close');
  await repo.changePull(number, { body: '/close\r\nplease' });
  assert.equal((await repo.pull(number)).state, 'open');
  assert.deepEqual(
    (await repo.comments(number)).map((one) => one.body),
    ['\\/close'],
  );
});

test('a fork’s branch of the same name is not ours, and a fork that one may not see has no name', async () => {
  const { head, number } = await newPull();
  const fork = await gitlab.fork(NAME, 'someone');
  const issue = gitlab.repo(NAME).issues.find(({ pull }) => pull?.headBranch === head.branch);
  assert.ok(issue?.pull);
  issue.pull.headRepo = fork;
  const repo = forge.repo(NAME);
  assert.equal(await repo.findPull(head.branch), null);
  assert.equal((await repo.pull(number)).head.repo, null);
  gitlab.allow('someone/app', 'octo', 'read');
  assert.equal((await repo.pull(number)).head.repo, 'someone/app');
});

test('whoever is no member may read what is public', async () => {
  await gitlab.addRepo('group/open', { roles: { octo: 'write' } });
  gitlab.addAccount('passer-by');
  assert.equal(await forge.repo('group/open').permissionOf('passer-by'), 'read');
  assert.equal(await forge.repo(NAME).permissionOf('passer-by'), 'none');
});

test('what its role does not allow is said', async () => {
  gitlab.allow(NAME, 'reader', 'read');
  const { value } = gitlab.addToken('reader');
  const repo = forgeAt(gitlab, value).repo(NAME);
  assert.equal((await repo.about()).mayPush, false);
  await failsWith(repo.changePull(1, { title: 'No' }), 'forgeForbidden', /group\/sub\/app!1/, value, token);
});

test('a long list is read page by page', async () => {
  const issue = gitlab.addIssue(NAME, { title: 'Long', by: 'bob' });
  for (let at = 0; at < 230; at++) gitlab.comment(NAME, issue.number, 'bob', `comment ${at}`);
  const { comments } = await forge.repo(NAME).issue(gitlab.iidOf(NAME, issue.number), 1_000_000);
  assert.deepEqual([comments.length, comments.at(-1)?.body], [230, 'comment 229']);
});

test('remotes and links lead to it as soon as it is connected', async () => {
  const { host, apiUrl, url } = gitlab;
  const secret = { how: 'token', token } as const;
  const owners = [{ host, kind: 'gitlab', apiUrl, how: 'token', from: 'owner', secret } as const];
  const kept = { all: async () => [], keep: async () => undefined, forget: async () => false };
  const forges = await openForges({ owners, kept, log: NO_LOG, loopback: false });
  assert.equal((await forges.list(true))[0]?.account, 'octo');
  const repo = await forges.ofRemote(`git@127.0.0.1:${NAME}.git`);
  assert.deepEqual([repo?.name, repo?.gitUrl], [NAME, gitlab.gitUrl(NAME)]);
  const links = await forges.linksIn(`${url}/${NAME}/-/merge_requests/1.diff ${url}/${NAME}/-/issues/3`);
  assert.deepEqual(
    links.map(({ kind, number, repo: { name } }) => [kind, number, name]),
    [
      ['diff', 1, NAME],
      ['issue', 3, NAME],
    ],
  );
  forges.close();
});
