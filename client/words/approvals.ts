/** Why a command is asked about, and what can be said. The command itself is shown so that nothing in it hides. */
import type { ApprovalAnswer, ApprovalReason } from '../../protocol/approval.ts';
import type { Translate } from './template.ts';

/** In the order in which they are offered. */
export const ANSWERS: readonly ApprovalAnswer[] = ['once', 'task', 'never'];

export const APPROVAL_REASON_WORDS: Record<ApprovalReason, string> = {
  always: 'Every command is asked about in this environment.',
  deletes: 'It deletes files or changes that can not be brought back.',
  network: 'It reaches for the network.',
  privilege: 'It changes rights, or runs with the rights of another user.',
  outside: 'It writes outside the repository and the temporary folders.',
  publishes: 'It publishes: others will see what it sends.',
  unreadable: 'What it would run can not be told for certain before it runs.',
};

export const ANSWER_WORDS: Record<ApprovalAnswer, string> = {
  once: 'Run Once',
  task: 'Allow for This Task',
  never: 'Don’t Run',
};

export const ANSWERED_WORDS: Record<ApprovalAnswer, string> = {
  once: 'allowed once',
  task: 'allowed for this task',
  never: 'not run',
};

export function isAnswer(text: string): text is ApprovalAnswer {
  return (ANSWERS as readonly string[]).includes(text);
}

export function askWords(
  asked: { command: string; cwd: string; reason: ApprovalReason; title: string },
  t: Translate,
): string {
  return t('“{title}” asks to run in {cwd}: {command} — {why}', {
    title: asked.title,
    cwd: plainText(asked.cwd),
    command: plainText(asked.command),
    why: t(APPROVAL_REASON_WORDS[asked.reason], {}),
  });
}

const HIDDEN =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

/** What would not be seen, or would turn the direction of the text, is written out. */
export function plainText(text: string): string {
  return text.replace(HIDDEN, (mark) => `\\u{${mark.charCodeAt(0).toString(16)}}`);
}
