/**
 * A command that a call asks for: whether it may start, and what it came to. In order: have it approved →
 * item.started → run it in the sandbox under a name of our own → output events → item.completed.
 */
import { CodexError } from '../../protocol/errors.ts';
import type { CommandItem } from '../../protocol/items.ts';
import type { CommandResult } from '../sandbox/sandbox.ts';
import type { AgentInput } from './agent.ts';
import { cited, numberOf, type Ran } from './answers.ts';
import { approved, type Approved } from './approve.ts';
import {
  commandItem,
  forTheModel,
  headline,
  leavesRunning,
  startCommand,
  type RunningCommand,
} from './command.ts';
import type { OpenCall } from './history.ts';
import type { Notes } from './notes.ts';
import type { ShellCommand } from './read-call.ts';
import type { Sessions } from './sessions.ts';
import { showImages } from './shown-images.ts';

export type CallContext = Pick<
  AgentInput,
  | 'sandbox'
  | 'env'
  | 'limits'
  | 'cacheKey'
  | 'turn'
  | 'emit'
  | 'outputStored'
  | 'itemEnded'
  | 'pictures'
  | 'redactor'
  | 'approve'
> & { signal: AbortSignal; sessions: Sessions };

export const STOPPED = 'The command was not started: the turn was stopped.';

export async function runCommand(
  context: CallContext,
  open: OpenCall,
  id: string,
  command: ShellCommand,
  how: 'new' | 'joined',
): Promise<Ran> {
  const item = commandItem(id, numberOf(open), command);
  const go = await mayStart(context, open, id, item, command, how);
  if (go.kind === 'not') return go.ran;
  const running = await startCommand(context, { id, item, command, how, asked: go.asked });
  return ranOf(context, open, running);
}

export async function ranOf(
  context: CallContext,
  open: OpenCall,
  running: RunningCommand,
  text?: string,
): Promise<Ran> {
  const { result, notes, text: all, told } = await running.ended;
  const output = text ?? all;
  const showsImages = notes.notes.some((note) => note.kind === 'image');
  if (showsImages) await context.emit(...told);
  const shown = await shownBy(context, running, notes);
  const whole = cited(open, forTheModel(result, running.command, output)) + shown.text;
  const left = showsImages ? [] : told;
  return { result, text: whole, output: output + shown.text, images: shown.images, told: left };
}

function shownBy(context: CallContext, { id, command }: RunningCommand, notes: Notes) {
  const paths = notes.notes.flatMap((note) => (note.kind === 'image' ? [note.path] : []));
  return showImages(context, id, command.cwd, paths);
}

type MayStart = { kind: 'go'; asked: boolean } | { kind: 'not'; ran: Ran };

export async function mayStart(
  context: CallContext,
  open: OpenCall,
  id: string,
  item: CommandItem,
  command: ShellCommand,
  how: 'new' | 'joined',
): Promise<MayStart> {
  const { emit, signal } = context;
  if (leavesRunning(signal)) throw new CodexError('cancelled');
  if (signal.aborted) return { kind: 'not', ran: notStarted(null, STOPPED) };
  if (how === 'joined') return { kind: 'go', asked: false };
  const verdict = await asked(context, id, command);
  if (verdict === null) return { kind: 'not', ran: notStarted(null, STOPPED) };
  if (verdict.kind === 'run') return { kind: 'go', asked: verdict.asked };
  await emit({ code: 'item.completed', params: { item: { ...item, end: 'denied' } } });
  const result = { ...DENIED, reason: verdict.reason };
  return { kind: 'not', ran: notStarted(result, cited(open, headline(result, command))) };
}

const DENIED = { end: 'denied', exitCode: 126, durationMs: 0, outputBytes: 0, droppedBytes: 0 } as const;

function notStarted(result: CommandResult | null, text: string): Ran {
  return { result, text, output: '', images: [], told: [] };
}

export async function asked(
  context: CallContext,
  id: string,
  command: ShellCommand,
): Promise<Approved | null> {
  const { approve, sandbox, signal } = context;
  if (!approve) return { kind: 'run', asked: false };
  return untilAnswered(approved(approve, id, command, sandbox.workdir, signal), signal);
}

/** Null when the turn was stopped while it waited; a turn that has another owner leaves the question to it. */
async function untilAnswered(verdict: Promise<Approved>, signal: AbortSignal): Promise<Approved | null> {
  try {
    const approved = await verdict;
    if (leavesRunning(signal)) throw new CodexError('cancelled');
    return signal.aborted ? null : approved;
  } catch (error) {
    if (signal.aborted && !leavesRunning(signal)) return null;
    throw error;
  }
}
