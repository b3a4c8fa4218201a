/**
 * An issue or a pull request as text for the model. What is too long loses its oldest comments first, then the
 * end of its own text; a mark says so. Everything in it is a stranger's. Pure.
 */
import { cleanText } from '../../model/items.ts';
import { utf8Boundary } from '../../agent/truncate.ts';
import type { Comment, Issue, PullRequest } from '../../forge/forge.ts';

export interface LinkText {
  text: string;
  title: string;
  isCut: boolean;
}

const TITLE_CHARS = 300;
/** Of a name, a label, a branch. */
const NAME_CHARS = 200;
const LABELS_MOST = 20;
/** For the marks of what was left out. */
const MARK_BYTES = 120;

export function issueText(issue: Issue, maxBytes: number): LinkText {
  const { title, state, author, labels } = issue;
  const head = [
    `Title: ${line(title, TITLE_CHARS)}`,
    `State: ${state}; by ${name(author)}`,
    ...(labels.length === 0 ? [] : [`Labels: ${labels.slice(0, LABELS_MOST).map(name).join(', ')}`]),
  ];
  return fitted(head, issue, issue.comments, maxBytes, issue.commentsLeftOut);
}

export function pullText(pull: PullRequest, comments: readonly Comment[], maxBytes: number): LinkText {
  const { title, state, author, draft, head: from, base } = pull;
  const head = [
    `Title: ${line(title, TITLE_CHARS)}`,
    `State: ${draft && state === 'open' ? 'draft' : state}; by ${name(author)}`,
    `From ${name(from.branch)} (${name(from.sha)}) into ${name(base.branch)}`,
  ];
  return fitted(head, pull, comments, maxBytes);
}

function fitted(
  head: readonly string[],
  of: { title: string; body: string },
  comments: readonly Comment[],
  maxBytes: number,
  leftOut = 0,
): LinkText {
  const top = head.join('\n');
  const body = cleanText(of.body).trim();
  const texts = comments.map(commentText);
  const left = Math.max(0, maxBytes - size(top) - 2 * MARK_BYTES);
  const wanted = texts.reduce((sum, text) => sum + size(text), 0);
  const kept = cutTo(body, Math.max(Math.floor(left / 2), left - wanted));
  const newest = newestOf(texts, left - size(kept.text));
  const omitted = leftOut + texts.length - newest.texts.length;
  const parts = [
    top,
    ...(kept.text === '' ? [] : [kept.text]),
    ...(omitted > 0 ? [`[… ${omitted} older comments are left out here …]`] : []),
    ...newest.texts,
  ];
  return {
    text: parts.join('\n\n'),
    title: line(of.title, TITLE_CHARS),
    isCut: kept.isCut || newest.isCut || omitted > 0,
  };
}

/** As many as fit, the newest first; of one that alone is too long, its beginning. In their order. */
function newestOf(texts: readonly string[], maxBytes: number): { texts: string[]; isCut: boolean } {
  const kept: string[] = [];
  let left = maxBytes;
  for (const text of texts.toReversed()) {
    if (size(text) > left) break;
    kept.unshift(text);
    left -= size(text);
  }
  const last = texts.at(-1);
  if (kept.length > 0 || last === undefined || left <= MARK_BYTES) return { texts: kept, isCut: false };
  return { texts: [cutTo(last, left).text], isCut: true };
}

function commentText({ author, body, path, line: at, at: when }: Comment): string {
  const place = path === undefined ? '' : ` on ${name(path)}${at === undefined ? '' : `:${at}`}`;
  return `--- Comment by ${name(author)}${place}, ${dateOf(when)}\n${cleanText(body).trim()}`;
}

function cutTo(text: string, maxBytes: number): { text: string; isCut: boolean } {
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return { text, isCut: false };
  const kept = bytes.subarray(0, utf8Boundary(bytes, Math.max(0, maxBytes - MARK_BYTES)));
  const rest = bytes.length - kept.length;
  return { text: `${kept.toString('utf8')}\n[… ${rest} more bytes are left out here …]`, isCut: true };
}

function dateOf(at: number): string {
  const date = new Date(at);
  return Number.isNaN(date.getTime())
    ? 'at an unknown time'
    : date.toISOString().slice(0, 16).replace('T', ' ');
}

function name(text: string): string {
  return line(text, NAME_CHARS);
}

function line(text: string, maxChars: number): string {
  return cleanText(text).replaceAll(/\s+/g, ' ').trim().slice(0, maxChars).toWellFormed();
}

function size(text: string): number {
  return Buffer.byteLength(text) + 2;
}
