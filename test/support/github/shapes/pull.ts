/** Pull requests as GitHub shows them: short in lists, with what has to be computed when asked for alone. */
import type { PullIssue, Size } from '../pulls.ts';
import { roleOf, type Account, type Repo, type Role, type World } from '../state.ts';
import { account, iso, isoOrNull, nodeId } from './people.ts';
import { repoUrl, repository, webUrl } from './repo.ts';

export function pullSimple(world: World, repo: Repo, issue: PullIssue): Record<string, unknown> {
  const { pull, number } = issue;
  const url = `${repoUrl(world, repo)}/pulls/${number}`;
  const html = `${webUrl(world, repo)}/pull/${number}`;
  const issueUrl = `${repoUrl(world, repo)}/issues/${number}`;
  const links = {
    commits: `${url}/commits`,
    comments: `${issueUrl}/comments`,
    review_comments: `${url}/comments`,
    review_comment: `${repoUrl(world, repo)}/pulls/comments{/number}`,
    statuses: `${repoUrl(world, repo)}/statuses/${pull.headSha}`,
  };
  return {
    url,
    id: pull.id,
    node_id: nodeId('PullRequest', pull.id),
    html_url: html,
    diff_url: `${html}.diff`,
    patch_url: `${html}.patch`,
    issue_url: issueUrl,
    commits_url: links.commits,
    comments_url: links.comments,
    review_comments_url: links.review_comments,
    review_comment_url: links.review_comment,
    statuses_url: links.statuses,
    number,
    state: issue.state,
    locked: false,
    title: issue.title,
    user: account(world, issue.author),
    body: issue.body,
    labels: issue.labels.map((label) => labelOf(world, repo, label)),
    milestone: null,
    active_lock_reason: null,
    created_at: iso(issue.createdAt),
    updated_at: iso(issue.updatedAt),
    closed_at: isoOrNull(issue.closedAt),
    merged_at: isoOrNull(pull.merged?.at ?? null),
    merge_commit_sha: pull.merged?.commit ?? null,
    assignee: null,
    assignees: [],
    requested_reviewers: [],
    requested_teams: [],
    head: {
      label: `${pull.headOwner.login}:${pull.headBranch}`,
      ref: pull.headBranch,
      sha: pull.headSha,
      user: account(world, pull.headOwner),
      repo: pull.headRepo && repository(world, pull.headRepo),
    },
    base: {
      label: `${repo.owner.login}:${pull.baseBranch}`,
      ref: pull.baseBranch,
      sha: pull.baseSha,
      user: account(world, repo.owner),
      repo: repository(world, repo),
    },
    _links: {
      self: { href: url },
      html: { href: html },
      issue: { href: issueUrl },
      ...Object.fromEntries(Object.entries(links).map(([name, href]) => [name, { href }])),
    },
    author_association: association(repo, issue.author),
    auto_merge: null,
    draft: pull.draft,
  };
}

export function pullFull(
  world: World,
  repo: Repo,
  issue: PullIssue,
  size: Size,
  mergeable: boolean | null,
): Record<string, unknown> {
  const { pull } = issue;
  return {
    ...pullSimple(world, repo, issue),
    merged: pull.merged !== null,
    mergeable: issue.state === 'open' ? mergeable : null,
    rebaseable: issue.state === 'open' ? mergeable : null,
    mergeable_state: mergeableState(issue, mergeable),
    merged_by: pull.merged && account(world, pull.merged.by),
    comments: issue.comments.length,
    review_comments: pull.lineComments.length,
    maintainer_can_modify: false,
    commits: size.commits,
    additions: size.additions,
    deletions: size.deletions,
    changed_files: size.changedFiles,
  };
}

function mergeableState({ pull, state }: PullIssue, mergeable: boolean | null): string {
  if (mergeable === null || state === 'closed') return 'unknown';
  if (!mergeable) return 'dirty';
  return pull.draft ? 'draft' : 'clean';
}

export function labelOf(world: World, repo: Repo, { id, name }: { id: number; name: string }) {
  return {
    id,
    node_id: nodeId('Label', id),
    url: `${repoUrl(world, repo)}/labels/${encodeURIComponent(name)}`,
    name,
    description: null,
    color: 'ededed',
    default: false,
  };
}

const ASSOCIATIONS: Record<Role, string> = {
  none: 'NONE',
  read: 'NONE',
  triage: 'COLLABORATOR',
  write: 'COLLABORATOR',
  maintain: 'COLLABORATOR',
  admin: 'COLLABORATOR',
};

export function association(repo: Repo, author: Account): string {
  if (author === repo.owner) return 'OWNER';
  const role = roleOf(repo, author);
  return repo.owner.type === 'Organization' && ASSOCIATIONS[role] === 'COLLABORATOR'
    ? 'MEMBER'
    : ASSOCIATIONS[role];
}
