/**
 * A turn gets its next owner, in the caller's transaction: whoever has its job takes it up with the next
 * generation. And which turns were left without one.
 */
import { sql } from 'kysely';
import type { Attachment, WireEvent } from '../../protocol/events.ts';
import { hasEnded } from '../../protocol/states.ts';
import type { Tx } from '../store/store.ts';
import { appendEvents } from './events.ts';
import { attemptsOf, parsed, type TaskRow, type TurnRow } from './rows.ts';
import { lockTask } from './turn-rows.ts';

/** Null when the job is not the turn's any more. */
export async function takeUp(
  tx: Tx,
  { jobId, taskId, turn }: { jobId: string; taskId: string; turn: number },
  eventBytes: number,
): Promise<{ task: TaskRow; turn: TurnRow; events: WireEvent[] } | null> {
  const locked = await lockTask(tx, taskId);
  const row = locked
    ? await tx
        .updateTable('turns')
        .set((eb) => ({
          generation: eb('generation', '+', 1),
          state: 'preparing' as const,
          steerable: true,
          started_at: sql<number>`coalesce(started_at, ${Date.now()})`,
        }))
        .where('task_id', '=', taskId)
        .where('turn', '=', turn)
        .where('job_id', '=', jobId)
        .where('finished_at', 'is', null)
        .returningAll()
        .executeTakeFirst()
    : undefined;
  if (!row) return null;
  const { prompt, mode, generation } = row;
  const images = parsed<Attachment[]>(row.images);
  const events = await appendEvents(
    tx,
    { taskId, turn, generation },
    [{ code: 'turn.started', params: { prompt, mode, generation, ...(images ? { images } : {}) } }],
    eventBytes,
  );
  const task = await tx
    .updateTable('tasks')
    .set({ state: 'preparing', phase: null })
    .where('id', '=', taskId)
    .returningAll()
    .executeTakeFirstOrThrow();
  return { task, turn: row, events };
}

/** Queued or running; `attempts`: how many run at once in it. */
export async function openTurns(
  tx: Tx,
): Promise<{ taskId: string; turn: number; jobId: string | null; attempts: number }[]> {
  const open = await tx
    .selectFrom('turns')
    .innerJoin('tasks', 'tasks.id', 'turns.task_id')
    .select(['turns.task_id', 'turns.turn', 'turns.job_id', 'turns.state'])
    .select(['tasks.attempts', 'tasks.chosen_attempt'])
    .where('turns.finished_at', 'is', null)
    .execute();
  return open
    .filter((turn) => !hasEnded(turn.state))
    .map(({ task_id, turn, job_id, ...task }) => ({
      taskId: task_id,
      turn,
      jobId: job_id,
      attempts: attemptsOf(task, turn).length,
    }));
}
