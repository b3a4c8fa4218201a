/**
 * A retry of a task's newest turn, in the caller's transaction: it is as if it had not begun, but that the
 * agents go on from their history, and that an attempt that was completed stays as it is.
 */
import type { Tx } from '../store/store.ts';
import { attemptRows, newestSummary } from './attempts.ts';
import { removeResults } from './patches.ts';
import { attemptsOf, type TaskRow } from './rows.ts';

/** How many attempts have to be run, and what changes in the task's row. */
export async function beginAnew(
  tx: Tx,
  task: TaskRow,
): Promise<{ running: number; change: Partial<TaskRow> }> {
  const of = { taskId: task.id, turn: task.turns };
  const kept = (await attemptRows(tx, of)).filter((row) => row.state === 'completed');
  const again = attemptsOf(task, task.turns).filter((one) => !kept.some(({ attempt }) => attempt === one));
  for (const attempt of again) await removeResults(tx, { ...of, attempt });
  await tx
    .deleteFrom('attempts')
    .where('task_id', '=', of.taskId)
    .where('turn', '=', of.turn)
    .where('state', '<>', 'completed')
    .execute();
  await tx.deleteFrom('phases').where('task_id', '=', of.taskId).where('turn', '=', of.turn).execute();
  await tx
    .updateTable('turns')
    .set({
      state: 'queued',
      cancel_requested: false,
      steerable: true,
      error: null,
      answer: null,
      usage: null,
      report: null,
      started_at: null,
      finished_at: null,
    })
    .where('task_id', '=', of.taskId)
    .where('turn', '=', of.turn)
    .execute();
  // Which one is the task's is open again, with all of them.
  const isOpen = task.attempts > 1 && task.turns === 1;
  const patch = isOpen ? null : await newestSummary(tx, task.id, task.chosen_attempt ?? 1);
  return {
    running: again.length,
    change: { state: 'queued', phase: null, error: null, patch, ...(isOpen ? { chosen_attempt: null } : {}) },
  };
}
