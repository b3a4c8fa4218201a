/**
 * What is taken of a turn that has ended: its patches into files, and one of them into the repository when
 * that was asked for. Of several attempts all are taken; which one counts is said, asked, or left open.
 */
import { createInterface } from 'node:readline/promises';
import type { BackendConnection } from '../../client/connection/index.ts';
import { CodexError, errorText } from '../../protocol/errors.ts';
import { NO_USAGE } from '../../protocol/events.ts';
import type { AttemptResult, RunResult } from '../../protocol/result.ts';
import type { AttemptView, TaskView } from '../../protocol/rpc.ts';
import { applyResult, savePatch } from './deliver.ts';
import type { RunOptions } from './options.ts';
import type { Output } from './output.ts';
import { resultOf, type TurnView } from './task.ts';

export interface Place {
  root: string;
  /** A terminal to ask on, else null. */
  terminal: { input: NodeJS.ReadableStream; output: NodeJS.WritableStream } | null;
  output: Pick<Output, 'note' | 'warn' | 'attempts'>;
  signal: AbortSignal;
}

export interface Taken {
  result: RunResult;
  /** Whose changes are shown. */
  attempt: AttemptView | null;
}

type Connection = Pick<BackendConnection, 'call' | 'patch'>;
type Saved = { bytes: Uint8Array; patch: NonNullable<RunResult['patch']> };

export async function takeOne(
  connection: Connection,
  { id: taskId }: TaskView,
  view: TurnView,
  options: RunOptions,
  place: Place,
): Promise<Taken> {
  const attempt = view.attempts[0] ?? null;
  if (!attempt) return { result: resultOf(taskId, view, null), attempt };
  let saved: Saved | null;
  try {
    saved = await save(connection, { taskId, turn: view.turn, attempt }, options, options.output, false);
  } catch (error) {
    // The answer is still worth having.
    return { result: failed(resultOf(taskId, view, null), asCodexError(error, place.signal)), attempt };
  }
  const result = resultOf(taskId, view, saved?.patch ?? null);
  if (!saved || !options.apply || result.status !== 'completed') return { result, attempt };
  return { result: await apply(connection, result, saved.bytes, options, place), attempt };
}

export async function takeSeveral(
  connection: Connection,
  task: TaskView,
  view: TurnView,
  options: RunOptions,
  place: Place,
): Promise<Taken> {
  const { id: taskId } = task;
  const { turn } = view;
  const saved = new Map<number, Saved>();
  let result = resultOf(taskId, view, null);
  try {
    for (const attempt of view.attempts) {
      const one = await save(connection, { taskId, turn, attempt }, options, null, true);
      if (one) saved.set(attempt.attempt, one);
    }
  } catch (error) {
    result = failed(result, asCodexError(error, place.signal));
  }
  result = {
    ...result,
    chosenAttempt: null,
    attemptResults: view.attempts.flatMap((one) => attemptResult(one, saved.get(one.attempt)) ?? []),
  };
  place.output.attempts(view.attempts);
  let chosen: number | null;
  try {
    chosen = await choose(connection, task, view, options, place);
  } catch (error) {
    return { result: failed(result, asCodexError(error, place.signal)), attempt: null };
  }
  const attempt = view.attempts.find((one) => one.attempt === chosen);
  if (!attempt) {
    place.output.note(`Choose one with: codex-tasks choose ${taskId} N`);
    return { result, attempt: null };
  }
  result = { ...result, chosenAttempt: chosen, answer: attempt.answer ?? '' };
  const mine = saved.get(attempt.attempt);
  if (!mine) return { result, attempt };
  let path = mine.patch.path;
  try {
    const at = { taskId, turn, dataDir: options.own.dataDir, output: options.output };
    if (options.output !== null) path = await savePatch(mine.bytes, at);
  } catch (error) {
    result = failed(result, asCodexError(error, place.signal));
  }
  result = { ...result, patch: { ...mine.patch, path } };
  const isDone = result.status === 'completed' && attempt.state === 'completed';
  if (!options.apply || !isDone) return { result, attempt };
  return { result: await apply(connection, result, mine.bytes, options, place), attempt };
}

async function save(
  connection: Connection,
  of: { taskId: string; turn: number; attempt: AttemptView },
  { own }: RunOptions,
  output: string | null,
  isOneOfSeveral: boolean,
): Promise<Saved | null> {
  const { taskId, turn } = of;
  const { attempt, patch } = of.attempt;
  if (!patch || patch.files === 0) return null;
  const bytes = await connection.patch(taskId, turn, attempt);
  const at = { taskId, turn, dataDir: own.dataDir, output, ...(isOneOfSeveral ? { attempt } : {}) };
  const path = await savePatch(bytes, at);
  const { files, added, removed } = patch;
  return { bytes, patch: { path, files, added, removed, bytes: bytes.length } };
}

async function apply(
  connection: Connection,
  result: RunResult,
  bytes: Uint8Array,
  { own }: RunOptions,
  { root, output }: Place,
): Promise<RunResult> {
  const taskId = result.taskId ?? '';
  const applied = await applyResult(bytes, root, own.dataDir, { taskId, turn: result.turn });
  for (const line of applied.lines) output.note(line);
  await connection.call('task.review', { taskId, review: applied.whole ? 'applied' : 'partly' });
  return applied.whole ? result : { ...result, status: 'failed', error: applied.error };
}

/** Null: it is left open. Throws `CodexError` choiceEmpty. */
async function choose(
  connection: Connection,
  task: TaskView,
  view: TurnView,
  options: RunOptions,
  { terminal }: Place,
): Promise<number | null> {
  const known = task.chosenAttempt ?? null;
  const asks = options.apply && options.choose === null && known === null && terminal !== null;
  const withResult = view.attempts.filter((one) => one.state === 'completed').map((one) => one.attempt);
  const wanted = asks && withResult.length > 0 ? await askWhich(withResult, terminal) : options.choose;
  if (wanted === null || wanted === known) return known;
  await connection.call('attempt.choose', { taskId: task.id, attempt: wanted });
  return wanted;
}

async function askWhich(
  attempts: readonly number[],
  { input, output }: NonNullable<Place['terminal']>,
): Promise<number | null> {
  const reader = createInterface({ input, output });
  reader.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  const closed = new AbortController();
  reader.once('close', () => closed.abort());
  try {
    for (;;) {
      const question = `Which one goes into the repository? [${attempts.join(', ')}, none]: `;
      const said = (await reader.question(question, { signal: closed.signal })).trim().toLowerCase();
      if (said === 'none' || said === 'n') return null;
      const attempt = attempts.find((one) => String(one) === said);
      if (attempt !== undefined) return attempt;
    }
  } catch (error) {
    if (closed.signal.aborted) return null;
    throw error;
  } finally {
    reader.close();
  }
}

function attemptResult(view: AttemptView, saved: Saved | undefined): AttemptResult | null {
  const { attempt, state, answer = '', usage = NO_USAGE, error } = view;
  if (state === undefined || state === 'running') return null;
  const patch = saved?.patch ?? null;
  return { attempt, status: state, answer, patch, usage, ...(error ? { error } : {}) };
}

function failed(result: RunResult, error: CodexError): RunResult {
  return { ...result, status: 'failed', error: error.wire };
}

export function asCodexError(error: unknown, signal: AbortSignal): CodexError {
  if (signal.aborted) return new CodexError('cancelled');
  if (error instanceof CodexError) return error;
  return new CodexError('internal', {}, { detail: errorText(error), cause: error });
}
