/** Which pull requests a webhook of GitHub's may be about, and what a comment in it asks for. Pure. */
import { z } from 'zod';
import { ForgeRepoName } from '../../protocol/forge.ts';
import { WISHES_KEPT_MS } from '../../protocol/limits.ts';
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
const Said = z.object({
  id: Int,
  body: z.string().nullish(),
  user: z.object({ login: z.string().min(1).max(100), type: z.string().optional() }).nullable(),
  created_at: z.string().max(100).nullish(),
  submitted_at: z.string().max(100).nullish(),
});
const Comment = Said.extend({
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
  review: Said.optional(),
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
export function readEvent(host: string, event: string, body: Buffer, now = Date.now()): Told | null {
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
  const wish = wishOf(host, event, payload, now);
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

function wishOf(host: string, event: string, payload: Payload, now: number): Wish | null {
  const said = saidIn(event, payload);
  if (!said || !said.by.user || said.by.user.type === 'Bot') return null;
  // Whoever has got hold of what was signed once could send it again whenever it suits them.
  const at = Date.parse(said.by.created_at ?? said.by.submitted_at ?? '');
  if (at < now - WISHES_KEPT_MS) return null;
  const command = commandOf(said.by.body ?? '');
  if (command === null) return null;
  return {
    host,
    repo: payload.repository.full_name,
    number: said.number,
    isPull: said.isPull,
    commentId: `${said.kind}-${said.by.id}`,
    author: said.by.user.login,
    command,
    ...(said.at === undefined ? {} : { at: said.at }),
  };
}

interface SaidIn {
  /** Each kind is numbered by itself. */
  kind: 'issue' | 'review' | 'verdict';
  number: number;
  isPull: boolean;
  by: z.infer<typeof Said>;
  at?: Wish['at'];
}

/** What somebody just said: below an issue or pull request, on a line, or as a review's own text. */
function saidIn(event: string, { action, comment, review, issue, pull_request }: Payload): SaidIn | null {
  switch (`${event} ${action ?? ''}`) {
    case 'issue_comment created': {
      if (!comment || !issue) return null;
      return { kind: 'issue', number: issue.number, isPull: Boolean(issue.pull_request), by: comment };
    }
    case 'pull_request_review_comment created': {
      if (!comment || !pull_request) return null;
      const { path, line, original_line, diff_hunk: diff } = comment;
      const at = path === undefined ? undefined : { path, line: line ?? original_line ?? undefined, diff };
      return { kind: 'review', number: pull_request.number, isPull: true, by: comment, at };
    }
    case 'pull_request_review submitted': {
      if (!review || !pull_request) return null;
      return { kind: 'verdict', number: pull_request.number, isPull: true, by: review };
    }
    default:
      return null;
  }
}
