/** What an answer reports, as the page needs it. Pure. */
import type { Finding, FollowUp } from '../../protocol/report.ts';
import type { Place } from '../markdown/parse.ts';
import { t } from '../words.ts';

/** What has to be done first, and of that what is most certain. */
export function byPriority(findings: readonly Finding[]): Finding[] {
  return [...findings].sort((a, b) => a.priority - b.priority || b.confidence - a.confidence);
}

export function placeOfFinding({ path, startLine, endLine }: Finding): Place {
  return endLine > startLine ? { path, line: startLine, endLine } : { path, line: startLine };
}

/** The prompt of a turn that mends it. */
export function fixPrompt(finding: Finding): string {
  const { path, line, endLine } = placeOfFinding(finding);
  const place = endLine === undefined ? `${path}:${line}` : `${path}:${line}-${endLine}`;
  return [t('Fix this finding of the review, in {place}:', { place }), finding.title, finding.body]
    .filter((part) => part !== '')
    .join('\n\n');
}

/**
 * The same suggestion has the same id wherever and however often it is started, so that it is one task; an
 * answer that was made anew suggests something else.
 */
export function followUpId(
  where: { taskId: string; turn: number; attempt: number },
  index: number,
  followUp: FollowUp,
): string {
  return `suggested-${where.taskId}-${where.turn}-${where.attempt}-${index}-${hash(followUp.prompt)}`;
}

/** FNV-1a: tells texts apart that nobody makes to be alike. */
function hash(text: string): string {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  return (value >>> 0).toString(36);
}
