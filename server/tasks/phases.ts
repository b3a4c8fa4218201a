/** The phases of a turn, as rows: of each attempt its own, and of the whole turn (attempt 0) what all share. */
import type { Phase, PhaseOutcome } from '../../protocol/states.ts';
import type { Tx } from '../store/store.ts';

interface Key {
  taskId: string;
  turn: number;
  attempt: number;
  phase: Phase;
}

/** Again, after a crash: it begins anew. */
export async function startPhase(tx: Tx, key: Key, startedAt: number): Promise<void> {
  const { taskId, ...rest } = key;
  const times = { started_at: startedAt, duration_ms: null, outcome: null };
  await tx
    .insertInto('phases')
    .values({ task_id: taskId, ...rest, ...times })
    .onConflict((on) => on.columns(['task_id', 'turn', 'attempt', 'phase']).doUpdateSet(times))
    .execute();
}

export async function endPhase(
  tx: Tx,
  { taskId, turn, attempt, phase }: Key,
  end: { durationMs: number; outcome: PhaseOutcome },
): Promise<void> {
  await tx
    .updateTable('phases')
    .set({ duration_ms: end.durationMs, outcome: end.outcome })
    .where('task_id', '=', taskId)
    .where('turn', '=', turn)
    .where('attempt', '=', attempt)
    .where('phase', '=', phase)
    .execute();
}
