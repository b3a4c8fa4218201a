/**
 * A real backend beside a stand-in GitHub, with real git between them. What an agent would do is a function over
 * a folder; everything else is what runs in earnest.
 */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { NO_USAGE } from '../../../protocol/events.ts';
import type { PullRequestView } from '../../../protocol/pull-request.ts';
import type { Report } from '../../../protocol/report.ts';
import { resolveLimits } from '../../../protocol/limits.ts';
import type { ParamsIn, RepoAtCommit, TaskSummary } from '../../../protocol/rpc.ts';
import { startBackend, type Backend } from '../../../server/backend.ts';
import type { Connection, ForgeSecret } from '../../../server/forge/connection.ts';
import { makeLog } from '../../../server/log.ts';
import { openRepos } from '../../../server/repos/store.ts';
import type { Repos } from '../../../server/repos/repos.ts';
import type { TurnContext } from '../../../server/tasks/turn-context.ts';
import { commitAll, git, initRepository, removeFolder, temporaryFolder, write } from '../../support/git.ts';
import { startGitHub, type StandIn } from '../../support/github/index.ts';
import { client, finished, TOKEN, type TestClient } from '../gateway/harness.ts';

export const REPO = 'octocat/app';
export const WEBHOOK_SECRET = 'a webhook secret of the tests';

export interface Play {
  /** Changes the folder as the agent would, in each attempt. */
  edit: (dir: string, attempt: number) => void;
  answer?: string;
  report?: Partial<Report>;
}

export interface World {
  github: StandIn;
  token: string;
  repos: Repos;
  backend: Backend;
  /** A client of it. */
  one: TestClient;
  /** The person's folder. */
  folder: string;
  /** All that the backend has logged. */
  logged: string[];
  /** How long it would have waited before it asked the forge again. */
  pauses: number[];
  /** A task at the folder's commit, run to its end. `local`: changes that no commit has. */
  task(play: Play, more?: NewTask): Promise<TaskSummary>;
  followUp(taskId: string, play: Play): Promise<void>;
  /** With what the preview says, unless said otherwise. */
  create(taskId: string, more?: Partial<ParamsIn<'pullRequest.create'>>): Promise<PullRequestView>;
  play(play: Play): void;
  /** A pull request that somebody makes by hand. */
  pullByHand(of: { title: string; head: string }, token?: string): Promise<{ number: number; url: string }>;
  /** Ends the backend as it is and starts one on the same data. */
  restart(): Promise<void>;
  /** Another one on the same database and repositories, and a client of it; ends with the world. */
  second(): Promise<TestClient>;
  /** A commit's tree at the forge. */
  treeAt(branch: string, repo?: string): string;
  resultTree(taskId: string): Promise<string>;
  close(): Promise<void>;
}

export interface NewTask {
  local?: (dir: string) => void;
  branch?: string;
  title?: string;
  attempts?: number;
}

export interface WorldOptions {
  /** The owner's token or app in the configuration, or a token that a client connects. */
  connected?: 'owner' | 'app' | 'client';
  databaseUrl?: string;
}

/** One commit with one file. */
export function plainProject(dir: string): void {
  initRepository(dir);
  write(dir, 'README.md', '# A project\n');
  commitAll(dir);
}

