/** The REST API of the stand-in GitLab: the routes that are used, each with what GitLab refuses of it. */
import { callerOf } from '../github/access.ts';
import { Refusal } from '../github/answer.ts';
import { headsOf } from '../github/git.ts';
import { close, diffOf, followBranches, openPull, type PullIssue } from '../github/pulls.ts';
import type { Asked, Outcome } from '../github/server.ts';
import {
  atLeast,
  findRepo,
  fullName,
  isPull,
  ownerAndName,
  roleOf,
  type Account,
  type Issue,
  type Repo,
  type Role,
  type World,
} from '../github/state.ts';
import {
  iidOf,
  issueShape,
  levelOf,
  mergeRequestShape,
  notesOf,
  numberedAs,
  projectShape,
  userShape,
  type Kind,
} from './shapes.ts';

interface Call {
  world: World;
  asked: Asked;
  caller: Account;
  body: Record<string, unknown>;
  /** What stands for `:…` in the route. */
  path: Record<string, string>;
}

/** A list comes page by page, bytes as they are. */
type Handler = (call: Call) => unknown;

const ROUTES: Record<string, Handler> = {
  'GET /user': ({ world, caller }) => ({ ...userShape(world, caller), email: caller.email }),
  'GET /users': ({ world, asked }) => {
    const wanted = asked.url.searchParams.get('username')?.toLowerCase() ?? '';
    const account = world.accounts.get(wanted);
    return account ? [userShape(world, account)] : [];
  },
  'GET /projects/:id': (call) => projectShape(call.world, projectOf(call), call.caller),
  'GET /projects/:id/members/all/:user': (call) => {
    const repo = projectOf(call);
    const account = [...call.world.accounts.values()].find(({ id }) => id === Number(call.path['user']));
    const level = account ? levelOf(repo, account) : 0;
    if (!account || level === 0) throw notFound('Member');
    return { ...userShape(call.world, account), access_level: level };
  },
  'GET /projects/:id/repository/branches/:branch': async (call) => {
    const name = call.path['branch'] ?? '';
    const sha = (await headsOf(projectOf(call))).get(name);
    if (sha === undefined) throw notFound('Branch');
    return { name, commit: { id: sha } };
  },
  'GET /projects/:id/repository/commits/:sha/statuses': (call) =>
    projectOf(call)
      .statuses.filter(({ sha }) => sha === call.path['sha'])
      .map(({ id, context, state, description }) => ({
        ...{ id, name: context, description, target_url: null, allow_failure: false },
        status: state === 'failure' || state === 'error' ? 'failed' : state === 'pending' ? 'running' : state,
      })),
  'GET /projects/:id/merge_requests': async (call) => {
    const repo = projectOf(call);
    await followBranches(call.world, repo);
    const wanted = (key: string, has: string) => [null, has].includes(call.asked.url.searchParams.get(key));
    return repo.issues
      .filter(isPull)
      .filter(
        ({ pull }) => wanted('source_branch', pull.headBranch) && wanted('target_branch', pull.baseBranch),
      )
      .toReversed()
      .map((issue) => mergeRequestShape(call.world, repo, issue, 'listed'));
  },
  'POST /projects/:id/merge_requests': create,
  'GET /projects/:id/merge_requests/:iid': async (call) => {
    const repo = projectOf(call);
    return mergeRequestShape(call.world, repo, await pullOf(call, repo), 'whole');
  },
  'PUT /projects/:id/merge_requests/:iid': async (call) => {
    const repo = projectOf(call, 'write');
    const issue = await pullOf(call, repo);
    const { title, description, target_branch, state_event } = call.body;
    if (typeof title === 'string') titled(issue, title);
    if (typeof description === 'string') issue.body = acted(call.world, issue, description);
    if (typeof target_branch === 'string') issue.pull.baseBranch = target_branch;
    if (state_event === 'close') close(call.world, issue);
    if (state_event === 'reopen' && !issue.pull.merged) issue.state = 'open';
    return mergeRequestShape(call.world, repo, issue, 'whole');
  },
  'GET /projects/:id/merge_requests/:iid/raw_diffs': async (call) => {
    const repo = projectOf(call);
    return diffOf(repo, (await pullOf(call, repo)).pull);
  },
  'GET /projects/:id/merge_requests/:iid/approvals': async (call) => {
    const standing = latestWords(await pullOf(call, projectOf(call)));
    const approved = standing.filter(({ state }) => state === 'APPROVED');
    return {
      approved: approved.length > 0,
      approved_by: approved.map(({ author }) => ({ user: userShape(call.world, author) })),
    };
  },
  'GET /projects/:id/merge_requests/:iid/reviewers': async (call) =>
    latestWords(await pullOf(call, projectOf(call))).map(({ author, state }) => ({
      user: userShape(call.world, author),
      state: state === 'APPROVED' ? 'approved' : 'requested_changes',
    })),
  'GET /projects/:id/merge_requests/:iid/notes': (call) =>
    sorted(call, notesOf(call.world, issueOf(call, 'merge_requests'))),
  'POST /projects/:id/merge_requests/:iid/notes': (call) => {
    const issue = issueOf(call, 'merge_requests');
    const { world, caller: author } = call;
    const now = world.now();
    const body = acted(world, issue, String(call.body['body']));
    const note = { id: world.nextId(), author, body, createdAt: now, updatedAt: now };
    issue.comments.push(note);
    return notesOf(world, issue).find(({ id }) => id === note.id);
  },
  'PUT /projects/:id/merge_requests/:iid/notes/:note': (call) => {
    const issue = issueOf(call, 'merge_requests');
    const note = issue.comments.find(({ id }) => id === Number(call.path['note']));
    if (!note) throw notFound('Note');
    if (note.author !== call.caller) throw new Refusal(403, '403 Forbidden');
    note.body = String(call.body['body']);
    return notesOf(call.world, issue).find(({ id }) => id === note.id);
  },
  'GET /projects/:id/issues/:iid': (call) => issueShape(call.world, projectOf(call), issueOf(call, 'issues')),
  'GET /projects/:id/issues/:iid/notes': (call) => sorted(call, notesOf(call.world, issueOf(call, 'issues'))),
};

