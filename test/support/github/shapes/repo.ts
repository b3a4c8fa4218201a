/** Repositories as GitHub shows them. */
import { fullName, type Repo, type Role, type World } from '../state.ts';
import { account, iso, nodeId, permissionsOf } from './people.ts';

const LINKS: Readonly<Record<string, string>> = {
  archive_url: '/{archive_format}{/ref}',
  assignees_url: '/assignees{/user}',
  blobs_url: '/git/blobs{/sha}',
  branches_url: '/branches{/branch}',
  collaborators_url: '/collaborators{/collaborator}',
  comments_url: '/comments{/number}',
  commits_url: '/commits{/sha}',
  compare_url: '/compare/{base}...{head}',
  contents_url: '/contents/{+path}',
  contributors_url: '/contributors',
  deployments_url: '/deployments',
  downloads_url: '/downloads',
  events_url: '/events',
  forks_url: '/forks',
  git_commits_url: '/git/commits{/sha}',
  git_refs_url: '/git/refs{/sha}',
  git_tags_url: '/git/tags{/sha}',
  hooks_url: '/hooks',
  issue_comment_url: '/issues/comments{/number}',
  issue_events_url: '/issues/events{/number}',
  issues_url: '/issues{/number}',
  keys_url: '/keys{/key_id}',
  labels_url: '/labels{/name}',
  languages_url: '/languages',
  merges_url: '/merges',
  milestones_url: '/milestones{/number}',
  notifications_url: '/notifications{?since,all,participating}',
  pulls_url: '/pulls{/number}',
  releases_url: '/releases{/id}',
  stargazers_url: '/stargazers',
  statuses_url: '/statuses/{sha}',
  subscribers_url: '/subscribers',
  subscription_url: '/subscription',
  tags_url: '/tags',
  teams_url: '/teams',
  trees_url: '/git/trees{/sha}',
};

export const repoUrl = (world: World, repo: Repo) => `${world.apiUrl}/repos/${fullName(repo)}`;
export const webUrl = (world: World, repo: Repo) => `${world.url}/${fullName(repo)}`;
export const cloneUrl = (world: World, repo: Repo) => `${webUrl(world, repo)}.git`;

/** As it stands inside other things. */
export function repository(world: World, repo: Repo): Record<string, unknown> {
  const url = repoUrl(world, repo);
  const openIssues = repo.issues.filter(({ state }) => state === 'open').length;
  const at = iso(repo.createdAt);
  return {
    id: repo.id,
    node_id: nodeId('Repository', repo.id),
    name: repo.name,
    full_name: fullName(repo),
    private: repo.private,
    owner: account(world, repo.owner),
    html_url: webUrl(world, repo),
    description: null,
    fork: repo.parent !== null,
    url,
    ...Object.fromEntries(Object.entries(LINKS).map(([key, path]) => [key, `${url}${path}`])),
    clone_url: cloneUrl(world, repo),
    git_url: `git://${new URL(world.url).host}/${fullName(repo)}.git`,
    ssh_url: `git@${new URL(world.url).hostname}:${fullName(repo)}.git`,
    svn_url: webUrl(world, repo),
    mirror_url: null,
    homepage: null,
    language: null,
    license: null,
    default_branch: repo.defaultBranch,
    created_at: at,
    updated_at: at,
    pushed_at: at,
    size: 1,
    forks: 0,
    forks_count: 0,
    stargazers_count: 0,
    watchers: 0,
    watchers_count: 0,
    open_issues: openIssues,
    open_issues_count: openIssues,
    topics: [],
    has_issues: true,
    has_projects: false,
    has_downloads: false,
    has_wiki: false,
    has_pages: false,
    has_discussions: false,
    archived: repo.archived,
    disabled: false,
    allow_forking: true,
    is_template: false,
    web_commit_signoff_required: false,
    visibility: repo.private ? 'private' : 'public',
  };
}

/** `role`: what the one who asks may do; null: an app, to which GitHub does not say it. */
export function fullRepository(world: World, repo: Repo, role: Role | null): Record<string, unknown> {
  const { has_downloads: _, ...shown } = repository(world, repo);
  return {
    ...shown,
    subscribers_count: 0,
    network_count: 0,
    ...(role === null ? {} : { permissions: permissionsOf(role) }),
    ...(repo.parent === null
      ? {}
      : { parent: repository(world, repo.parent), source: repository(world, repo.parent) }),
  };
}