export async function openWorld(
  seed: (dir: string) => void = plainProject,
  { connected = 'owner', databaseUrl }: WorldOptions = {},
): Promise<World> {
  const root = temporaryFolder('pull-requests');
  const folder = join(root, 'person');
  seed(folder);
  const github = await startGitHub();
  await github.addRepo(REPO, { from: folder, roles: { hubot: 'write', stranger: 'read' } });
  const token = github.addToken('octocat', { scopes: ['repo', 'workflow'] }).value;
  const dataDir = join(root, 'data');
  const repos = await openRepos({ dataDir });
  const agent = join(root, 'agent');
  git(root, ['clone', '-q', folder, agent]);
  const logged: string[] = [];
  const pauses: number[] = [];
  const plays: Play[] = [];

  const repoDir = (repoId: string) => join(dataDir, 'repos', `${repoId}.git`);
  const push = (repoId: string, sha: string) =>
    git(agent, ['push', '-q', repoDir(repoId), `${sha}:refs/codex/in/${randomUUID()}`]);

  async function runTurn(turn: TurnContext): Promise<void> {
    await turn.setState('running');
    const play = plays.shift();
    if (!play) return turn.finish({ answer: 'nothing to do', usage: NO_USAGE });
    const { repo } = turn.task;
    const report = { followUps: [], findings: [], checks: [], ...play.report };
    const end = { answer: play.answer ?? 'Done.', usage: NO_USAGE, report };
    for (const attempt of turn.attempts) {
      const isOneOfMany = turn.attempts.length > 1;
      if (isOneOfMany) await turn.startAttempt(attempt);
      const from = (await turn.newestResult(attempt)) ?? repo.sha;
      git(agent, ['fetch', '-q', repoDir(repo.repoId), '+refs/codex/*:refs/codex/*']);
      git(agent, ['checkout', '-q', '--force', '--detach', from]);
      git(agent, ['clean', '-fdxq']);
      play.edit(agent, attempt);
      const resultSha = commitAll(agent, 'By the agent');
      push(repo.repoId, resultSha);
      const { bytes, summary, files } = await repos.patch(repo.repoId, repo.sha, resultSha, 100_000_000);
      await turn.of(attempt).setResult(attempt, { resultSha, patch: bytes, summary, files });
      if (isOneOfMany) await turn.finishAttempt(attempt, { state: 'completed', ...end });
    }
    await turn.finish(end);
  }

  const secret = connected === 'app' ? appOf(github) : ({ how: 'token', token } as const);
  const owners: Connection = {
    host: github.host,
    kind: 'github',
    apiUrl: github.apiUrl,
    how: secret.how,
    from: 'owner',
    secret,
    webhookSecret: WEBHOOK_SECRET,
  };
  const start = (ownDir = dataDir) =>
    startBackend({
      config: {
        port: 0,
        dataDir: ownDir,
        ...(databaseUrl === undefined ? {} : { databaseUrl }),
        token: TOKEN,
        version: '0.0.0',
        limits: resolveLimits(),
        publicUrl: 'https://tasks.example',
      },
      repos,
      runTurn,
      sandbox: () => ({ kind: 'none', detail: '' }),
      model: () => ({ name: 'none', configured: true, scripted: true }),
      ownersForges: connected === 'client' ? [] : [owners],
      forgePause: async (ms) => void pauses.push(ms),
      log: makeLog('debug', (line) => void logged.push(line)),
    });
  const others: (() => Promise<void>)[] = [];
  let backend = await start();
  let one = await client(backend.url);
  await one.call('task.list', { watch: true });
  if (connected === 'client') await one.call('forge.connect', { host: github.host, token });
  const ended = async (taskId: string, turn: number) => {
    await one.call('task.subscribe', { taskId, after: 0 });
    await one.event((event) => event.taskId === taskId && event.turn === turn && finished(event));
  };

  const world: World = {
    github,
    token,
    repos,
    folder,
    logged,
    pauses,
    get backend() {
      return backend;
    },
    get one() {
      return one;
    },
    play: (play) => void plays.push(play),
    async task(play, { local, branch = 'main', title, attempts = 1 } = {}) {
      const head = git(folder, ['rev-parse', 'HEAD']);
      git(agent, ['fetch', '-q', folder, head]);
      let sha = head;
      if (local) {
        git(agent, ['checkout', '-q', '--force', '--detach', head]);
        local(agent);
        sha = commitAll(agent, 'Local changes');
      }
      const of = { name: 'app', remote: `git@${github.host.split(':')[0]}:x`, folder: 'f', sha };
      const { repoId } = await one.call('repo.resolve', { ...of, remote: github.gitUrl(REPO) });
      push(repoId, sha);
      const repo: RepoAtCommit = {
        repoId,
        name: 'app',
        sha,
        branch,
        includesLocal: local !== undefined,
        ...(local ? { headSha: head } : {}),
      };
      plays.push(play);
      const request = {
        requestId: randomUUID(),
        prompt: title ?? 'Fix the greeting',
        mode: 'code' as const,
        repo,
        attempts,
      };
      const { task } = await one.call('task.create', request);
      await ended(task.id, 1);
      return task;
    },
    async followUp(taskId, play) {
      plays.push(play);
      const { turn } = await one.call('turn.create', { requestId: randomUUID(), taskId, prompt: 'Go on' });
      await ended(taskId, turn);
    },
    async create(taskId, more = {}) {
      const localChanges = more.localChanges ?? 'leaveOut';
      const { attempt } = more;
      const { preview } = await one.call('pullRequest.preview', {
        ...{ taskId, localChanges },
        ...(attempt === undefined ? {} : { attempt }),
      });
      const { title, body, branch, base } = preview;
      const author = { name: 'Ada', email: 'ada@example.com' };
      const { pullRequest } = await one.call('pullRequest.create', {
        ...{ taskId, title, body, branch, base, author, localChanges },
        ...more,
      });
      return pullRequest;
    },
    async pullByHand(of, by = token) {
      const made = await fetch(`${github.apiUrl}/repos/${REPO}/pulls`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${by}`,
          accept: 'application/vnd.github+json',
          'x-github-api-version': '2022-11-28',
          'content-type': 'application/json',
        },
        body: JSON.stringify({ base: 'main', ...of }),
      });
      const { number, html_url: url } = (await made.json()) as { number: number; html_url: string };
      return { number, url };
    },
    async second() {
      const other = await start(join(root, 'other'));
      const two = await client(other.url);
      others.push(async () => {
        two.close();
        await other.close();
      });
      return two;
    },
    async restart() {
      one.close();
      await backend.close();
      backend = await start();
      one = await client(backend.url);
      await one.call('task.list', { watch: true });
    },
    treeAt: (branch, repo = REPO) => git(github.gitDir(repo), ['rev-parse', `${branch}^{tree}`]),
    async resultTree(taskId) {
      const { task } = await one.call('task.get', { taskId });
      const sha = task.turnList.findLast(({ attempts }) => attempts[0]?.resultSha)?.attempts[0]?.resultSha;
      return git(agent, ['rev-parse', `${sha}^{tree}`]);
    },
    async close() {
      for (const end of others) await end();
      one.close();
      await backend.close();
      await github.close();
      removeFolder(root);
    },
  };
  return world;
}

/** Installed for all that the person has. */
function appOf(github: StandIn): ForgeSecret {
  const app = github.addApp({ permissions: { issues: 'write', checks: 'read' } });
  github.install(app, 'octocat');
  return { how: 'app', id: String(app.id), key: app.privateKey };
}
