/** What a terminal in a sandbox says of itself: at its beginning and at its end. */
import type { WireError } from '../../protocol/errors.ts';
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

/** By the parameter that says why: whose task it is, the person knows. */
export const TERMINAL_UNAVAILABLE_WORDS: Record<string, string> = {
  missing:
    'A terminal can’t be opened: the image has no {missing} and no python3. Install one of them in the setup script.',
  most: 'A terminal can’t be opened: {most} are open already. Close one of them.',
  oldSandbox:
    'A terminal can’t be opened in a sandbox that an older version made. Send a follow-up, then open one.',
  busyTask: 'A terminal can’t be opened while a turn uses the sandbox. Wait until it has ended.',
  noSandbox: 'A terminal can’t be opened: the sandbox is gone. Send a follow-up or retry, then open one.',
};

/** Null for any other error, and for one of a newer backend. */
export function terminalUnavailableWords({ code, params }: WireError, t: Translate): string | null {
  if (code !== 'terminalUnavailable') return null;
  const why = Object.keys(TERMINAL_UNAVAILABLE_WORDS).find((name) => (params[name] ?? '') !== '');
  const words = why === undefined ? undefined : TERMINAL_UNAVAILABLE_WORDS[why];
  return words === undefined ? null : fill([words], params, t);
}

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
