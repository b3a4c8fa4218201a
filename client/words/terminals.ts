/** What a terminal in a sandbox says of itself: at its beginning and at its end. */
import type { NotificationOf } from '../../protocol/rpc.ts';
import { TERMINAL_IDLE_MS } from '../../protocol/limits.ts';
import { english, fill, type Translate } from './template.ts';

/** `lost`: the connection to the backend. */
export type TerminalEndReason = NotificationOf<'terminal.ended'>['reason'] | 'lost';

export const TERMINAL_GREETING_WORDS = [
  'In the sandbox of “{title}”, without internet access. What you change here is there for the next turn, which takes the sandbox over.',
];
/** Its next turn sets up anew. */
export const TERMINAL_SETUP_GREETING_WORDS = [
  'In the sandbox of “{title}” as the failed setup left it, without internet access. It is for looking around: the next turn begins with a new one.',
];

export const TERMINAL_END_WORDS: Record<TerminalEndReason, readonly string[]> = {
  exited: ['The shell has ended with exit code {exitCode}.', 'The shell has ended.'],
  turnStarted: ['A turn has started and taken the sandbox over. Open a terminal again when it has ended.'],
  sandboxLost: ['The sandbox has stopped. Open a terminal again, or send a follow-up.'],
  idle: ['Nothing was typed or printed for {idleMs}: the terminal was closed.'],
  closed: ['The terminal was closed.'],
  lost: ['The connection to the backend was lost, and the terminal with it. Open it again.'],
};

export function terminalGreeting(
  { title, error }: { title: string; error?: { code: string } | undefined },
  t: Translate = english,
): string {
  return fill(
    error?.code === 'setupFailed' ? TERMINAL_SETUP_GREETING_WORDS : TERMINAL_GREETING_WORDS,
    { title },
    t,
  );
}

export function terminalEndWords(
  reason: TerminalEndReason,
  exitCode: number | null,
  t: Translate = english,
): string {
  return fill(TERMINAL_END_WORDS[reason], { exitCode: exitCode ?? '', idleMs: TERMINAL_IDLE_MS }, t);
}
