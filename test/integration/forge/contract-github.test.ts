/** GitHub with a person's token, and GitHub as an app: both are the same forge to the rest of the backend. */
import type { ForgeSecret } from '../../../server/forge/connection.ts';
import { headsOf } from '../../support/github/git.ts';
import { startGitHub, type StandIn } from '../../support/github/index.ts';
import { faultOf, type ContractWorld } from './contract-world.ts';
import { forgeContract } from './contract.ts';
import { forgeAt, REPO } from './world.ts';

interface As {
  account: string;
  secret: ForgeSecret;
  stranger: ForgeSecret;
}

forgeContract('GitHub with a token', () =>
  worldOf((github) => ({
    account: 'octo',
    secret: { how: 'token', token: github.addToken('octo').value },
    stranger: { how: 'token', token: github.addToken('stranger').value },
  })),
);

forgeContract('GitHub as an app', () =>
  worldOf((github) => {
    const app = github.addApp({ permissions: { issues: 'write', checks: 'read', statuses: 'read' } });
    github.install(app, 'octo', { repos: [REPO] });
    const other = github.addApp({ name: 'Not installed' });
    return {
      account: app.bot.login,
      secret: { how: 'app', id: String(app.id), key: app.privateKey },
      stranger: { how: 'app', id: String(other.id), key: other.privateKey },
    };
  }),
);

async function worldOf(as: (github: StandIn) => As): Promise<ContractWorld> {
  const github = await startGitHub();
  await github.addRepo(REPO, { private: true, files: { 'a.txt': 'a\n' } });
  const { account, secret, stranger } = as(github);
  const forge = forgeAt(github, secret);
  const repo = github.repo(REPO);
  return {
    forge,
    name: REPO,
    account,
    stranger: forgeAt(github, stranger),
    secrets: () => forge.secrets(),
    addressOf: (kind, number) => `${github.url}/${REPO}/${kind === 'pull' ? 'pull' : 'issues'}/${number}`,
    commit: (branch, files) => github.commit(REPO, branch, files),
    branch: async (name) => (await headsOf(repo)).get(name) ?? null,
    merge: (pull) => github.merge(REPO, pull),
    allow: (login, role) => github.allow(REPO, login, role),
    addIssue: (issue) => github.addIssue(REPO, issue).number,
    say(_kind, number, by, { body, at }) {
      github.comment(REPO, number, by, body).createdAt = at;
    },
    sayOnLine(pull, by, { at, ...said }) {
      github.commentOnLine(REPO, pull, by, said).createdAt = at;
    },
    judge(pull, by, verdict) {
      github.review(REPO, pull, by, verdict === 'approved' ? 'APPROVED' : 'CHANGES_REQUESTED');
    },
    check(sha, name, outcome) {
      if (outcome === 'running') github.addStatus(REPO, sha, 'pending', name);
      else github.addCheckRun(REPO, sha, { name, conclusion: outcome === 'passed' ? 'success' : 'failure' });
    },
    trouble: (_pull, kind, said) =>
      github.fault('GET /repos/{owner}/{repo}/pulls/{pull_number}', faultOf(kind, said), { times: 9 }).off,
    rename: (to) => github.rename(REPO, to),
    async close() {
      await github.close();
      github.assertNoProblems();
    },
  };
}
