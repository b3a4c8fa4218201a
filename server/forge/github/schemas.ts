/** What is used of GitHub's answers, and how it becomes ours. Everything else in them is left unread. */
import { z } from 'zod';
import { ForgeRepoName } from '../../../protocol/forge.ts';
import type { Check, Comment, PullRequest, Verdict } from '../forge.ts';
import { Id, Line, Sha, Text, Time, WebAddress, address, summary } from '../http/fields.ts';

/** An account that is gone stands as GitHub shows it. */
const Login = z
  .object({ login: z.string().min(1).max(200) })
  .nullish()
  .transform((user) => user?.login ?? 'ghost');

export const UserAnswer = z.object({
  id: Id,
  login: Line,
  name: Line.nullish(),
  email: Line.nullish(),
});

export const AppAnswer = z.object({
  slug: Line.optional(),
  name: Line,
  html_url: WebAddress,
  owner: z.object({ login: Line, type: Line.optional() }).nullish(),
});

export const ConversionAnswer = z.object({
  id: Id,
  slug: Line.optional(),
  name: Line,
  html_url: WebAddress,
  pem: z.string().min(100).max(8_192),
  webhook_secret: Line.nullish(),
});

export const Permissions = z.record(z.string().max(100), z.string().max(20));
export const InstallationAnswer = z.object({
  id: Id,
  permissions: Permissions,
  suspended_at: z.string().nullish(),
});
export const InstallationTokenAnswer = z.object({
  token: z
    .string()
    .min(8)
    .max(8_192)
    .regex(/^[\x21-\x7e]+$/),
  expires_at: Time,
});

export const RepoAnswer = z.object({
  id: Id,
  full_name: ForgeRepoName,
  default_branch: Line,
  private: z.boolean(),
  archived: z.boolean().default(false),
  permissions: z.object({ push: z.boolean() }).partial().optional(),
});

const End = z.object({
  ref: Line,
  sha: Sha,
  repo: z.object({ full_name: ForgeRepoName }).nullish(),
});

const PullFields = z.object({
  number: Id,
  html_url: WebAddress,
  title: Line,
  body: Text,
  state: z.enum(['open', 'closed']),
  merged_at: z.string().nullish(),
  draft: z.boolean().default(false),
  head: End,
  base: End,
  user: Login,
});

const pullOf = (fields: z.infer<typeof PullFields>): PullRequest => ({
  number: fields.number,
  url: fields.html_url,
  title: fields.title,
  body: fields.body,
  state: fields.merged_at ? 'merged' : fields.state,
  draft: fields.draft,
  head: { branch: fields.head.ref, sha: fields.head.sha, repo: fields.head.repo?.full_name ?? null },
  base: {
    branch: fields.base.ref,
    sha: fields.base.sha,
    ...(fields.base.repo ? { repo: fields.base.repo.full_name } : {}),
  },
  author: fields.user,
});

export const PullAnswer = PullFields.transform(pullOf);

/** Those from branches of the repository itself: an owner can have forks with a branch of the same name. */
export const OwnPullsAnswer = z
  .array(PullFields)
  .transform((pulls) =>
    pulls
      .filter(({ head, base }) => head.repo != null && head.repo.full_name === base.repo?.full_name)
      .map(pullOf),
  );

export const IssueAnswer = z.object({
  number: Id,
  title: Line,
  body: Text,
  user: Login,
  state: z.enum(['open', 'closed']),
  labels: z
    .array(z.union([Line, z.object({ name: Line.nullish() })]))
    .transform((labels) =>
      labels.flatMap((label) => (typeof label === 'string' ? label : (label.name ?? []))),
    ),
  html_url: WebAddress,
  comments: z.number().int().nonnegative().default(0),
  pull_request: z.unknown().optional(),
});

/** Ids of ours say which kind a comment is: GitHub numbers each kind by itself. */
export const IssueCommentAnswer = z
  .object({ id: Id, body: Text, user: Login, html_url: WebAddress, created_at: Time })
  .transform(({ id, body, user, html_url, created_at }): Comment => ({
    id: `comment-${id}`,
    author: user,
    body,
    url: html_url,
    at: created_at,
  }));

