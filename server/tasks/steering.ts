/** What people say while a turn runs, as rows: positions count from 1 within a turn. */
import type { Db, Tx } from '../store/store.ts';
import type { Said } from './turn-context.ts';

interface Words {
  taskId: string;
  turn: number;
  requestId: string;
  text: string;
  who: string;
}

export async function wasSaid(tx: Tx, { taskId, requestId }: Words): Promise<boolean> {
  const row = await tx
    .selectFrom('steers')
    .select('position')
    .where('task_id', '=', taskId)
    .where('request_id', '=', requestId)
    .executeTakeFirst();
  return row !== undefined;
}

/** The caller has locked the task. */
export async function say(tx: Tx, words: Words): Promise<Said> {
  const last = await tx
    .selectFrom('steers')
    .select((eb) => eb.fn.max('position').as('position'))
    .where('task_id', '=', words.taskId)
    .where('turn', '=', words.turn)
    .executeTakeFirst();
  const position = (last?.position ?? 0) + 1;
  await tx
    .insertInto('steers')
    .values({
      task_id: words.taskId,
      request_id: words.requestId,
      turn: words.turn,
      position,
      text: words.text,
      created_by: words.who,
      created_at: Date.now(),
    })
    .execute();
  return { id: idOf(words.turn, position), position, text: words.text };
}

export async function saidAfter(
  db: Db | Tx,
  of: { task_id: string; turn: number },
  position: number,
): Promise<Said[]> {
  const rows = await db
    .selectFrom('steers')
    .select(['position', 'text'])
    .where('task_id', '=', of.task_id)
    .where('turn', '=', of.turn)
    .where('position', '>', position)
    .orderBy('position')
    .execute();
  return rows.map((row) => ({ ...row, id: idOf(of.turn, row.position) }));
}

function idOf(turn: number, position: number): string {
  return `said-${turn}-${position}`;
}
