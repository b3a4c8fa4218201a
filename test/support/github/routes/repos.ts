/** Repositories, their branches, who may do what there, and what checks say of a commit. */
import { atLeast, roleOf, type Repo } from '../state.ts';
import { grants } from '../access.ts';
import { Refusal, notFound } from '../answer.ts';
import { commitOf, tryGit } from '../git.ts';
import { branchShape, checkRun, combinedStatus } from '../shapes/checks.ts';
import { collaboratorPermission, nodeId, privateUser } from '../shapes/people.ts';
import { fullRepository, repoUrl } from '../shapes/repo.ts';
import { page, reach, reads, text, type Call, type Route } from './call.ts';

const user: Route = ({ world, caller }) => {
  if (caller.kind === 'nobody') throw new Refusal(401, 'Requires authentication');
  if (caller.kind === 'app' || caller.token.kind === 'installation') {
    throw new Refusal(403, 'Resource not accessible by integration');
  }
  return { status: 200, body: privateUser(world, caller.token.account) };
};

const rateLimit: Route = ({ world, caller }) => {
  const limit = world.limits.requestsPerHour;
  const used = caller.kind === 'token' ? caller.token.used : 0;
  const core = {
    limit,
    used,
    remaining: Math.max(limit - used, 0),
    reset: Math.ceil(world.now() / 1000) + 3600,
  };
  const search = { limit: 30, used: 0, remaining: 30, reset: Math.ceil(world.now() / 1000) + 60 };
  return { status: 200, body: { resources: { core, search }, rate: core } };
};

const repo: Route = (call) => {
  const found = reach(call, reads('metadata'));
  const { caller } = call;
  const role =
    caller.kind === 'token' && caller.token.kind !== 'installation'
      ? roleOf(found, caller.token.account)
      : null;
  return { status: 200, body: fullRepository(call.world, found, role) };
};

const branch: Route = async (call) => {
  const found = reach(call, reads('contents'));
  const name = text(call.params['branch']);
  const sha = await shaOf(found, `refs/heads/${name}`);
  if (sha === null) throw new Refusal(404, 'Branch not found');
  return { status: 200, body: await branchShape(call.world, found, name, sha) };
};

const ref: Route = async (call) => {
  const found = reach(call, reads('contents'));
  const name = `refs/${text(call.params['ref'])}`;
  const sha = await shaOf(found, name);
  if (sha === null) throw notFound();
  const url = repoUrl(call.world, found);
  return {
    status: 200,
    body: {
      ref: name,
      node_id: nodeId('Ref', found.id),
      url: `${url}/git/${encodeURI(name)}`,
      object: { sha, type: 'commit', url: `${url}/git/commits/${sha}` },
    },
  };
};

async function shaOf(repo: Repo, fullRef: string): Promise<string | null> {
  const found = await tryGit(repo.dir, ['rev-parse', '--verify', '--quiet', '--end-of-options', fullRef]);
  return found.code === 0 ? found.stdout.toString('utf8').trim() : null;
}

const permission: Route = (call) => {
  const found = reach(call, reads('metadata'));
  const { world, caller, params } = call;
  const mayAsk =
    caller.kind === 'token' &&
    (caller.token.kind === 'installation'
      ? grants(caller.token, found, { permission: 'metadata', level: 'read' })
      : atLeast(roleOf(found, caller.token.account), 'write'));
  if (!mayAsk) throw new Refusal(403, 'Must have push access to view collaborator permission.');
  const asked = world.accounts.get(text(params['username']).toLowerCase());
  if (!asked) throw new Refusal(404, `${text(params['username'])} is not a user`);
  return { status: 200, body: collaboratorPermission(world, asked, roleOf(found, asked)) };
};

async function commitAsked(call: Call, repo: Repo): Promise<string> {
  const name = text(call.params['ref']);
  const sha = await commitOf(repo, name);
  if (sha === null) throw new Refusal(422, `No commit found for SHA: ${name}`);
  return sha;
}

const checkRuns: Route = async (call) => {
  const found = reach(call, reads('checks'));
  const sha = await commitAsked(call, found);
  const { check_name: name, status, filter } = call.params;
  const newest = new Map(found.checkRuns.map((run) => [`${run.sha} ${run.name}`, run]));
  const runs = (filter === 'all' ? found.checkRuns : [...newest.values()])
    .filter((run) => run.sha === sha && (name === undefined || run.name === name))
    .filter((run) => status === undefined || run.status === status);
  const { items, headers } = page(call, runs);
  const body = {
    total_count: runs.length,
    check_runs: items.map((run) => checkRun(call.world, found, run, null)),
  };
  return { status: 200, headers, body };
};

const status: Route = async (call) => {
  const found = reach(call, reads('statuses'));
  const sha = await commitAsked(call, found);
  const newest = new Map(found.statuses.filter((one) => one.sha === sha).map((one) => [one.context, one]));
  const { items, headers } = page(call, [...newest.values()]);
  return { status: 200, headers, body: combinedStatus(call.world, found, sha, items, newest.size) };
};

export const REPO_ROUTES: Record<string, Route> = {
  'GET /user': user,
  'GET /rate_limit': rateLimit,
  'GET /repos/{owner}/{repo}': repo,
  'GET /repos/{owner}/{repo}/branches/{branch}': branch,
  'GET /repos/{owner}/{repo}/git/ref/{ref}': ref,
  'GET /repos/{owner}/{repo}/collaborators/{username}/permission': permission,
  'GET /repos/{owner}/{repo}/commits/{ref}/check-runs': checkRuns,
  'GET /repos/{owner}/{repo}/commits/{ref}/status': status,
};
