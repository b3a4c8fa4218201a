/** What GitLab's answers look like, as far as they are used, after https://docs.gitlab.com/api/. */
import type { PullIssue } from '../github/pulls.ts';
import {
  fullName,
  isPull,
  roleOf,
  type Account,
  type Comment,
  type Issue,
  type LineComment,
  type Repo,
  type Role,
  type World,
} from '../github/state.ts';

export type Kind = 'issues' | 'merge_requests';

/** In the order of their own numbers, from 1. */
export const numberedAs = (repo: Repo, kind: Kind): Issue[] =>
  repo.issues.filter((issue) => isPull(issue) === (kind === 'merge_requests'));

export const iidOf = (repo: Repo, issue: Issue): number =>
  numberedAs(repo, issue.pull ? 'merge_requests' : 'issues').indexOf(issue) + 1;

const LEVELS: Record<Role, number> = { none: 0, read: 20, triage: 20, write: 30, maintain: 40, admin: 50 };

/** 0: no member. */
export const levelOf = (repo: Repo, account: Account): number =>
  account === repo.owner || repo.roles.has(account.login.toLowerCase()) ? LEVELS[roleOf(repo, account)] : 0;

const iso = (at: number) => new Date(at).toISOString();

export const userShape = (world: World, { id, login, name }: Account) => ({
  id,
  username: login,
  name,
  state: 'active',
  web_url: `${world.url}/${login}`,
});

export function projectShape(world: World, repo: Repo, caller: Account) {
  const level = levelOf(repo, caller);
  return {
    id: repo.id,
    path: repo.name,
    path_with_namespace: fullName(repo),
    default_branch: repo.defaultBranch,
    visibility: repo.private ? 'private' : 'public',
    archived: repo.archived,
    http_url_to_repo: `${world.url}/${fullName(repo)}.git`,
    web_url: `${world.url}/${fullName(repo)}`,
    permissions: { project_access: level === 0 ? null : { access_level: level }, group_access: null },
  };
}

const stateOf = (issue: Issue) =>
  issue.pull?.merged ? 'merged' : issue.state === 'open' ? 'opened' : 'closed';

/** `fresh`: GitLab looks at the commits of a new one a little later. Lists never have `diff_refs`. */
export function mergeRequestShape(
  world: World,
  repo: Repo,
  issue: PullIssue,
  how: 'listed' | 'fresh' | 'whole',
) {
  const { pull } = issue;
  const iid = iidOf(repo, issue);
  return {
    id: pull.id,
    iid,
    project_id: repo.id,
    title: pull.draft ? `Draft: ${issue.title}` : issue.title,
    description: issue.body,
    state: stateOf(issue),
    draft: pull.draft,
    author: userShape(world, issue.author),
    source_branch: pull.headBranch,
    source_project_id: pull.headRepo?.id ?? null,
    target_branch: pull.baseBranch,
    target_project_id: repo.id,
    sha: pull.headSha,
    references: { short: `!${iid}`, relative: `!${iid}`, full: `${fullName(repo)}!${iid}` },
    web_url: `${world.url}/${fullName(repo)}/-/merge_requests/${iid}`,
    created_at: iso(issue.createdAt),
    ...(how === 'listed'
      ? {}
      : { diff_refs: how === 'fresh' ? null : { start_sha: pull.baseSha, head_sha: pull.headSha } }),
  };
}

export const issueShape = (world: World, repo: Repo, issue: Issue) => ({
  id: issue.id,
  iid: iidOf(repo, issue),
  title: issue.title,
  description: issue.body,
  state: stateOf(issue),
  labels: issue.labels.map(({ name }) => name),
  author: userShape(world, issue.author),
  web_url: `${world.url}/${fullName(repo)}/-/issues/${iidOf(repo, issue)}`,
  created_at: iso(issue.createdAt),
});

/** A review's text is a note as any other, and what GitLab tells of itself stands among them. */
export function notesOf(world: World, issue: Issue) {
  const note = (comment: Comment, more: object) => ({
    id: comment.id,
    body: comment.body,
    author: userShape(world, comment.author),
    created_at: iso(comment.createdAt),
    system: false,
    internal: false,
    ...more,
  });
  const position = ({ path, line }: LineComment) => ({
    position_type: 'text',
    ...{ new_path: path, old_path: path, new_line: line, old_line: null },
  });
  const first = { ...issue, id: issue.id + 1_000_000, body: 'changed the description' };
  return [
    note(first, { system: true, type: null }),
    ...issue.comments.map((comment) => note(comment, { type: null })),
    ...(issue.pull?.lineComments ?? []).map((one) =>
      note(one, { type: 'DiffNote', position: position(one) }),
    ),
  ].toSorted((one, other) => one.created_at.localeCompare(other.created_at) || one.id - other.id);
}
