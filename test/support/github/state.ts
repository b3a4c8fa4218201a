/** What a GitHub keeps, as plain data, and how it is looked up. Branches and commits are in git alone. */
export interface Account {
  id: number;
  login: string;
  type: 'User' | 'Organization' | 'Bot';
  name: string | null;
  email: string | null;
}

/** Each includes the ones before it. */
export const ROLES = ['none', 'read', 'triage', 'write', 'maintain', 'admin'] as const;
export type Role = (typeof ROLES)[number];

export type Level = 'read' | 'write' | 'admin';
/** `contents`, `pull_requests`, `issues`, `checks`, `statuses`, `workflows`, `metadata`, … */
export type Permissions = Partial<Record<string, Level>>;

export interface Comment {
  id: number;
  author: Account;
  body: string;
  createdAt: number;
  updatedAt: number;
}

export interface LineComment extends Comment {
  path: string;
  /** Null: of the whole file, or of lines that are no more (`originalLine`). */
  line: number | null;
  startLine: number | null;
  originalLine: number | null;
  side: 'LEFT' | 'RIGHT';
  commit: string;
  review: number | null;
  inReplyTo: number | null;
  diffHunk: string;
}

export type ReviewState = 'APPROVED' | 'CHANGES_REQUESTED' | 'COMMENTED' | 'DISMISSED' | 'PENDING';

export interface Review {
  id: number;
  author: Account;
  body: string;
  state: ReviewState;
  commit: string;
  submittedAt: number;
}

/** The half of an issue that makes it a pull request. */
export interface Pull {
  id: number;
  draft: boolean;
  /** Null: the fork is gone. */
  headRepo: Repo | null;
  headOwner: Account;
  headBranch: string;
  /** The last that was seen there; what remains of it when the branch is gone. */
  headSha: string;
  baseBranch: string;
  /** Where the base stood when the head was last looked at, as GitHub says it. */
  baseSha: string;
  /** Where it stands. */
  baseNow: string;
  merged: { at: number; by: Account; commit: string } | null;
  /** Of the head and base for which GitHub has looked; a pull request's first answer says null. */
  mergeableFor: string | null;
  mergeable: boolean;
  reviews: Review[];
  lineComments: LineComment[];
}

export interface Issue {
  id: number;
  number: number;
  title: string;
  body: string | null;
  author: Account;
  state: 'open' | 'closed';
  labels: { id: number; name: string }[];
  comments: Comment[];
  createdAt: number;
  updatedAt: number;
  closedAt: number | null;
  pull: Pull | null;
}

export const CONCLUSIONS = [
  ...['success', 'failure', 'neutral', 'cancelled', 'skipped', 'timed_out', 'action_required'],
] as const;

export interface CheckRun {
  id: number;
  sha: string;
  name: string;
  status: 'queued' | 'in_progress' | 'completed';
  conclusion: string | null;
  title: string | null;
  summary: string | null;
  text: string | null;
  detailsUrl: string | null;
  startedAt: number;
  completedAt: number | null;
}

export interface Status {
  id: number;
  sha: string;
  context: string;
  state: 'error' | 'failure' | 'pending' | 'success';
  description: string | null;
  targetUrl: string | null;
  at: number;
}

/** Why a branch takes no push; with GitHub's words, see `git-hook.ts`. */
export interface Protection {
  /** A classic protected branch (GH006), or a rule set (GH013). */
  how: 'protected' | 'ruleset';
  /** The lines below GitHub's first one. */
  because: string;
}

export interface Repo {
  id: number;
  owner: Account;
  name: string;
  private: boolean;
  archived: boolean;
  defaultBranch: string;
  createdAt: number;
  /** The bare repository. */
  dir: string;
  /** Of a fork: what it was made from. */
  parent: Repo | null;
  roles: Map<string, Role>;
  /** By branch; `*` for all. */
  protection: Map<string, Protection>;
  draftsSupported: boolean;
  issues: Issue[];
  checkRuns: CheckRun[];
  statuses: Status[];
}

