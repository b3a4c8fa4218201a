/** Tasks and their turns as rows: found, put in, changed, in the caller's transaction. */
import { CodexError } from '../../protocol/errors.ts';
import type { Attachment } from '../../protocol/events.ts';
import type { Tx } from '../store/store.ts';
import { attachBlobs } from './blobs.ts';
import { storable, type TaskRow, type TurnRow } from './rows.ts';

/** Puts all writers of a task in one line; undefined when there is no such task. */
export async function lockTask(tx: Tx, taskId: string): Promise<TaskRow | undefined> {
  return tx.selectFrom('tasks').selectAll().where('id', '=', taskId).forUpdate().executeTakeFirst();
}

export async function taskRow(db: Pick<Tx, 'selectFrom'>, taskId: string): Promise<TaskRow> {
  const row = await db.selectFrom('tasks').selectAll().where('id', '=', taskId).executeTakeFirst();
  if (!row) throw new CodexError('notFound', { what: 'task' });
  return row;
}

export async function turnRow(tx: Tx, taskId: string, turn: number): Promise<TurnRow> {
  return tx
    .selectFrom('turns')
    .selectAll()
    .where('task_id', '=', taskId)
    .where('turn', '=', turn)
    .executeTakeFirstOrThrow();
}

export async function insertTurn(
  tx: Tx,
  of: Pick<TurnRow, 'turn' | 'mode' | 'prompt' | 'model' | 'effort'> & {
    taskId: string;
    requestId: string;
    who: string;
    onlySetup: boolean;
    images?: Attachment[] | undefined;
  },
): Promise<void> {
  if (of.images?.length) await attachBlobs(tx, of.taskId, of.images);
  await tx
    .insertInto('turns')
    .values({
      task_id: of.taskId,
      turn: of.turn,
      request_id: of.requestId,
      mode: of.mode,
      prompt: storable(of.prompt),
      state: 'queued',
      generation: 0,
      cancel_requested: false,
      job_id: null,
      answer: null,
      error: null,
      usage: null,
      report: null,
      images: of.images?.length ? storable(JSON.stringify(of.images)) : null,
      model: of.model,
      effort: of.effort,
      base_sha: null,
      only_setup: of.onlySetup,
      created_by: of.who,
      created_at: Date.now(),
      started_at: null,
      finished_at: null,
    })
    .execute();
}

export async function updateTurn(
  tx: Tx,
  of: { task_id: string; turn: number },
  change: Partial<TurnRow>,
): Promise<void> {
  await tx
    .updateTable('turns')
    .set(change)
    .where('task_id', '=', of.task_id)
    .where('turn', '=', of.turn)
    .execute();
}