/** Newest first, unless asked for otherwise. */
const sorted = <T>({ asked }: Call, notes: T[]): T[] =>
  asked.url.searchParams.get('sort') === 'asc' ? notes : notes.toReversed();

async function create(call: Call) {
  const { world, body, caller } = call;
  const repo = projectOf(call, 'write');
  await followBranches(world, repo);
  const heads = await headsOf(repo);
  const [branch, base] = [String(body['source_branch']), String(body['target_branch'])];
  const [sha, baseSha] = [heads.get(branch), heads.get(base)];
  if (sha === undefined || baseSha === undefined)
    throw new Refusal(400, 'wrong', { message: { base: ['Source or target branch does not exist'] } });
  const there = repo.issues
    .filter(isPull)
    .find(({ state, pull }) => state === 'open' && pull.headBranch === branch && pull.baseBranch === base);
  if (there) {
    const said = `Another open merge request already exists for this source branch: !${iidOf(repo, there)}`;
    throw new Refusal(409, 'there', { message: [said] });
  }
  const asked = { author: caller, head: { repo, branch, sha }, base: { branch: base, sha: baseSha } };
  const issue = await openPull(world, repo, { ...asked, title: '', body: null, draft: false });
  titled(issue, String(body['title']));
  issue.body = acted(world, issue, typeof body['description'] === 'string' ? body['description'] : '');
  return mergeRequestShape(world, repo, issue, 'fresh');
}

/** By its title alone it is a draft. */
function titled(issue: PullIssue, title: string): void {
  const bare = title.replace(/^(\[draft\]|\(draft\)|draft:)\s*/i, '');
  issue.title = bare;
  issue.pull.draft = bare !== title;
}

/** Quick actions are done, and gone from the text. */
function acted(world: World, issue: Issue, text: string): string {
  const left = text.replace(/^\/close[ \t]*(?:\n|$)/gm, '');
  if (left !== text) close(world, issue);
  return left;
}

function latestWords({ pull }: PullIssue) {
  return [...new Map(pull.reviews.map((review) => [review.author, review])).values()];
}

const notFound = (what: string) => new Refusal(404, `404 ${what} Not Found`);

