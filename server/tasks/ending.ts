/**
 * The end of a turn, as one write: its event, its row and the task's, what becomes of attempts and of
 * questions that are open, and the end of its job.
 */
import { wireError, type WireError } from '../../protocol/errors.ts';
import type { NewEvent } from '../../protocol/events.ts';
import type { Tx } from '../store/store.ts';
import { dropOpen } from './approvals.ts';
import { endAttempts, reviewOf } from './attempts.ts';
import { storable, type TaskRow, type TurnRow } from './rows.ts';
import type { AttemptEnd } from './turn-context.ts';
import { updateTurn } from './turn-rows.ts';
import type { Also } from './writing.ts';

export type EndState = 'completed' | 'failed' | 'cancelled';
export type TurnEnd = Partial<
  Pick<Extract<NewEvent, { code: 'turn.finished' }>['params'], 'answer' | 'usage' | 'error' | 'report'>
>;

export interface EndingDeps {
  task: TaskRow;
  turn: TurnRow;
  redact: <T>(value: T) => T;
  endJob: (tx: Tx, jobId: string) => Promise<void>;
}

/** `events` come before what `also` adds. */
export function endingOf(
  { task, turn, redact, endJob }: EndingDeps,
  to: EndState,
  more: TurnEnd,
): { events: NewEvent[]; also: Also } {
  const now = Date.now();
  const of = { taskId: task.id, turn: turn.turn };
  const hasSeveral = task.attempts > 1;
  const answer = more.answer === undefined ? undefined : storable(redact(more.answer));
  const report = more.report === undefined ? undefined : redact(more.report);
  const finished: NewEvent = {
    code: 'turn.finished',
    params: {
      state: to,
      durationMs: Math.max(0, now - (turn.started_at ?? turn.created_at)),
      ...(answer === undefined ? {} : { answer }),
      ...(more.usage === undefined ? {} : { usage: more.usage }),
      ...(report === undefined ? {} : { report }),
      ...(more.error === undefined ? {} : { error: more.error }),
    },
  };
  const also: Also = async (tx, add) => {
    const chosen = hasSeveral ? await endAttempts(tx, of, redact(asAttempt(to, more.error)), add) : null;
    if (hasSeveral) await add(finished);
    const error = more.error ? JSON.stringify(redact(more.error)) : null;
    await updateTurn(
      tx,
      { task_id: task.id, turn: turn.turn },
      {
        state: to,
        finished_at: now,
        answer: answer ?? null,
        usage: more.usage ? JSON.stringify(more.usage) : null,
        report: report ? JSON.stringify(report) : null,
        error,
      },
    );
    if (turn.job_id) await endJob(tx, turn.job_id);
    await dropOpen(tx, of);
    const results = await tx
      .selectFrom('results')
      .select('summary')
      .where('task_id', '=', task.id)
      .where('turn', '=', turn.turn)
      .execute();
    const review = reviewOf(results.map((result) => result.summary));
    return { state: to, phase: null, error, ...(results.length === 0 ? {} : { review }), ...chosen };
  };
  return { events: hasSeveral ? [] : [finished], also };
}

/** What becomes of an attempt that its turn's end leaves open. */
function asAttempt(to: EndState, error: WireError | undefined): AttemptEnd {
  return to === 'failed' ? { state: to, error: error ?? wireError('internal') } : { state: 'cancelled' };
}
