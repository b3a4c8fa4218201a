/** One batch of the egress log in the caller's transaction: each task's entries up to its limit, and its totals. */
import type { Tx } from '../store/store.ts';
import { type Counts, type NewEgressEntry, rowOf } from './egress-rows.ts';

export interface BatchOutcome {
  /** Tasks whose log takes no more. */
  full: string[];
  /** Those that this batch has filled, with the turn and attempt that did. */
  reached: { taskId: string; turn: number; attempt: number }[];
}

/** Entries of a task that was deleted meanwhile are left out. */
export async function writeBatch(
  tx: Tx,
  entries: readonly NewEgressEntry[],
  counts: ReadonlyMap<string, Counts>,
  maxEntries: number,
): Promise<BatchOutcome> {
  const outcome: BatchOutcome = { full: [], reached: [] };
  const kept: NewEgressEntry[] = [];
  const byTask = Map.groupBy(entries, (entry) => entry.taskId);
  const ids = [...new Set([...byTask.keys(), ...counts.keys()])];
  // The lock keeps the tasks from being deleted before their entries are in.
  const tasks = await tx
    .selectFrom('tasks')
    .select('id')
    .where('id', 'in', ids)
    .orderBy('id')
    .forKeyShare()
    .execute();
  for (const { id } of tasks) {
    const own = byTask.get(id) ?? [];
    const before = await addCounts(tx, id, counts.get(id));
    const taken = own.slice(0, Math.max(0, maxEntries - before));
    const stored = before + taken.length;
    kept.push(...taken);
    if (taken.length > 0) {
      await tx.updateTable('egress_totals').set({ stored }).where('task_id', '=', id).execute();
    }
    if (stored < maxEntries) continue;
    outcome.full.push(id);
    const last = taken.at(-1);
    if (last) outcome.reached.push({ taskId: id, turn: last.turn, attempt: last.attempt });
  }
  if (kept.length > 0) await tx.insertInto('egress_log').values(kept.map(rowOf)).execute();
  return outcome;
}

/** How many entries the task has; its row is locked from here on. */
async function addCounts(tx: Tx, taskId: string, counts: Counts | undefined): Promise<number> {
  const { stored } = await tx
    .insertInto('egress_totals')
    .values({
      task_id: taskId,
      stored: 0,
      allowed: counts?.allowed ?? 0,
      denied: counts?.denied ?? 0,
      failed: counts?.failed ?? 0,
      bytes_in: counts?.bytesIn ?? 0,
      bytes_out: counts?.bytesOut ?? 0,
    })
    .onConflict((on) =>
      on.column('task_id').doUpdateSet((eb) => ({
        allowed: eb('egress_totals.allowed', '+', eb.ref('excluded.allowed')),
        denied: eb('egress_totals.denied', '+', eb.ref('excluded.denied')),
        failed: eb('egress_totals.failed', '+', eb.ref('excluded.failed')),
        bytes_in: eb('egress_totals.bytes_in', '+', eb.ref('excluded.bytes_in')),
        bytes_out: eb('egress_totals.bytes_out', '+', eb.ref('excluded.bytes_out')),
      })),
    )
    .returning('stored')
    .executeTakeFirstOrThrow();
  return stored;
}
