/** Questions before commands, as entries of a turn. Pure data. */
import type { ApprovalReason } from '../../protocol/approval.ts';
import type { EventParams } from '../../protocol/events.ts';

export interface Question {
  approvalId: string;
  command: string;
  cwd: string;
  reason: ApprovalReason;
  /** Empty while it is open; `none` when its turn ended without an answer. */
  answer: string;
}

export interface QuestionEntry {
  kind: 'approval';
  id: string;
  question: Question;
  rev: number;
}

type AnyEntry = { kind: string };

export function questionEntry(params: EventParams<'approval.requested'>): QuestionEntry {
  const { approvalId, command = '', cwd = '', reason = 'always' } = params;
  return {
    kind: 'approval',
    id: `approval-${approvalId}`,
    question: { approvalId, command, cwd, reason, answer: '' },
    rev: 0,
  };
}

/** Without an id: of all that are open. */
export function putAnswer(entries: readonly AnyEntry[], answer: string, approvalId?: string): void {
  for (const entry of entries.filter(isOpen)) {
    if (approvalId !== undefined && entry.question.approvalId !== approvalId) continue;
    entry.question.answer = answer;
    entry.rev++;
  }
}

/** Whether a question waits for its answer. */
export function isAsked(entries: readonly AnyEntry[]): boolean {
  return entries.some(isOpen);
}

function isOpen(entry: AnyEntry): entry is QuestionEntry {
  return entry.kind === 'approval' && (entry as QuestionEntry).question.answer === '';
}
