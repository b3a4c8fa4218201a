/** Webhooks: their payloads, held to GitHub's description, and their delivery with a signature. */
import { createHmac, randomUUID } from 'node:crypto';
import { git } from './git.ts';
import type { Description } from './openapi.ts';
import { followBranches, lookIfMergeable, sizeOf } from './pulls.ts';
import { checkRun } from './shapes/checks.ts';
import { integration } from './shapes/app.ts';
import { account, iso, nodeId } from './shapes/people.ts';
import { pullFull, pullSimple } from './shapes/pull.ts';
import { repository, repoUrl, webUrl } from './shapes/repo.ts';
import { commentShape, issueShape, lineCommentShape, reviewShape } from './shapes/talk.ts';
import { issueNumbered, pullNumbered, repoNamed, type App, type Repo, type World } from './state.ts';

export type Payload = Record<string, unknown>;

export interface Delivery {
  /** Where the webhook goes, and what it is signed with. */
  to: { url: string; secret: string };
  /** The same twice is a replay. */
  id?: string;
  /** Instead of the right one; null: none. */
  signature?: string | null;
  /** What is sent instead of the payload's JSON, signed all the same. */
  bytes?: Buffer;
  headers?: Record<string, string>;
}

export interface Delivered {
  id: string;
  status: number;
  body: string;
}

const ABSENT = '0'.repeat(40);

export function webhooks(world: World, description: Description, problem: (text: string) => void) {
  const accountOf = (login: string) => {
    const found = world.accounts.get(login.toLowerCase());
    if (!found) throw new Error(`The stand-in has no account ${login}.`);
    return account(world, found);
  };

  /** What all payloads have. */
  function common(repo: Repo, sender: string): Payload {
    const installed = installationOf(world, repo);
    return {
      repository: repository(world, repo),
      sender: accountOf(sender),
      ...(installed
        ? { installation: { id: installed.id, node_id: nodeId('Installation', installed.id) } }
        : {}),
    };
  }

  async function pullRequest(
    action:
      'opened' | 'synchronize' | 'closed' | 'reopened' | 'edited' | 'ready_for_review' | 'converted_to_draft',
    name: string,
    number: number,
    sender?: string,
  ): Promise<Payload> {
    const repo = repoNamed(world, name);
    const before = pullNumbered(repo, number).pull.headSha;
    await followBranches(world, repo);
    const issue = pullNumbered(repo, number);
    const full = pullFull(
      world,
      repo,
      issue,
      await sizeOf(repo, issue.pull),
      await lookIfMergeable(repo, issue.pull),
    );
    return {
      action,
      number,
      pull_request: full,
      ...(action === 'synchronize' ? { before, after: issue.pull.headSha } : {}),
      ...(action === 'edited' ? { changes: {} } : {}),
      ...common(repo, sender ?? issue.author.login),
    };
  }

  function issueComment(
    action: 'created' | 'edited' | 'deleted',
    name: string,
    number: number,
    id: number,
  ): Payload {
    const repo = repoNamed(world, name);
    const issue = issueNumbered(repo, number);
    const comment = issue.comments.find((one) => one.id === id);
    if (!comment) throw new Error(`${name}#${number} has no comment ${id}.`);
    return {
      action,
      issue: issueShape(world, repo, issue),
      comment: commentShape(world, repo, issue, comment),
      ...(action === 'edited' ? { changes: {} } : {}),
      ...common(repo, comment.author.login),
    };
  }

  function issueOfPull(name: string, number: number): { repo: Repo; issue: ReturnType<typeof pullNumbered> } {
    const repo = repoNamed(world, name);
    return { repo, issue: pullNumbered(repo, number) };
  }

  return {
    events: {
      pullRequest,
      issueComment,

      pullRequestReview(
        action: 'submitted' | 'edited' | 'dismissed',
        name: string,
        number: number,
        id: number,
      ): Payload {
        const { repo, issue } = issueOfPull(name, number);
        const review = issue.pull.reviews.find((one) => one.id === id);
        if (!review) throw new Error(`${name}#${number} has no review ${id}.`);
        return {
          action,
          // In small letters here, in capitals in the API.
          review: { ...reviewShape(world, repo, issue, review), state: review.state.toLowerCase() },
          pull_request: pullSimple(world, repo, issue),
          ...(action === 'edited' ? { changes: {} } : {}),
          ...common(repo, review.author.login),
        };
      },

      pullRequestReviewComment(
        action: 'created' | 'deleted',
        name: string,
        number: number,
        id: number,
      ): Payload {
        const { repo, issue } = issueOfPull(name, number);
        const comment = issue.pull.lineComments.find((one) => one.id === id);
        if (!comment) throw new Error(`${name}#${number} has no comment ${id} on a line.`);
        return {
          action,
          // Here its description knows that there may be none.
          comment: { position: null, line: null, ...lineCommentShape(world, repo, issue, comment) },
          pull_request: pullSimple(world, repo, issue),
          ...common(repo, comment.author.login),
        };
      },

      checkRun(action: 'created' | 'completed' | 'rerequested', name: string, id: number, app: App): Payload {
        const repo = repoNamed(world, name);
        const run = repo.checkRuns.find((one) => one.id === id);
        if (!run) throw new Error(`${name} has no check run ${id}.`);
        const suite = {
          id: run.id + 1,
          head_sha: run.sha,
          head_branch: null,
          status: run.status,
          conclusion: run.conclusion,
          url: `${repoUrl(world, repo)}/check-suites/${run.id + 1}`,
          before: null,
          after: null,
          pull_requests: [],
          app: integration(world, app),
          created_at: iso(run.startedAt),
          updated_at: iso(run.completedAt ?? run.startedAt),
        };
        const shown = checkRun(world, repo, run, app);
        return { action, check_run: { ...shown, check_suite: suite }, ...common(repo, repo.owner.login) };
      },

      async push(
        name: string,
        branch: string,
        before: string | null,
        after: string | null,
        pusher: string,
      ): Promise<Payload> {
        const repo = repoNamed(world, name);
        const head = after === null ? null : await commitOf(world, repo, after);
        return {
          ref: `refs/heads/${branch}`,
          before: before ?? ABSENT,
          after: after ?? ABSENT,
          created: before === null,
          deleted: after === null,
          forced: false,
          base_ref: null,
          compare: `${webUrl(world, repo)}/compare/${before ?? ABSENT}...${after ?? ABSENT}`,
          commits: head ? [head] : [],
          head_commit: head,
          pusher: { name: pusher, email: `${pusher}@example.com` },
          ...common(repo, pusher),
        };
      },

      ping(name: string): Payload {
        const repo = repoNamed(world, name);
        return {
          zen: 'Keep it logically awesome.',
          hook_id: repo.id,
          hook: hookOf(world, repo),
          ...common(repo, repo.owner.login),
        };
      },
    },

    /** Rejects only when nobody listens there. A payload that GitHub would not send is a problem of the test. */
    async deliver(
      event: string,
      payload: Payload,
      { to, id = randomUUID(), signature, bytes, headers }: Delivery,
    ): Promise<Delivered> {
      if (bytes === undefined) {
        const wrong = description.webhookProblem(event, payload);
        if (wrong !== null) problem(`a webhook is none of GitHub's, ${wrong}`);
      }
      const body = bytes ?? Buffer.from(JSON.stringify(payload));
      const right = `sha256=${createHmac('sha256', to.secret).update(body).digest('hex')}`;
      const answer = await fetch(to.url, {
        method: 'POST',
        body: new Uint8Array(body),
        headers: {
          'content-type': 'application/json',
          'user-agent': 'GitHub-Hookshot/044aadd',
          'x-github-delivery': id,
          'x-github-event': event,
          'x-github-hook-id': '1',
          'x-github-hook-installation-target-id': '1',
          'x-github-hook-installation-target-type': 'integration',
          ...(signature === null ? {} : { 'x-hub-signature-256': signature ?? right }),
          ...headers,
        },
      });
      return { id, status: answer.status, body: await answer.text() };
    },
  };
}

