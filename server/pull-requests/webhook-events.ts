/** Which pull requests a webhook of GitHub's may be about, and what a comment in it asks for. Pure. */
import { z } from 'zod';
import { ForgeRepoName } from '../../protocol/forge.ts';
import { commandOf } from './command.ts';
import type { Wish } from './triggers.ts';

export interface Concerned {
  host: string;
  repo: string;
  numbers: number[];
  branches: string[];
}

export interface Told {
  concerns: Concerned;
  wish?: Wish;
}

const Int = z.number().int().positive();
const Numbered = z.object({ number: Int });
const Branch = z.string().max(1_000).nullish();
const Line = z.number().int().nullish();
const Comment = z.object({
  id: Int,
  body: z.string(),
  user: z.object({ login: z.string().min(1).max(100), type: z.string().optional() }).nullable(),
  path: z.string().max(4_096).optional(),
  line: Line,
  original_line: Line,
  diff_hunk: z.string().optional(),
});

const Payload = z.object({
  action: z.string().optional(),
  repository: z.object({ full_name: ForgeRepoName }),
  pull_request: Numbered.optional(),
  issue: Numbered.extend({ pull_request: z.unknown().optional() }).optional(),
  comment: Comment.optional(),
  check_run: z
    .object({
      pull_requests: z.array(Numbered).default([]),
      check_suite: z.object({ head_branch: Branch }).nullish(),
    })
    .optional(),
  check_suite: z.object({ pull_requests: z.array(Numbered).default([]), head_branch: Branch }).optional(),
  branches: z.array(z.object({ name: z.string().max(1_000) })).optional(),
  ref: z.string().max(1_000).optional(),
});
type Payload = z.infer<typeof Payload>;

const KNOWN = new Set([
  'pull_request',
  'pull_request_review',
  'pull_request_review_comment',
  'pull_request_review_thread',
  'issue_comment',
  'check_run',
  'check_suite',
  'status',
  'push',
]);

/** Null: nothing that we know, or nothing that can be read. */
export function readEvent(host: string, event: string, body: Buffer): Told | null {
  if (!KNOWN.has(event)) return null;
  const read = Payload.safeParse(parsedJson(body));
  if (!read.success) return null;
  const payload = read.data;
  const { pull_request, issue, check_run, check_suite, branches = [], ref } = payload;
  const numbers = [
    pull_request?.number,
    issue?.pull_request ? issue.number : undefined,
    ...(check_run?.pull_requests ?? []).map(({ number }) => number),
    ...(check_suite?.pull_requests ?? []).map(({ number }) => number),
  ].filter((number) => number !== undefined);
  const names = [
    check_run?.check_suite?.head_branch,
    check_suite?.head_branch,
    ...branches.map(({ name }) => name),
    ref?.startsWith('refs/heads/') ? ref.slice('refs/heads/'.length) : undefined,
  ].filter((name) => name != null);
  const wish = wishOf(host, event, payload);
  return {
    concerns: { host, repo: payload.repository.full_name, numbers, branches: names },
    ...(wish ? { wish } : {}),
  };
}

function parsedJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}

function wishOf(host: string, event: string, payload: Payload): Wish | null {
  const { action, comment, issue, pull_request, repository } = payload;
  const isReview = event === 'pull_request_review_comment';
  const number = isReview ? pull_request?.number : event === 'issue_comment' ? issue?.number : undefined;
  if (action !== 'created' || number === undefined || !comment?.user || comment.user.type === 'Bot')
    return null;
  const command = commandOf(comment.body);
  if (command === null) return null;
  const { path, line, original_line, diff_hunk: diff } = comment;
  return {
    host,
    repo: repository.full_name,
    number,
    isPull: isReview || Boolean(issue?.pull_request),
    commentId: `${isReview ? 'review' : 'issue'}-${comment.id}`,
    author: comment.user.login,
    command,
    ...(path === undefined ? {} : { at: { path, line: line ?? original_line ?? undefined, diff } }),
  };
}