/** By its number or its path; what one may not see is not there. */
function projectOf({ world, caller, path, asked }: Call, role: Role = 'read'): Repo {
  const id = path['id'] ?? '';
  const found = /^\d+$/.test(id)
    ? { repo: world.repos.find((one) => one.id === Number(id)), moved: false }
    : findRepo(world, ...ownerAndName(id));
  const repo = found?.repo;
  if (!repo || (repo.private && !atLeast(roleOf(repo, caller), 'read'))) throw notFound('Project');
  if (!atLeast(roleOf(repo, caller), role)) throw new Refusal(403, '403 Forbidden');
  if (found.moved) {
    if (asked.method !== 'GET')
      throw new Refusal(405, '405 Non GET methods are not allowed for moved projects');
    const rest = asked.url.pathname.split('/').slice(3).join('/');
    const location = `${world.apiUrl}/projects/${repo.id}${rest === '' ? '' : `/${rest}`}${asked.url.search}`;
    throw new Refusal(301, 'This resource has been moved permanently', {}, { location });
  }
  return repo;
}

function issueOf(call: Call, kind: Kind): Issue {
  const issue = numberedAs(projectOf(call), kind)[Number(call.path['iid']) - 1];
  if (!issue) throw notFound(kind === 'issues' ? 'Issue' : 'Merge Request');
  return issue;
}

async function pullOf(call: Call, repo: Repo): Promise<PullIssue> {
  await followBranches(call.world, repo);
  const issue = issueOf(call, 'merge_requests');
  if (!isPull(issue)) throw new Error(`${fullName(repo)} has an issue among its merge requests`);
  return issue;
}

export interface Found {
  name: string;
  path: Record<string, string>;
}

export function routeOf(method: string, path: string): Found | null {
  const parts = path.split('/');
  for (const name of Object.keys(ROUTES)) {
    const [wanted, pattern = ''] = name.split(' ');
    const names = pattern.split('/');
    if (wanted !== method || names.length !== parts.length) continue;
    if (!names.every((one, at) => (one.startsWith(':') ? parts[at] !== '' : one === parts[at]))) continue;
    const entries = names.flatMap((one, at) =>
      one.startsWith(':') ? [[one.slice(1), decodeURIComponent(parts[at] ?? '')]] : [],
    );
    return { name, path: Object.fromEntries(entries) as Record<string, string> };
  }
  return null;
}

export async function answerOf(
  world: World,
  { name, path }: Found,
  asked: Asked,
  problem: (text: string) => void,
): Promise<Outcome> {
  const headers: Record<string, string> = { 'content-type': 'application/json' };
  try {
    const own = asked.headers['private-token'];
    const caller = callerOf(world, typeof own === 'string' ? `Bearer ${own}` : asked.headers.authorization);
    if (caller.kind !== 'token') throw new Refusal(401, '401 Unauthorized');
    const text = asked.body.toString('utf8');
    const body = (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>;
    const found = await ROUTES[name]?.({ world, asked, caller: caller.token.account, body, path });
    if (Buffer.isBuffer(found))
      return { status: 200, headers: { 'content-type': 'text/plain' }, body: found };
    const shown = Array.isArray(found) ? pageOf(world, asked, found, headers) : found;
    return { status: asked.method === 'POST' ? 201 : 200, headers, body: Buffer.from(JSON.stringify(shown)) };
  } catch (thrown) {
    if (!(thrown instanceof Refusal)) {
      problem(`${name}: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
      throw thrown;
    }
    const { status, headers: more, body } = thrown.answer;
    const said = { message: (body as { message: unknown }).message };
    return { status, headers: { ...headers, ...more }, body: Buffer.from(JSON.stringify(said)) };
  }
}

function pageOf(world: World, { url }: Asked, items: readonly unknown[], headers: Record<string, string>) {
  const size = Math.min(Number(url.searchParams.get('per_page') ?? 20), 100);
  const page = Number(url.searchParams.get('page') ?? 1);
  if (page * size < items.length) {
    const next = new URL(`${world.apiUrl}${url.pathname}${url.search}`);
    next.searchParams.set('page', String(page + 1));
    headers['link'] = `<${next.href}>; rel="next"`;
  }
  return items.slice((page - 1) * size, page * size);
}
