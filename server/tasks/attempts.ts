/**
 * Several attempts at one turn, as rows: that one began, how it ended, and which one's result is the task's.
 *
 * A row is there from an attempt's start; its end and the event of it are one transaction, so that whoever
 * takes the turn up again runs what has no end yet, and nothing else.
 */
import { CodexError, wireError, type WireError } from '../../protocol/errors.ts';
import type { EventParams, NewEvent, PatchSummary } from '../../protocol/events.ts';
import type { ReviewState } from '../../protocol/states.ts';
import type { Db, Tx } from '../store/store.ts';
import { parsed, storable, type AttemptRow, type TaskRow } from './rows.ts';
import type { AttemptEnd } from './turn-context.ts';

interface OfTurn {
  taskId: string;
  turn: number;
}

/** Again is no harm: it goes on. */
export async function startAttempt(tx: Tx, { taskId, turn }: OfTurn, attempt: number): Promise<void> {
  await tx
    .insertInto('attempts')
    .values({
      task_id: taskId,
      turn,
      attempt,
      state: 'running',
      answer: null,
      error: null,
      usage: null,
      report: null,
      started_at: Date.now(),
      finished_at: null,
    })
    .onConflict((on) => on.columns(['task_id', 'turn', 'attempt']).doNothing())
    .execute();
}

/** Its event, to be stored in the same transaction. */
export async function endAttempt(
  tx: Tx,
  of: OfTurn,
  attempt: number,
  end: AttemptEnd,
): Promise<Extract<NewEvent, { code: 'attempt.finished' }>> {
  const now = Date.now();
  const answer = end.state === 'completed' ? storable(end.answer) : undefined;
  const error = end.state === 'failed' ? end.error : undefined;
  const { usage, report } = end;
  const row = await tx
    .updateTable('attempts')
    .set({
      state: end.state,
      answer: answer ?? null,
      error: asJson(error),
      usage: asJson(usage),
      report: asJson(report),
      finished_at: now,
    })
    .where('task_id', '=', of.taskId)
    .where('turn', '=', of.turn)
    .where('attempt', '=', attempt)
    .returning('started_at')
    .executeTakeFirstOrThrow();
  const params: EventParams<'attempt.finished'> = {
    state: end.state,
    durationMs: Math.max(0, now - row.started_at),
    ...(answer === undefined ? {} : { answer }),
    ...(error === undefined ? {} : { error }),
    ...(usage === undefined ? {} : { usage }),
    ...(report === undefined ? {} : { report }),
  };
  return { code: 'attempt.finished', attempt, params };
}

/** Of all that have begun, by number. */
export function attemptRows(db: Db, of: { taskId: string; turn?: number }): Promise<AttemptRow[]> {
  return db
    .selectFrom('attempts')
    .selectAll()
    .where('task_id', '=', of.taskId)
    .$if(of.turn !== undefined, (query) => query.where('turn', '=', of.turn ?? 0))
    .orderBy('turn')
    .orderBy('attempt')
    .execute();
}

/** Null: it has not ended. */
export function endOf(row: AttemptRow): AttemptEnd | null {
  const more = {
    ...optional('usage', parsed<EventParams<'attempt.finished'>['usage']>(row.usage)),
    ...optional('report', parsed<EventParams<'attempt.finished'>['report']>(row.report)),
  };
  switch (row.state) {
    case 'running':
      return null;
    case 'completed':
      return { state: 'completed', answer: row.answer ?? '', ...more };
    case 'failed':
      return { state: 'failed', error: parsed<WireError>(row.error) ?? wireError('internal'), ...more };
    case 'cancelled':
      return { state: 'cancelled', ...more };
  }
}

/** A retry keeps what was completed: the others go on from their history. */
export async function forgetUnfinished(tx: Tx, of: OfTurn): Promise<number[]> {
  const kept = (await attemptRows(tx, of)).filter((row) => row.state === 'completed');
  await tx
    .deleteFrom('attempts')
    .where('task_id', '=', of.taskId)
    .where('turn', '=', of.turn)
    .where('state', '<>', 'completed')
    .execute();
  return kept.map((row) => row.attempt);
}

/** The one that a task goes on from when nobody has chosen: the only one that completed. */
export async function onlyCompleted(db: Db, taskId: string): Promise<number | null> {
  const completed = (await attemptRows(db, { taskId, turn: 1 })).filter((row) => row.state === 'completed');
  return completed.length === 1 ? (completed[0]?.attempt ?? null) : null;
}

/** What a task's row says once an attempt is chosen. Throws `CodexError` choiceEmpty. */
export async function choiceOf(
  db: Db,
  taskId: string,
  attempt: number,
): Promise<Pick<TaskRow, 'chosen_attempt' | 'patch' | 'review'>> {
  // An answer alone can be gone on from, too.
  if (!(await choosable(db, taskId)).includes(attempt)) throw new CodexError('choiceEmpty', { attempt });
  const summary = await newestSummary(db, taskId, attempt);
  const review = reviewOf(summary === null ? [] : [summary]);
  return { chosen_attempt: attempt, patch: summary, review };
}

/** Those of a task whose first turn has ended. */
export async function choosable(db: Db, taskId: string): Promise<number[]> {
  const found: number[] = [];
  for (const { attempt, state } of await attemptRows(db, { taskId, turn: 1 })) {
    const summary = state === 'completed' ? null : await newestSummary(db, taskId, attempt);
    if (state === 'completed' || (summary !== null && reviewOf([summary]) === 'open')) found.push(attempt);
  }
  return found;
}

/** Whether there is something to look at; of JSON of `PatchSummary`. */
export function reviewOf(summaries: readonly string[]): ReviewState {
  return summaries.some((json) => (JSON.parse(json) as PatchSummary).files > 0) ? 'open' : 'none';
}

/** JSON of `PatchSummary`: of the newest turn that has a result. */
export async function newestSummary(db: Db, taskId: string, attempt: number): Promise<string | null> {
  const newest = await db
    .selectFrom('results')
    .select('summary')
    .where('task_id', '=', taskId)
    .where('attempt', '=', attempt)
    .orderBy('turn', 'desc')
    .limit(1)
    .executeTakeFirst();
  return newest?.summary ?? null;
}

function asJson(value: object | undefined): string | null {
  return value === undefined ? null : JSON.stringify(value);
}

function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return (value === undefined ? {} : { [key]: value }) as { [P in K]?: V };
}