export interface Installation {
  id: number;
  account: Account;
  /** Null: all of the account's. */
  repos: Set<Repo> | null;
  permissions: Permissions;
  suspended: boolean;
}

export interface App {
  id: number;
  slug: string;
  name: string;
  owner: Account;
  bot: Account;
  clientId: string;
  clientSecret: string;
  webhookSecret: string;
  privateKey: string;
  publicKey: string;
  permissions: Permissions;
  events: string[];
  installations: Installation[];
}

export interface Token {
  value: string;
  kind: 'classic' | 'fineGrained' | 'installation';
  account: Account;
  /** Of a classic one: `repo`, `public_repo`, `workflow`, … */
  scopes: string[];
  /** Null: all that the account may see. */
  repos: Set<Repo> | null;
  permissions: Permissions;
  installation: { app: App; installation: Installation } | null;
  /** Milliseconds since 1970; null: never. */
  expiresAt: number | null;
  /** Requests since its hour began. */
  used: number;
}

export interface World {
  url: string;
  apiUrl: string;
  /** Where the bare repositories are. */
  folder: string;
  accounts: Map<string, Account>;
  repos: Repo[];
  /** Names that repositories had before, lower case. */
  renamed: Map<string, Repo>;
  apps: App[];
  tokens: Map<string, Token>;
  /** What `POST /app-manifests/{code}/conversions` turns into apps, each code once. */
  manifests: Map<string, App>;
  limits: { fileBytes: number; diffLines: number; requestsPerHour: number };
  nextId: () => number;
  now: () => number;
}

const MB = 1024 * 1024;

export function emptyWorld(folder: string, port: number, apiPath: string): World {
  let id = 0;
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    apiUrl: `${url}${apiPath}`,
    folder,
    accounts: new Map(),
    repos: [],
    renamed: new Map(),
    apps: [],
    tokens: new Map(),
    manifests: new Map(),
    limits: { fileBytes: 100 * MB, diffLines: 20_000, requestsPerHour: 5_000 },
    nextId: () => (id += 1),
    now: () => Date.now(),
  };
}

export function findRepo(world: World, owner: string, name: string): { repo: Repo; moved: boolean } | null {
  const wanted = `${owner}/${name}`.toLowerCase();
  const repo = world.repos.find((one) => fullName(one).toLowerCase() === wanted);
  if (repo) return { repo, moved: false };
  const before = world.renamed.get(wanted);
  return before && world.repos.includes(before) ? { repo: before, moved: true } : null;
}

/** An owner can be a group in groups, where there are such. */
export function ownerAndName(name: string): [owner: string, name: string] {
  const at = name.lastIndexOf('/');
  return [name.slice(0, Math.max(at, 0)), name.slice(at + 1)];
}

/** Of a test: the repository by its name; anything else is the test's mistake. */
export function repoNamed(world: World, name: string): Repo {
  const found = findRepo(world, ...ownerAndName(name));
  if (!found) throw new Error(`The stand-in has no repository ${name}.`);
  return found.repo;
}

export function issueNumbered(repo: Repo, number: number): Issue {
  const issue = repo.issues.find((one) => one.number === number);
  if (!issue) throw new Error(`${fullName(repo)} has no issue ${number}.`);
  return issue;
}

export function pullNumbered(repo: Repo, number: number): Issue & { pull: Pull } {
  const issue = issueNumbered(repo, number);
  if (!isPull(issue)) throw new Error(`${fullName(repo)}#${number} is no pull request.`);
  return issue;
}

export function isPull(issue: Issue): issue is Issue & { pull: Pull } {
  return issue.pull !== null;
}

export function fullName(repo: Repo): string {
  return `${repo.owner.login}/${repo.name}`;
}

export function roleOf(repo: Repo, account: Account): Role {
  if (account === repo.owner) return 'admin';
  return repo.roles.get(account.login.toLowerCase()) ?? (repo.private ? 'none' : 'read');
}

export function atLeast(role: Role, wanted: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(wanted);
}
