/** How much of a command fits where it is asked about, and what may be said to that much. Pure. */
import { ANSWERS, plainText } from '../../client/words/index.ts';
import type { ApprovalAnswer } from '../../protocol/approval.ts';

/** A notification wraps its text; a list cuts what is longer than its line. */
export const SHOWN_CHARS = { notification: 300, list: 70 } as const;

export interface Shown {
  line: string;
  /** Only who has seen all of it says yes. */
  answers: readonly ApprovalAnswer[];
}

export function shown(command: string, place: keyof typeof SHOWN_CHARS): Shown {
  const plain = plainText(command);
  const [first = ''] = plain.split('\n');
  const most = SHOWN_CHARS[place];
  if (plain.length <= most && first === plain) return { line: plain, answers: ANSWERS };
  return { line: `${first.slice(0, most)} …`, answers: ANSWERS.filter((answer) => answer === 'never') };
}