function installationOf(world: World, repo: Repo) {
  return world.apps
    .flatMap(({ installations }) => installations)
    .find(({ account: owner, repos }) => owner === repo.owner && (repos === null || repos.has(repo)));
}

async function commitOf(world: World, repo: Repo, sha: string) {
  const format = '%T%x00%an%x00%ae%x00%aI%x00%B';
  const shown = await git(repo.dir, ['show', '--no-patch', `--format=${format}`, sha]);
  const [tree = '', name = '', email = '', at = '', message = ''] = shown.split('\0');
  const by = { name, email };
  return {
    id: sha,
    tree_id: tree,
    distinct: true,
    message: message.trimEnd(),
    timestamp: iso(Date.parse(at)),
    url: `${webUrl(world, repo)}/commit/${sha}`,
    author: by,
    committer: by,
    added: [],
    removed: [],
    modified: [],
  };
}

function hookOf(world: World, repo: Repo): Payload {
  const url = `${repoUrl(world, repo)}/hooks/1`;
  return {
    type: 'Repository',
    id: 1,
    name: 'web',
    active: true,
    events: ['push'],
    config: { content_type: 'json', insecure_ssl: '0', url: 'https://example.com/hook' },
    created_at: iso(world.now()),
    updated_at: iso(world.now()),
    url,
    test_url: `${url}/test`,
    ping_url: `${url}/pings`,
    deliveries_url: `${url}/deliveries`,
    last_response: { code: null, status: 'unused', message: null },
  };
}
