/** Pull requests: made, listed, changed, and as a diff. */
import { Refusal, notFound, validationFailed, type Answer, type Invalid } from '../answer.ts';
import { commitOf, git, headsOf, mergeBase } from '../git.ts';
import {
  close,
  diffOf,
  followBranches,
  lookIfMergeable,
  openPull,
  sizeOf,
  type PullIssue,
} from '../pulls.ts';
import { atLeast, isPull, roleOf, type Account, type Repo } from '../state.ts';
import { pullFull, pullSimple } from '../shapes/pull.ts';
import { lineCommentShape, reviewShape } from '../shapes/talk.ts';
import { author, issueOf, listed, reach, reads, text, writes, type Call, type Route } from './call.ts';

const MAX_TITLE = 256;
const MAX_BODY = 65_536;

const list: Route = async (call) => {
  const repo = reach(call, reads('pull_requests'));
  await followBranches(call.world, repo);
  const { state = 'open', head, base, sort = 'created', direction } = call.params;
  // A head without its owner is no filter at all, as GitHub has it.
  const wanted = text(head).includes(':') ? text(head).toLowerCase() : null;
  const found = repo.issues
    .filter(isPull)
    .filter((issue) => state === 'all' || issue.state === state)
    .filter(({ pull }) => wanted === null || labelOf(pull.headOwner, pull.headBranch) === wanted)
    .filter(({ pull }) => base === undefined || pull.baseBranch === base);
  const key = sort === 'updated' ? 'updatedAt' : 'createdAt';
  found.sort((one, other) => one[key] - other[key] || one.number - other.number);
  if ((direction ?? (sort === 'created' ? 'desc' : 'asc')) === 'desc') found.reverse();
  return listed(call, found, (issue) => pullSimple(call.world, repo, issue));
};

const labelOf = (owner: Account, branch: string) => `${owner.login}:${branch}`.toLowerCase();

const create: Route = async (call) => {
  const { world, body } = call;
  const repo = reach(call, writes('pull_requests'));
  await followBranches(world, repo);
  const title = text(body['title']).trim();
  const problems: Invalid[] = [...tooLong(body)];
  if (title === '') problems.push({ resource: 'PullRequest', code: 'missing_field', field: 'title' });
  const head = await headAsked(call, repo);
  const baseBranch = text(body['base']);
  const base = (await headsOf(repo)).get(baseBranch);
  if (base === undefined) problems.push({ resource: 'PullRequest', field: 'base', code: 'invalid' });
  if (head === null) problems.push({ resource: 'PullRequest', field: 'head', code: 'invalid' });
  if (problems.length > 0 || head === null || base === undefined) throw validationFailed(...problems);

  const custom = (message: string) => validationFailed({ resource: 'PullRequest', code: 'custom', message });
  const label = `${head.repo.owner.login}:${head.branch}`;
  const there = repo.issues
    .filter(isPull)
    .some(
      ({ state, pull }) =>
        state === 'open' &&
        pull.headRepo === head.repo &&
        pull.headBranch === head.branch &&
        pull.baseBranch === baseBranch,
    );
  if (there) throw custom(`A pull request already exists for ${label}.`);
  if (body['draft'] === true && !repo.draftsSupported) {
    throw custom('Draft pull requests are not supported in this repository.');
  }
  if (head.repo !== repo) await git(repo.dir, ['fetch', '--quiet', '--no-tags', head.repo.dir, head.sha]);
  const parted = await mergeBase(repo, base, head.sha);
  if (parted === null) throw custom(`The ${head.branch} branch has no history in common with ${baseBranch}`);
  if (parted === head.sha) throw custom(`No commits between ${baseBranch} and ${head.branch}`);

  const issue = await openPull(world, repo, {
    title,
    body: typeof body['body'] === 'string' ? body['body'] : null,
    author: author(call),
    draft: body['draft'] === true,
    head,
    base: { branch: baseBranch, sha: base },
  });
  const shown = await whole(call, repo, issue);
  return { ...shown, status: 201, headers: { location: String((shown.body as { url: string }).url) } };
};

/** `branch`, or `owner:branch` of a fork. Null: there is no such branch, or not for this caller. */
async function headAsked(
  call: Call,
  repo: Repo,
): Promise<{ repo: Repo; branch: string; sha: string } | null> {
  const head = text(call.body['head']);
  const at = head.indexOf(':');
  const owner = at < 0 ? repo.owner.login : head.slice(0, at);
  const branch = head.slice(at + 1);
  const isOwn = owner.toLowerCase() === repo.owner.login.toLowerCase();
  const from = isOwn
    ? repo
    : call.world.repos.find(
        (one) => one.parent === repo && one.owner.login.toLowerCase() === owner.toLowerCase(),
      );
  const sha = from && (await headsOf(from)).get(branch);
  if (!from || sha === undefined) return null;
  // A reader may offer what is in a fork of his own, and not what others keep here.
  const { caller } = call;
  if (caller.kind === 'token' && caller.token.kind !== 'installation') {
    if (!atLeast(roleOf(from, caller.token.account), 'write')) return null;
  }
  return { repo: from, branch, sha };
}

