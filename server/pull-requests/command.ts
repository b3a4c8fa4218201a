/** What a comment on a forge asks of us, and what we say there. Pure. */
import { createHash } from 'node:crypto';
import type { ErrorCode, WireError } from '../../protocol/errors.ts';
import type { PatchSummary } from '../../protocol/events.ts';
import { COMMENT_CHARS } from '../../protocol/limits.ts';
import type { TurnState } from '../../protocol/states.ts';

/** Four spaces before it are code, and `@codex/reviewers` is a team of somebody's. */
const NAME = /^(?:[ \t]*\r?\n)* {0,3}@codex(?![\w-]|\/\w)[:,]?\s*/i;
/** In every comment of ours, so that none is ever taken for somebody's wish, and one can be found again. */
const MARK = '<!-- codex-tasks:';
const ENDS_WITH_MARK = /\n<!-- codex-tasks:[0-9a-z]+ -->\s*$/;

export interface Command {
  review: boolean;
  /** What follows our name; may be empty. */
  text: string;
}

/** Null: it does not begin with our name, or is our own. */
export function commandOf(body: string): Command | null {
  const name = NAME.exec(body);
  if (!name || body.includes(MARK)) return null;
  const text = body.slice(name[0].length).trim();
  const review = /^review\b/i.test(text);
  return { review, text: review ? text.replace(/^review\b[:,.]?\s*/i, '') : text };
}

/** The same comment is the same task, however often it is told. */
export function requestIdOf(of: { host: string; repo: string; commentId: string }): string {
  const text = [of.host, of.repo.toLowerCase(), of.commentId].join('\0');
  return `comment-${createHash('sha256').update(text).digest('hex').slice(0, 40)}`;
}

export interface Named {
  taskId: string;
  url: string | null;
}

/** Whether it is our answer: anybody can write the mark somewhere, or quote all of it. */
export function isAnswer(
  { author, body }: { author: string; body: string },
  of: { taskId: string; login: string },
): boolean {
  return author.toLowerCase() === of.login.toLowerCase() && body.trimEnd().endsWith(`\n${markOf(of.taskId)}`);
}

/** As `isAnswer`, for whatever task; whose it is is to be looked at, too. */
export const hasMark = (body: string): boolean => ENDS_WITH_MARK.test(body);

export const markOf = (taskId: string): string => `${MARK}${taskId} -->`;

const nameOf = ({ taskId, url }: Named): string =>
  url === null ? `task \`${taskId}\`` : `[task ${taskId}](${url})`;

export function startedText(of: Named): string {
  return `Codex has begun with this: ${nameOf(of)}. The result will be here.\n\n${markOf(of.taskId)}`;
}

/** In place of a task it is marked by what asked for one. */
export function notBegunText(requestId: string, code: ErrorCode): string {
  const mark = markOf(requestId.replaceAll(/[^0-9a-z]/g, ''));
  return `Codex could not begin with this (\`${code}\`). Whoever has the backend finds the reason in its log.\n\n${mark}`;
}

export interface Outcome {
  state: TurnState;
  answer: string | null;
  error: WireError | undefined;
  patch: PatchSummary | undefined;
}

export function endedText(of: Named, { state, answer, error, patch }: Outcome): string {
  const changed =
    patch === undefined || patch.files === 0
      ? ''
      : `${patch.files} ${patch.files === 1 ? 'file' : 'files'} changed (+${patch.added} −${patch.removed}). Nothing is pushed: whoever has the backend can look at it and make a pull request of it.`;
  const parts = [
    `Codex ${HOW[state] ?? 'has stopped'}: ${nameOf(of)}${error === undefined ? '' : ` (\`${error.code}\`)`}.`,
    answer === null ? '' : quiet(answer.trim()).slice(0, COMMENT_CHARS).toWellFormed(),
    changed,
    markOf(of.taskId),
  ];
  return parts.filter(Boolean).join('\n\n');
}

const HOW: Partial<Record<TurnState, string>> = {
  completed: 'is done',
  failed: 'could not finish this',
  cancelled: 'was stopped',
};

/** A piece of code on one line, in which nobody is called; or what calls somebody, plain or as HTML writes it. */
const CALL = /(?<![\\`])`[^`\n|]*`(?!`)|(?<![a-z0-9])(?:@|&(?:#0*64|#x0*40|commat);)(?=[a-z0-9])/gi;

/** The model calls nobody, and can't make or break a mark of ours. */
function quiet(text: string): string {
  return text
    .replaceAll('<!--', '<! --')
    .replace(CALL, (found) => (found.startsWith('`') ? found : '@\u200b'));
}
