/**
 * What is written into a pull request: title, body, message of a commit. Pure. It is text for a forge, in
 * English as the model's is, not for our own pages.
 */
import { PULL_BODY_CHARS } from '../../protocol/limits.ts';
import { AGENT, proposedTitle, type Author } from '../../protocol/pull-request.ts';
import type { CheckRun, Report } from '../../protocol/report.ts';
import { withoutCrud } from '../repos/commit.ts';

const CO_AUTHOR = `${AGENT.name} <${AGENT.email}>`;

/** What is left of a body is for its text. */
const CHECKS_CHARS = 20_000;

export interface Said {
  /** The task's. */
  title: string;
  answer: string | null;
  /** Of the turn that made the result; the proposal may be an earlier one's. */
  report: Pick<Report, 'proposal' | 'checks'> | null;
}

export interface TaskName {
  taskId: string;
  /** Of the task's page, where the backend has an address that others can open. */
  url: string | null;
}

export function titleOfPull({ title, report }: Said): string {
  return proposedTitle(report?.proposal?.title ?? title);
}

/** `template`: the repository's own, null when it has none. */
export function bodyOfPull(said: Said, template: string | null, name: TaskName): string {
  const text = (said.report?.proposal?.body ?? said.answer ?? '').trim();
  const parts = [
    template === null ? text : filledIn(template, text),
    checksOf(said.report?.checks ?? []),
    signature(name),
  ];
  const last = parts.slice(1).filter(Boolean).join('\n\n');
  const first = shortened(parts[0] ?? '', PULL_BODY_CHARS - last.length - 2);
  return [first, last].filter(Boolean).join('\n\n');
}

/** The text as it is when it has the template's headings already; else below the first of them. */
function filledIn(template: string, text: string): string {
  const lines = template.trim().split('\n');
  const headings = headingsOf(lines);
  const written = new Set(headingsOf(text.split('\n')).map(({ line }) => bare(line)));
  if (headings.length > 0 && headings.every(({ line }) => written.has(bare(line)))) return text;
  if (text === '') return template.trim();
  const at = (headings[0]?.index ?? -1) + 1;
  const [above, below] = [lines.slice(0, at), lines.slice(at)].map((part) => part.join('\n').trim());
  return [above, text, below].filter(Boolean).join('\n\n');
}

/** Those that are shown: what stands in a comment, or between fences, is none. */
function headingsOf(lines: readonly string[]): { line: string; index: number }[] {
  const found: { line: string; index: number }[] = [];
  let until: RegExp | null = null;
  for (const [index, line] of lines.entries()) {
    if (until !== null) {
      if (until.test(line)) until = null;
      continue;
    }
    const fence = /^ {0,3}(```|~~~)/.exec(line)?.[1];
    if (fence !== undefined) until = fence === '```' ? /^ {0,3}```+\s*$/ : /^ {0,3}~~~+\s*$/;
    else if (/<!--(?!.*-->)/.test(line)) until = /-->/;
    if (HEADING.test(line)) found.push({ line, index });
  }
  return found;
}

const HEADING = /^ {0,3}#{1,6}\s+\S/;
const bare = (line: string) => line.replace(/^[\s#]+|[\s#:]+$/g, '').toLowerCase();

function checksOf(checks: readonly CheckRun[]): string {
  if (checks.length === 0) return '';
  const lines = checks.map(({ command, outcome, note }) => {
    const said = { passed: 'passed', failed: 'failed', notRun: 'not run' }[outcome];
    return `- ${code(command)}: ${said}${note ? ` (${note.replace(/\s+/g, ' ')})` : ''}`;
  });
  let left = CHECKS_CHARS;
  const cut = lines.findIndex((line) => (left -= line.length) < 0);
  const shown = cut < 0 ? lines : [...lines.slice(0, cut), `- … and ${lines.length - cut} more`];
  return ['### Checks', '', ...shown].join('\n');
}

/** In as many backticks as it takes. */
function code(text: string): string {
  const line = text.replace(/\s+/g, ' ');
  const most = Math.max(0, ...[...line.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(most + 1);
  return most === 0 ? `\`${line}\`` : `${fence} ${line} ${fence}`;
}

function signature({ taskId, url }: TaskName): string {
  return `---\nTask ${url === null ? `\`${taskId}\`` : `[${taskId}](${url})`} · Co-authored by Codex`;
}

function shortened(text: string, chars: number): string {
  return text.length <= chars ? text : `${text.slice(0, chars - 1).toWellFormed()}…`;
}

/** Subject and trailers; the text is in the pull request. */
export function commitMessage(title: string, author: Author): string {
  const subject = title.replace(/[\s\0]+/g, ' ').trim();
  return `${subject}\n\nSigned-off-by: ${author.name} <${author.email}>\nCo-authored-by: ${CO_AUTHOR}\n`;
}

/** As git takes a name: nothing that ends a line or begins an address. Who signs off is who the commit is by. */
export function cleanAuthor({ name, email }: Author): Author {
  const clean = (text: string) => withoutCrud(text.replace(/[\x00-\x20\x7f<>]+/g, ' '));
  return {
    name: clean(name) || 'Codex Tasks',
    email: clean(email).replace(/\s+/g, '') || AGENT.email,
  };
}

/** The person's, where the request does not say: whoever the token is. */
export function authorOf(who: { account: string; name?: string; email?: string }, host: string): Author {
  return cleanAuthor({
    name: who.name ?? who.account,
    email: who.email ?? `${who.account}@users.noreply.${host.replace(/:\d+$/, '')}`,
  });
}
