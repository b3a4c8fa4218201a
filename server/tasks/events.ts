/**
 * The event log. `seq` has no gaps and no duplicates, whatever is killed: it is counted in the task's
 * row, in the very transaction that changes the state and inserts the events, and that row's lock puts
 * all writers of a task in one line.
 *
 * Whoever owns a turn writes with its generation; when another has taken it over the transaction is
 * rolled back with generationSuperseded. Events are only ever added; one that is here loads for ever.
 */
import { CodexError } from '../../protocol/errors.ts';
import {
  EVENT_PARAMS,
  EVENT_VERSION,
  NO_USAGE,
  type NewEvent,
  type Usage,
  type WireEvent,
  checkNewEvent,
} from '../../protocol/events.ts';
import type { Db, Tx } from '../store/store.ts';
import { fitEvents } from './event-size.ts';

/** Who writes: the owner of a turn, by generation, or the person (no fence: the transaction decides). */
export interface Writer {
  taskId: string;
  turn: number;
  generation?: number;
}

/** Rows of one insert: PostgreSQL takes at most 65,535 parameters in a statement. */
const INSERT_ROWS = 1_000;

/**
 * Appends in the caller's transaction and returns what was stored. Publish it after the commit, never
 * before. With no events it only checks the generation.
 */
export async function appendEvents(
  tx: Tx,
  writer: Writer,
  events: readonly NewEvent[],
  maxEventBytes: number,
): Promise<WireEvent[]> {
  for (const event of events) checkNewEvent(event);
  const fitted = fitEvents(events, maxEventBytes);
  const at = Date.now();
  // First of all: locks the task's row, so that what follows sees every earlier writer's commit.
  const task = await tx
    .updateTable('tasks')
    .set((eb) => ({ last_seq: eb('last_seq', '+', fitted.length), updated_at: at }))
    .where('id', '=', writer.taskId)
    .returning('last_seq')
    .executeTakeFirst();
  if (!task) throw lost(writer);
  await checkOwner(tx, writer);
  const first = task.last_seq - fitted.length + 1;
  const stored = fitted.map((event, index) => ({
    taskId: writer.taskId,
    attempt: event.attempt ?? 0,
    turn: writer.turn,
    seq: first + index,
    at,
    v: EVENT_VERSION,
    code: event.code,
    params: event.params,
  }));
  for (let from = 0; from < stored.length; from += INSERT_ROWS) {
    const rows = stored.slice(from, from + INSERT_ROWS).map(({ taskId, params, ...rest }) => ({
      ...rest,
      task_id: taskId,
      params: JSON.stringify(params),
    }));
    await tx.insertInto('events').values(rows).execute();
  }
  return stored;
}

async function checkOwner(tx: Tx, writer: Writer): Promise<void> {
  if (writer.generation === undefined) return;
  const owned = await tx
    .selectFrom('turns')
    .select('generation')
    .where('task_id', '=', writer.taskId)
    .where('turn', '=', writer.turn)
    .where('generation', '=', writer.generation)
    .where('finished_at', 'is', null)
    .executeTakeFirst();
  if (!owned) throw lost(writer);
}

function lost(writer: Writer): CodexError {
  return writer.generation === undefined
    ? new CodexError('notFound', { what: 'task' })
    : new CodexError('generationSuperseded', { generation: writer.generation });
}

/** A page of the log, in order. */
export async function readEvents(db: Db, taskId: string, after: number, limit: number): Promise<WireEvent[]> {
  const rows = await db
    .selectFrom('events')
    .selectAll()
    .where('task_id', '=', taskId)
    .where('seq', '>', after)
    .orderBy('seq')
    .limit(limit)
    .execute();
  return rows.map(({ task_id, params, ...rest }) => ({
    taskId: task_id,
    ...rest,
    params: JSON.parse(params) as Record<string, unknown>,
  }));
}

/** How many bytes of an item's output are stored in this turn (or attempt); null when the item never started. */
export async function outputStored(
  db: Db,
  of: { taskId: string; turn: number; attempt?: number },
  itemId: string,
): Promise<number | null> {
  const rows = await db
    .selectFrom('events')
    .select(['code', 'params'])
    .where('task_id', '=', of.taskId)
    .where('turn', '=', of.turn)
    .where('code', 'in', ['item.started', 'output'])
    .$if(of.attempt !== undefined, (query) => query.where('attempt', '=', of.attempt ?? 0))
    .where('params', 'like', mentions(itemId))
    .orderBy('seq')
    .execute();
  let stored: number | null = null;
  for (const { code, params } of rows) {
    if (code === 'item.started') {
      if (EVENT_PARAMS['item.started'].parse(JSON.parse(params)).item.id === itemId) stored ??= 0;
      continue;
    }
    const output = EVENT_PARAMS.output.parse(JSON.parse(params));
    if (output.itemId === itemId) stored = output.offset + (output.bytes ?? Buffer.byteLength(output.text));
  }
  return stored;
}

/** What an attempt at this turn had used when it was last told. */
export async function usageTold(
  db: Db,
  of: { task_id: string; turn: number },
  attempt: number,
): Promise<Usage> {
  const row = await db
    .selectFrom('events')
    .select('params')
    .where('task_id', '=', of.task_id)
    .where('turn', '=', of.turn)
    .where('attempt', '=', attempt)
    .where('code', '=', 'usage.changed')
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row ? EVENT_PARAMS['usage.changed'].parse(JSON.parse(row.params)).usage : NO_USAGE;
}

/** Whether the item's end is told of in this turn. */
export async function itemEnded(
  db: Db,
  of: { taskId: string; turn: number; attempt?: number },
  itemId: string,
): Promise<boolean> {
  const rows = await db
    .selectFrom('events')
    .select('params')
    .where('task_id', '=', of.taskId)
    .where('turn', '=', of.turn)
    .$if(of.attempt !== undefined, (query) => query.where('attempt', '=', of.attempt ?? 0))
    .where('code', '=', 'item.completed')
    .where('params', 'like', mentions(itemId))
    .execute();
  return rows.some(
    ({ params }) => EVENT_PARAMS['item.completed'].parse(JSON.parse(params)).item.id === itemId,
  );
}

/** Narrows what is read; what counts is decided afterwards. */
function mentions(itemId: string): string {
  const text = JSON.stringify(itemId).slice(1, -1);
  return `%${text.replaceAll(/[\\%_]/g, '\\$&')}%`;
}

/** The seq of the newest event; throws notFound. */
export async function headOf(db: Db, taskId: string): Promise<number> {
  const task = await db.selectFrom('tasks').select('last_seq').where('id', '=', taskId).executeTakeFirst();
  if (!task) throw new CodexError('notFound', { what: 'task' });
  return task.last_seq;
}

/** By a person or by the model. */
export async function wasRenamed(db: Pick<Db, 'selectFrom'>, taskId: string): Promise<boolean> {
  const row = await db
    .selectFrom('events')
    .select('seq')
    .where('task_id', '=', taskId)
    .where('code', '=', 'task.renamed')
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}
