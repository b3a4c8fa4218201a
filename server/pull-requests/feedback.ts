/** What others said of a pull request, for a person to choose from, and as a follow-up for the agent. */
import { CodexError } from '../../protocol/errors.ts';
import { FEEDBACK_COMMENT_BYTES, FEEDBACK_COMMENTS, FEEDBACK_PROMPT_BYTES } from '../../protocol/limits.ts';
import type { Feedback, FeedbackCheck, FeedbackComment } from '../../protocol/pull-request.ts';
import type { ParamsOf } from '../../protocol/rpc.ts';
import { commentsOfOthers, maybe, repoOfRow } from './refresh.ts';
import { pullRow, type PullRow } from './rows.ts';
import type { PullDeps } from './types.ts';
import { cutBytes, untrustedBlock, type Quoted } from './untrusted.ts';

type Deps = Pick<PullDeps, 'store' | 'forges'>;

/** Throws `CodexError` pullRequestMissing, forge…. */
export async function feedback(deps: Deps, taskId: string): Promise<Feedback> {
  return shortened((await everything(deps, taskId)).said);
}

/** What fits into one RPC frame: the newest comments, checks that failed before others, each cut with a mark. */
function shortened({ comments, checks }: Feedback): Feedback {
  return {
    comments: comments
      .slice(-FEEDBACK_COMMENTS)
      .map((comment) => ({ ...comment, body: cutBytes(comment.body, FEEDBACK_COMMENT_BYTES) })),
    checks: checks
      .toSorted((one, other) => Number(other.outcome === 'failed') - Number(one.outcome === 'failed'))
      .slice(0, FEEDBACK_COMMENTS)
      .map(({ summary, ...check }) =>
        summary === undefined ? check : { ...check, summary: cutBytes(summary, FEEDBACK_COMMENT_BYTES / 2) },
      ),
  };
}

async function everything(deps: Deps, taskId: string): Promise<{ row: PullRow; said: Feedback }> {
  const row = await deps.store.read((db) => pullRow(db, taskId));
  if (row?.number == null) throw new CodexError('pullRequestMissing');
  const repo = await repoOfRow(deps, row);
  const { head } = await repo.pull(row.number);
  const [comments, checks] = await Promise.all([
    commentsOfOthers(deps, repo, row.number),
    maybe(() => repo.checks(head.sha)),
  ]);
  return { row, said: { comments, checks: checks ?? [] } };
}

/**
 * A follow-up from what was chosen. The words are fetched anew, so that nobody's client can put others into
 * their mouths. The same `requestId` is the same turn. Throws `CodexError` notFound when nothing is left of it.
 */
export async function followUp(
  deps: Deps & Pick<PullDeps, 'tasks'>,
  request: ParamsOf<'pullRequest.followUp'>,
  who: string,
): Promise<number> {
  const { taskId, requestId } = request;
  const { row, said } = await everything(deps, taskId);
  const comments = said.comments.filter(({ id }) => request.comments.includes(id));
  const checks = said.checks.filter(({ id }) => request.checks.includes(id));
  if (comments.length + checks.length === 0) throw new CodexError('notFound', { what: 'comment' });
  const prompt = followUpPrompt({ row, comments, checks, said: request.prompt?.trim() ?? '' });
  return (await deps.tasks.followUp({ requestId, taskId, prompt }, who)).turn;
}

export function followUpPrompt(of: {
  row: Pick<PullRow, 'number' | 'branch'>;
  comments: readonly FeedbackComment[];
  checks: readonly FeedbackCheck[];
  said: string;
}): string {
  const { row, comments, checks, said } = of;
  const quotes: Quoted[] = [
    ...comments.map((comment) => ({ label: `${comment.author}${placeOf(comment)}`, text: comment.body })),
    ...checks.map(({ name, outcome, summary, url }) => ({
      label: `Check ${name}: ${outcome}`,
      text: [summary, url].filter(Boolean).join('\n'),
    })),
  ];
  const what = [
    ...(comments.length > 0 ? ['address the review comments'] : []),
    ...(checks.length > 0 ? ['find out why the checks failed, and mend it'] : []),
  ].join(', and ');
  return [
    `Your result is in pull request #${row.number} (branch ${row.branch}). Please ${what}. Say of each comment what you did, or why you did nothing.`,
    ...(said === '' ? [] : [said]),
    untrustedBlock(quotes, FEEDBACK_PROMPT_BYTES),
  ].join('\n\n');
}

/** A suggestion replaces all of these lines; of an older state they may be others by now. */
function placeOf({ path, line, startLine, outdated }: FeedbackComment): string {
  if (path === undefined) return '';
  if (line === undefined) return ` on ${path}`;
  const lines = startLine === undefined ? `line ${line}` : `lines ${startLine} to ${line}`;
  return ` on ${path}, ${lines}${outdated ? ' of an older state of the file' : ''}`;
}
