/**
 * Calls that have to do with the background: one that starts a command there, and one that looks at it,
 * types into it or stops it. Each tells what the model has not had yet, and marks how far that went.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { CodexError } from '../../protocol/errors.ts';
import { KILL_GRACE_MS } from '../../protocol/limits.ts';
import { outputFor } from '../model/items.ts';
import { answerOf, cited, numberOf, plainAnswer, type Answer } from './answers.ts';
import { asked, mayStart, ranOf, STOPPED, type CallContext } from './call-command.ts';
import { commandItem, leavesRunning, startCommand, type RunningCommand } from './command.ts';
import { safeCallId, type OpenCall } from './history.ts';
import type { Read } from './read-call.ts';
import { MAX_SESSIONS, withMark, type SessionMark } from './sessions.ts';

/** A look returns once something new was printed and nothing more came for so long. */
const QUIET_MS = 500;
/** A command that is told to stop gets this long to say its last words. */
const STOP_WAIT_MS = KILL_GRACE_MS + 1_000;

export async function runInBackground(
  context: CallContext,
  open: OpenCall,
  id: string,
  { command, yieldMs }: Read<'background'>,
  how: 'new' | 'joined',
): Promise<Answer> {
  const { sessions, signal } = context;
  const number = numberOf(open);
  const item = commandItem(id, number, command);
  const go = await mayStart(context, open, id, item, command, how);
  if (go.kind === 'not') return answerOf(open, [go.ran]);
  if (!sessions.takeRoom()) {
    return plainAnswer(outputFor(open.call, cited(open, TOO_MANY)));
  }
  const running = await startCommand(context, { id, item, command, how, asked: go.asked });
  sessions.start(number, running);
  await firstOf(yieldMs, signal, [running.ended]);
  return told(context, open, number, running);
}

const TOO_MANY = `The command was not started: ${MAX_SESSIONS} run in the background already. End one with shell_session first.`;

/** Types or stops if that is wanted, waits for something new, and tells it. */
export async function lookAtSession(
  context: CallContext,
  open: OpenCall,
  read: Read<'session'>,
): Promise<Answer> {
  const { sessions, signal } = context;
  return sessions.inOrder(read.session, async () => {
    if (leavesRunning(signal)) throw new CodexError('cancelled');
    const running = sessions.get(read.session);
    if (!running) return plainAnswer(outputFor(open.call, sessions.whyNone(read.session)));
    const refusal = read.input === '' ? null : await typeInto(context, open, running, read.input);
    if (refusal !== null) return plainAnswer(outputFor(open.call, refusal));
    if (read.stop) {
      running.stop();
      await firstOf(STOP_WAIT_MS, signal, [running.ended]);
    } else {
      await somethingNew(running, read.waitMs, signal);
    }
    return told(context, open, read.session, running);
  });
}

/** Null when it was typed, else why it was not. What is typed is a command like any other. */
async function typeInto(
  context: CallContext,
  open: OpenCall,
  running: RunningCommand,
  input: string,
): Promise<string | null> {
  const { sandbox, signal } = context;
  if (signal.aborted) return STOPPED;
  const id = safeCallId(context.cacheKey, open);
  const typed = input.replaceAll(/[\u0003\u0004]/g, '').trim();
  if (typed !== '') {
    const { cwd, timeoutMs } = running.command;
    const verdict = await asked(context, id, { display: typed, argv: ['bash', '-c', typed], cwd, timeoutMs });
    if (verdict === null) return STOPPED;
    if (verdict.kind === 'denied') {
      return `Nothing was typed: ${verdict.reason}. Do not look for a way around it; go on without it, or say in your answer that it is needed.`;
    }
  }
  try {
    await sandbox.input(running.id, id, Buffer.from(input));
    return null;
  } catch (error) {
    if (!(error instanceof CodexError)) throw error;
    if (error.code === 'notFound') return 'Nothing was typed: this command takes no input.';
    if (error.code === 'conflict') {
      return 'Nothing was typed: the program has not read what was typed before. Look again later, or stop it.';
    }
    throw error;
  }
}

/** Until something that was not told has been printed and it is quiet, until the end, or until the time is up. */
async function somethingNew(running: RunningCommand, waitMs: number, signal: AbortSignal): Promise<void> {
  const until = Date.now() + waitMs;
  const ended = running.ended.catch(() => {}).then(() => 'ended' as const);
  while (!running.isOver && !signal.aborted) {
    const left = until - Date.now();
    if (left <= 0) return;
    const ms = running.output.isEmpty ? left : Math.min(QUIET_MS, left);
    const changed = running.changed.then(() => 'changed' as const);
    const first = await firstOf(ms, signal, [ended, changed]);
    if (first !== 'changed') return;
  }
}

async function told(
  context: CallContext,
  open: OpenCall,
  session: number,
  running: RunningCommand,
): Promise<Answer> {
  if (leavesRunning(context.signal)) throw new CodexError('cancelled');
  // A run that fails has no result, and says so now.
  const hasEnded = running.isOver;
  if (hasEnded) await running.ended;
  const { text, cutBytes, seen } = running.output.take(hasEnded);
  if (cutBytes > 0) {
    const value = context.limits.modelOutputTokens;
    await context.emit({
      code: 'limit.reached',
      params: { limit: 'modelOutputTokens', value, itemId: running.id },
    });
  }
  const mark: SessionMark = { session, seen, running: !hasEnded };
  if (!hasEnded) {
    const seconds = ((Date.now() - running.startedAt) / 1000).toFixed(1);
    const lines = [`Session: ${session} (still running)`, `Wall time: ${seconds} seconds`];
    const output = outputFor(open.call, `${cited(open, lines.join('\n'))}\nOutput:\n${text}`);
    return plainAnswer(withMark(output, mark));
  }
  const ran = await ranOf(context, open, running, text);
  const answer = answerOf(open, [ran]);
  return { ...answer, output: withMark(answer.output, mark) };
}

/** Undefined: none of these within the time, or it was aborted, or what was waited for has failed. */
async function firstOf<T>(
  ms: number,
  signal: AbortSignal,
  events: readonly Promise<T>[],
): Promise<T | undefined> {
  const over = new AbortController();
  try {
    const timer = delay(ms, undefined, { signal: AbortSignal.any([signal, over.signal]) });
    return await Promise.race([...events, timer]);
  } catch {
    return undefined;
  } finally {
    // A chatty command would leave one timer behind for each thing that it says.
    over.abort();
  }
}
