/**
 * What is written into a pull request, by the backend or by a client: the agent's text in the repository's own
 * template, the checks that ran, the task. Pure. It is text for a forge, in English as the model's is.
 */
import type { ForgeKind } from './forge.ts';
import { PULL_BODY_CHARS } from './limits.ts';
import type { CheckRun, Report } from './report.ts';

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

interface TemplatePlace {
  kind: ForgeKind;
  /** Of the repository; empty: its root. */
  folder: string;
  /** In any case. */
  name: RegExp;
}

const GITHUBS = /^pull_request_template(\.(md|markdown|txt))?$/i;

/** Where a repository keeps its template, in the order in which forges look. */
export const TEMPLATE_PLACES: readonly TemplatePlace[] = [
  { kind: 'github', folder: '.github', name: GITHUBS },
  { kind: 'github', folder: '', name: GITHUBS },
  { kind: 'github', folder: 'docs', name: GITHUBS },
  { kind: 'gitlab', folder: '.gitlab/merge_request_templates', name: /^default\.md$/i },
];

/** Of a file's bytes; null: no text, or nothing in it. */
export function templateText(bytes: Uint8Array): string | null {
  const text = new TextDecoder().decode(bytes).replaceAll('\r\n', '\n').trim();
  return text === '' || text.includes('\0') ? null : text;
}