const LineNumber = z.number().int().positive().nullish();
export const LineCommentAnswer = z
  .object({
    id: Id,
    body: Text,
    user: Login,
    html_url: WebAddress,
    created_at: Time,
    path: z.string().max(4_096),
    line: LineNumber,
    start_line: LineNumber,
    original_line: LineNumber,
    original_start_line: LineNumber,
    /** A whole file has a line, too, which means nothing. */
    subject_type: z.string().max(50).nullish(),
  })
  .transform((found): Comment => ({
    id: `line-${found.id}`,
    author: found.user,
    body: found.body,
    path: found.path,
    ...(found.subject_type === 'file' ? {} : linesOf(found)),
    url: found.html_url,
    at: found.created_at,
  }));

interface Lines {
  line?: number | null | undefined;
  start_line?: number | null | undefined;
  original_line?: number | null | undefined;
  original_start_line?: number | null | undefined;
}

/** What has no line any more is about code that was changed since. */
function linesOf(found: Lines): Pick<Comment, 'line' | 'startLine' | 'outdated'> {
  const outdated = found.line == null;
  const line = outdated ? found.original_line : found.line;
  const start = outdated ? found.original_start_line : found.start_line;
  if (line == null) return {};
  return {
    line,
    ...(start != null && start < line ? { startLine: start } : {}),
    ...(outdated ? { outdated } : {}),
  };
}

export const ReviewAnswer = z.object({
  id: Id,
  user: Login,
  body: Text,
  state: z.string().max(50),
  html_url: WebAddress,
  /** One that is still being written has none. */
  submitted_at: Time.optional(),
  author_association: z.string().max(50).default('NONE'),
});
export type ReviewAnswer = z.infer<typeof ReviewAnswer>;

export function reviewComments(reviews: readonly ReviewAnswer[]): Comment[] {
  return reviews.flatMap(({ id, user, body, html_url, submitted_at }) =>
    submitted_at === undefined || body.trim() === ''
      ? []
      : { id: `review-${id}`, author: user, body, url: html_url, at: submitted_at },
  );
}

/** Whose approval GitHub counts too. */
const COUNTS = new Set(['OWNER', 'MEMBER', 'COLLABORATOR']);

/** By the newest word of each: one who only comments leaves what they said before. */
export function verdictOf(reviews: readonly ReviewAnswer[]): Verdict | null {
  const words = new Map<string, string>();
  const inOrder = reviews
    .filter(
      ({ submitted_at, author_association }) => submitted_at !== undefined && COUNTS.has(author_association),
    )
    .toSorted((one, other) => (one.submitted_at ?? 0) - (other.submitted_at ?? 0));
  for (const { user, state } of inOrder)
    if (['APPROVED', 'CHANGES_REQUESTED', 'DISMISSED'].includes(state)) words.set(user, state);
  const said = [...words.values()];
  if (said.includes('CHANGES_REQUESTED')) return 'changesRequested';
  return said.includes('APPROVED') ? 'approved' : null;
}

const CheckRun = z
  .object({
    id: Id,
    name: Line,
    status: z.string().max(50),
    conclusion: z.string().max(50).nullish(),
    html_url: Line.nullish(),
    details_url: Line.nullish(),
    output: z.object({ title: Text, summary: Text }).partial().nullish(),
  })
  .transform(({ id, name, status, conclusion, html_url, details_url, output }): Check => ({
    id: `run-${id}`,
    name,
    outcome: status !== 'completed' ? 'running' : PASSES.has(conclusion ?? '') ? 'passed' : 'failed',
    ...summary(output?.title, output?.summary),
    ...address(html_url ?? details_url),
  }));
const PASSES = new Set(['success', 'neutral', 'skipped']);
export const CheckRunsAnswer = z
  .object({ check_runs: z.array(CheckRun) })
  .transform(({ check_runs }) => check_runs);

const Status = z
  .object({
    id: Id,
    context: Line,
    state: z.string().max(50),
    description: Line.nullish(),
    target_url: Line.nullish(),
  })
  .transform(({ id, context, state, description, target_url }): Check => ({
    id: `status-${id}`,
    name: context,
    outcome: state === 'pending' ? 'running' : state === 'success' ? 'passed' : 'failed',
    ...summary(description),
    ...address(target_url),
  }));
/** The newest of each context. */
export const StatusesAnswer = z.object({ statuses: z.array(Status) }).transform(({ statuses }) => statuses);

export const PermissionAnswer = z.object({ permission: z.string().max(50) });
export const NewCommentAnswer = z.object({ id: Id, html_url: WebAddress });
