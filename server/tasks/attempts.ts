/**
 * Several attempts at one turn, as rows: that one began, how it ended, and which one's result is the task's.
 *
 * A row is there from an attempt's start; its end and the event of it are one transaction, so that whoever
 * takes the turn up again runs what has no end yet, and nothing else.
 */
import { CodexError, wireError, type WireError } from '../../protocol/errors.ts';
import type { EventParams, NewEvent, PatchSummary } from '../../protocol/events.ts';
import { hasEnded, type ReviewState } from '../../protocol/states.ts';
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

/** What changes in the task's row when one of several began or ended. */
export async function attemptsDone(tx: Tx, of: OfTurn): Promise<Partial<TaskRow>> {
  const rows = await attemptRows(tx, of);
  return { attempts_done: rows.filter(({ state }) => state !== 'running').length };
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

/**
 * With their turn: none is left open, and the only one that completed is the task's. What changes in the
 * task's row, if anything.
 */
export async function endAttempts(
  tx: Tx,
  of: OfTurn,
  open: AttemptEnd,
  add: (event: NewEvent) => Promise<void>,
): Promise<Partial<TaskRow> | null> {
  const rows = await attemptRows(tx, of);
  for (const { attempt, state } of rows) {
    if (state === 'running') await add(await endAttempt(tx, of, attempt, open));
  }
  const [only, ...more] = rows.filter((row) => row.state === 'completed');
  if (only === undefined || more.length > 0) return null;
  await add(chosenEvent(only.attempt));
  return choiceOf(tx, of.taskId, only.attempt);
}

/**
 * The person's choice, in the transaction that has locked the task: what changes in its row. Throws
 * `CodexError` conflict while a turn runs, choiceEmpty when there is nothing to choose, choiceFixed when a
 * follow-up has gone on from another one.
 */
export async function choose(
  tx: Tx,
  task: TaskRow,
  attempt: number,
  add: (event: NewEvent) => Promise<void>,
): Promise<Partial<TaskRow>> {
  if (attempt > task.attempts) throw new CodexError('choiceEmpty', { attempt });
  if (task.attempts === 1 || task.chosen_attempt === attempt) return {};
  if (task.turns > 1) throw new CodexError('choiceFixed', { attempt: task.chosen_attempt ?? 1 });
  if (!hasEnded(task.state)) throw new CodexError('conflict', { state: task.state });
  const choice = await choiceOf(tx, task.id, attempt);
  await add(chosenEvent(attempt));
  return choice;
}

const chosenEvent = (attempt: number): NewEvent => ({ code: 'attempt.chosen', attempt, params: { attempt } });

/** Before a follow-up. Throws `CodexError` choiceNeeded, or choiceEmpty when there is nothing to choose. */
export async function checkChosen(tx: Tx, task: TaskRow): Promise<void> {
  if (task.attempts === 1 || task.chosen_attempt !== null) return;
  const { length } = await choosable(tx, task.id);
  if (length === 0) throw new CodexError('choiceEmpty');
  throw new CodexError('choiceNeeded', { attempts: task.attempts });
}

/** What a task's row says once an attempt is chosen. */
async function choiceOf(
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
async function choosable(db: Db, taskId: string): Promise<number[]> {
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
