/**
 * The report of an answer: the block at its end, read and checked entry by entry. What a model writes is
 * hostile and seldom exact: what is only said differently is taken as meant, an entry that cannot be used
 * is left out by itself, and a finding that is left out is put into the text, so that nothing is lost. Pure.
 */
import { posix } from 'node:path';
import type { z } from 'zod';
import type { Report } from '../../protocol/report.ts';
import { CheckRun, Finding, FollowUp, Proposal, Reviewed, Verdict } from '../../protocol/report.ts';
import { cleanText } from '../model/items.ts';
import { splitReport } from './report-block.ts';

export interface Answer {
  text: string;
  report?: Report;
}

export function readReport(whole: string, workdir: string): Answer {
  const { text: kept, blocks } = splitReport(whole);
  const read = blocks.map((block) => ({ block: block.trim(), json: looseJson(block) }));
  // Not to be read by us; a person may.
  const unread = read.filter(({ block, json }) => block !== '' && !isRecord(json));
  const shownBlocks = unread.map(({ block }) => `\`\`\`json\n${block}\n\`\`\``);
  const text = shownBlocks.reduce(joined, kept);
  const json = read.findLast((one) => isRecord(one.json))?.json;
  if (!isRecord(json)) return { text };
  const findings = entries(json['findings']).map((raw) => ({ raw, finding: finding(raw, workdir) }));
  const lost = findings.flatMap(({ raw, finding: kept }) => (kept ? [] : [raw]));
  const report: Report = {
    followUps: list(json['followUps'], FollowUp, shortened({ title: 120, prompt: 8_000 }), 10),
    findings: findings.flatMap(({ finding: kept }) => (kept ? [kept] : [])).slice(0, MAX_FINDINGS),
    checks: list(json['checks'], CheckRun, shortened({ command: 1_000, note: 1_000 }), 50),
    ...optional('verdict', Verdict, shortened({ explanation: 4_000 })(json['verdict'])),
    ...optional('proposal', Proposal, shortened({ title: 200, body: 16_000 })(json['proposal'])),
    ...optional('reviewed', Reviewed, shortened({ base: 200, head: 200 })(json['reviewed'])),
  };
  const over = findings.flatMap(({ finding: kept }) => (kept ? [kept] : [])).slice(MAX_FINDINGS);
  const told = [...over, ...lost].map(findingText).filter((one) => one !== '');
  const shown = told.length === 0 ? text : joined(text, `## Further findings\n\n${told.join('\n')}`);
  return isEmpty(report) ? { text: shown } : { text: shown, report };
}

const MAX_FINDINGS = 50;

/** A finding as a line of a list: for those that have no place beside the text. */
export function findingText(of: unknown): string {
  if (!isRecord(of)) return typeof of === 'string' && of.trim() !== '' ? `- ${oneParagraph(of)}` : '';
  const { title, body, path, priority } = of;
  const line = of['startLine'];
  const place = typeof path === 'string' ? ` (${path}${typeof line === 'number' ? `:${line}` : ''})` : '';
  const weight = typeof priority === 'number' ? `[P${priority}] ` : '';
  const texts = [title, body].filter((one) => typeof one === 'string').map(oneParagraph);
  const [first = '', ...rest] = texts.filter((one) => one !== '');
  if (first === '' && place === '') return '';
  return `- ${weight}**${first}**${place}${rest.length > 0 ? `: ${rest.join(' ')}` : ''}`;
}

export function joined(text: string, more: string): string {
  return text.trim() === '' ? more : `${text.trimEnd()}\n\n${more}`;
}

function finding(raw: unknown, workdir: string): Finding | null {
  if (!isRecord(raw)) return null;
  const path = typeof raw['path'] === 'string' ? inRepository(raw['path'], workdir) : null;
  if (path === null) return null;
  const [from, to] = [raw['startLine'] ?? raw['line'], raw['endLine'] ?? raw['startLine'] ?? raw['line']];
  const lines = typeof from === 'number' && typeof to === 'number' ? [from, to].sort((a, b) => a - b) : [];
  const parsed = Finding.safeParse({
    ...(shortened({ title: 120, body: 4_000 })(raw) as object),
    body: typeof raw['body'] === 'string' ? cut(cleanText(raw['body']), 4_000) : '',
    path,
    priority: priorityOf(raw['priority']),
    confidence: raw['confidence'] ?? 0.5,
    startLine: lines[0],
    endLine: lines[1],
  });
  return parsed.success ? parsed.data : null;
}

/** 1, "1" and "P1" say the same. */
function priorityOf(value: unknown): unknown {
  const match = typeof value === 'string' ? /^\[?P?([0-3])\]?$/i.exec(value.trim()) : null;
  return match ? Number(match[1]) : value;
}

/** From the repository's root, with `/`; null for what lies outside of it. */
function inRepository(path: string, workdir: string): string | null {
  const clean = cleanText(path.trim());
  if (clean === '') return null;
  const relative = posix.relative(workdir, posix.resolve(workdir, clean));
  return relative === '' || relative === '..' || relative.startsWith('../') ? null : relative;
}

function list<T>(
  raw: unknown,
  schema: z.ZodType<T>,
  prepare: (entry: unknown) => unknown,
  most: number,
): T[] {
  return entries(raw)
    .flatMap((entry) => {
      const parsed = schema.safeParse(prepare(entry));
      return parsed.success ? [parsed.data] : [];
    })
    .slice(0, most);
}

function optional<K extends string, T>(key: K, schema: z.ZodType<T>, raw: unknown): { [P in K]?: T } {
  const parsed = schema.safeParse(raw);
  return (parsed.success ? { [key]: parsed.data } : {}) as { [P in K]?: T };
}

/** Texts that are too long are cut with a mark: half a prompt says more than none. */
function shortened(most: Readonly<Record<string, number>>): (entry: unknown) => unknown {
  return (entry) => {
    if (!isRecord(entry)) return entry;
    const copy: Record<string, unknown> = { ...entry };
    for (const [key, chars] of Object.entries(most)) {
      const value = copy[key];
      if (typeof value === 'string') copy[key] = cut(cleanText(value), chars);
      // Some models write out what is not there.
      else if (value === null) delete copy[key];
    }
    return copy;
  };
}

function cut(text: string, chars: number): string {
  const trimmed = text.trim();
  return trimmed.length <= chars ? trimmed : `${trimmed.slice(0, chars - 1).toWellFormed()}…`;
}

/** JSON, also with a comma too many. */
function looseJson(text: string): unknown {
  const tries = [text, text.replaceAll(/,(\s*[}\]])/g, '$1')];
  for (const one of tries) {
    try {
      return JSON.parse(one);
    } catch {
      // The next one.
    }
  }
  return undefined;
}

function entries(raw: unknown): unknown[] {
  return Array.isArray(raw) ? raw : [];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isEmpty(report: Report): boolean {
  return Object.values(report).every((part) => Array.isArray(part) && part.length === 0);
}

function oneParagraph(text: string): string {
  return cleanText(text).replaceAll(/\s+/g, ' ').trim();
}