function tooLong(body: Record<string, unknown>): Invalid[] {
  const problem = (field: string, most: number): Invalid => ({
    resource: 'Issue',
    code: 'custom',
    field,
    message: `${field} is too long (maximum is ${most} characters)`,
  });
  return [
    ...(text(body['title']).length > MAX_TITLE ? [problem('title', MAX_TITLE)] : []),
    ...(text(body['body']).length > MAX_BODY ? [problem('body', MAX_BODY)] : []),
  ];
}

async function whole({ world }: Call, repo: Repo, issue: PullIssue): Promise<Answer> {
  const [size, mergeable] = await Promise.all([sizeOf(repo, issue.pull), lookIfMergeable(repo, issue.pull)]);
  return { status: 200, body: pullFull(world, repo, issue, size, mergeable) };
}

async function pullAsked(call: Call, repo: Repo): Promise<PullIssue> {
  await followBranches(call.world, repo);
  const issue = issueOf(call, repo, 'pull_number');
  if (!isPull(issue)) throw notFound();
  return issue;
}

const get: Route = async (call) => {
  const repo = reach(call, reads('pull_requests'));
  const issue = await pullAsked(call, repo);
  if (!/\bapplication\/vnd\.github(?:\.v3)?\.diff\b/.test(call.accept)) return whole(call, repo, issue);
  const diff = await diffOf(repo, issue.pull);
  const most = call.world.limits.diffLines;
  if (diff.filter((byte) => byte === 10).length > most) {
    throw new Refusal(406, `Sorry, the diff exceeded the maximum number of lines (${most})`, {
      errors: [{ resource: 'PullRequest', field: 'diff', code: 'too_large' }],
    });
  }
  return {
    status: 200,
    headers: { 'content-type': 'application/vnd.github.diff; charset=utf-8' },
    body: diff,
  };
};

const change: Route = async (call) => {
  const { world, body } = call;
  const repo = reach(call, writes('pull_requests'));
  const issue = await pullAsked(call, repo);
  const problems = tooLong(body);
  const invalid = (field: string, message?: string): Invalid =>
    message === undefined
      ? { resource: 'PullRequest', code: 'invalid', field }
      : { resource: 'PullRequest', code: 'custom', field, message };
  if (body['title'] !== undefined && text(body['title']).trim() === '') {
    problems.push({ resource: 'PullRequest', code: 'missing_field', field: 'title' });
  }
  const base = body['base'] === undefined ? null : await commitOf(repo, text(body['base']));
  if (body['base'] !== undefined && base === null) problems.push(invalid('base'));
  if (body['state'] === 'open' && issue.state === 'closed') {
    const { pull } = issue;
    const head = pull.headRepo && (await headsOf(pull.headRepo)).get(pull.headBranch);
    if (pull.merged)
      problems.push(invalid('state', 'state cannot be changed. The pull request cannot be reopened.'));
    else if (!head) {
      problems.push(
        invalid('state', `state cannot be changed. The ${pull.headBranch} branch has been deleted.`),
      );
    }
  }
  if (problems.length > 0) throw validationFailed(...problems);

  if (body['title'] !== undefined) issue.title = text(body['title']).trim();
  if (body['body'] !== undefined) issue.body = text(body['body']);
  if (base !== null) {
    issue.pull.baseBranch = text(body['base']);
    issue.pull.baseSha = issue.pull.baseNow = base;
  }
  if (body['state'] === 'closed' && issue.state === 'open') close(world, issue);
  if (body['state'] === 'open' && issue.state === 'closed') {
    issue.state = 'open';
    issue.closedAt = null;
  }
  issue.updatedAt = world.now();
  return whole(call, repo, issue);
};

const reviews: Route = async (call) => {
  const repo = reach(call, reads('pull_requests'));
  const issue = await pullAsked(call, repo);
  return listed(call, issue.pull.reviews, (review) => reviewShape(call.world, repo, issue, review));
};

const lineComments: Route = async (call) => {
  const repo = reach(call, reads('pull_requests'));
  const issue = await pullAsked(call, repo);
  const since = Date.parse(text(call.params['since'])) || 0;
  const found = issue.pull.lineComments.filter(({ updatedAt }) => updatedAt >= since);
  if (call.params['direction'] === 'desc') found.reverse();
  return listed(call, found, (comment) => lineCommentShape(call.world, repo, issue, comment));
};

export const PULL_ROUTES: Record<string, Route> = {
  'GET /repos/{owner}/{repo}/pulls': list,
  'POST /repos/{owner}/{repo}/pulls': create,
  'GET /repos/{owner}/{repo}/pulls/{pull_number}': get,
  'PATCH /repos/{owner}/{repo}/pulls/{pull_number}': change,
  'GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews': reviews,
  'GET /repos/{owner}/{repo}/pulls/{pull_number}/comments': lineComments,
};
