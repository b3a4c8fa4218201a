/** Check runs, statuses and branches as GitHub shows them. */
import { git } from '../git.ts';
import type { App, CheckRun, Repo, Status, World } from '../state.ts';
import { integration } from './app.ts';
import { iso, isoOrNull, nodeId } from './people.ts';
import { repoUrl, repository, webUrl } from './repo.ts';

export function checkRun(world: World, repo: Repo, run: CheckRun, app: App | null) {
  const url = `${repoUrl(world, repo)}/check-runs/${run.id}`;
  return {
    id: run.id,
    name: run.name,
    node_id: nodeId('CheckRun', run.id),
    head_sha: run.sha,
    external_id: '',
    url,
    html_url: `${webUrl(world, repo)}/runs/${run.id}`,
    details_url: run.detailsUrl,
    status: run.status,
    conclusion: run.conclusion,
    started_at: iso(run.startedAt),
    completed_at: isoOrNull(run.completedAt),
    output: {
      title: run.title,
      summary: run.summary,
      text: run.text,
      annotations_count: 0,
      annotations_url: `${url}/annotations`,
    },
    check_suite: { id: run.id + 1 },
    app: app && integration(world, app),
    pull_requests: [],
  };
}

export function combinedStatus(
  world: World,
  repo: Repo,
  sha: string,
  statuses: readonly Status[],
  total: number,
) {
  const url = `${repoUrl(world, repo)}/commits/${sha}`;
  const states = new Set(statuses.map(({ state }) => state));
  const failed = states.has('error') || states.has('failure');
  return {
    state: failed ? 'failure' : states.has('pending') || total === 0 ? 'pending' : 'success',
    statuses: statuses.map((status) => ({
      url: `${repoUrl(world, repo)}/statuses/${sha}`,
      avatar_url: `${world.url}/avatars/oa/1`,
      id: status.id,
      node_id: nodeId('StatusContext', status.id),
      state: status.state,
      description: status.description,
      target_url: status.targetUrl,
      context: status.context,
      created_at: iso(status.at),
      updated_at: iso(status.at),
    })),
    sha,
    total_count: total,
    repository: repository(world, repo),
    commit_url: url,
    url: `${url}/status`,
  };
}

export async function branchShape(world: World, repo: Repo, branch: string, sha: string) {
  const url = `${repoUrl(world, repo)}/branches/${encodeURI(branch)}`;
  const html = `${webUrl(world, repo)}/tree/${encodeURI(branch)}`;
  const isProtected = repo.protection.has(branch);
  return {
    name: branch,
    commit: await commitShape(world, repo, sha),
    _links: { self: url, html },
    protected: isProtected,
    protection: { enabled: isProtected },
    protection_url: `${url}/protection`,
  };
}

async function commitShape(world: World, repo: Repo, sha: string) {
  const format = '%T%x00%P%x00%an%x00%ae%x00%aI%x00%cn%x00%ce%x00%cI%x00%B';
  const shown = await git(repo.dir, ['show', '--no-patch', `--format=${format}`, sha]);
  const [tree = '', parents = '', an = '', ae = '', at = '', cn = '', ce = '', ct = '', ...message] =
    shown.split('\0');
  const url = `${repoUrl(world, repo)}/commits/${sha}`;
  const gitUrl = (kind: string, id: string) => `${repoUrl(world, repo)}/git/${kind}/${id}`;
  return {
    sha,
    node_id: Buffer.from(`C_${sha}`).toString('base64'),
    commit: {
      author: { name: an, email: ae, date: iso(Date.parse(at)) },
      committer: { name: cn, email: ce, date: iso(Date.parse(ct)) },
      message: message.join('').trimEnd(),
      tree: { sha: tree, url: gitUrl('trees', tree) },
      url: gitUrl('commits', sha),
      comment_count: 0,
    },
    url,
    html_url: `${webUrl(world, repo)}/commit/${sha}`,
    comments_url: `${url}/comments`,
    author: null,
    committer: null,
    parents: parents
      .split(' ')
      .filter(Boolean)
      .map((parent) => ({
        sha: parent,
        url: `${repoUrl(world, repo)}/commits/${parent}`,
        html_url: `${webUrl(world, repo)}/commit/${parent}`,
      })),
  };
}
