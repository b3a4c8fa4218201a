/**
 * The agent's history as rows: append-only, one line of positions per task and attempt over all turns.
 * What an item means is the agent's affair; here it is JSON.
 */
import type { Db, Tx } from '../store/store.ts';

interface Key {
  taskId: string;
  attempt: number;
}

export async function loadHistory<Item>(db: Db, { taskId, attempt }: Key): Promise<Item[]> {
  const rows = await db
    .selectFrom('history')
    .select('item')
    .where('task_id', '=', taskId)
    .where('attempt', '=', attempt)
    .orderBy('position')
    .execute();
  return rows.map((row) => JSON.parse(row.item) as Item);
}

/** The caller has locked the task and checked the generation, so positions have no gap either. */
export async function appendHistory(
  tx: Tx,
  { taskId, attempt, turn }: Key & { turn: number },
  items: readonly object[],
): Promise<void> {
  if (items.length === 0) return;
  const last = await tx
    .selectFrom('history')
    .select((eb) => eb.fn.max('position').as('position'))
    .where('task_id', '=', taskId)
    .where('attempt', '=', attempt)
    .executeTakeFirst();
  const first = (last?.position ?? 0) + 1;
  const now = Date.now();
  await tx
    .insertInto('history')
    .values(
      items.map((item, index) => ({
        task_id: taskId,
        attempt,
        position: first + index,
        turn,
        item: JSON.stringify(item),
        created_at: now,
      })),
    )
    .execute();
}
