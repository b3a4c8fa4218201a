/**
 * How the owner of a turn writes. Every write is one transaction: lock the task's row, check the generation,
 * change the state, append the events; after the commit the hub is told. Writes of one owner happen one
 * after another, in the order they were asked for. An owner that finds itself superseded stops itself.
 */
import { CodexError } from '../../protocol/errors.ts';
import type { NewEvent, WireEvent } from '../../protocol/events.ts';
import type { LimitValues } from '../../protocol/limits.ts';
import type { Store, Tx } from '../store/store.ts';
import { appendEvents } from './events.ts';
import type { Hub } from './hub.ts';
import type { Redaction } from './redaction.ts';
import { summaryOf, type TaskRow } from './rows.ts';
import { stopReason } from './turn-context.ts';

export interface WritingDeps {
  store: Store;
  hub: Hub;
  limits: LimitValues;
  redaction: Redaction;
  /** The turn's. */
  stop: AbortController;
  hasEnded: () => boolean;
}

/** Adds events to a write that is under way. */
export type Add = (...events: NewEvent[]) => Promise<void>;
type TaskChange = Partial<TaskRow>;
/** What else a write does; what it returns is changed in the task's row, and told to who watches lists. */
export type Also = (tx: Tx, add: Add) => Promise<TaskChange | undefined | void>;
export type Write = (events: readonly NewEvent[], also?: Also, committed?: () => void) => Promise<void>;

export function writesOf(
  { store, hub, limits, redaction, stop, hasEnded }: WritingDeps,
  writer: { taskId: string; turn: number; generation: number },
): Write {
  const { taskId, generation } = writer;

  /** One write: events and whatever else belongs to them, fenced. */
  async function writeNow(events: readonly NewEvent[], also?: Also, committed?: () => void): Promise<void> {
    assertOwned();
    let stored: WireEvent[] = [];
    let changed: TaskRow | undefined;
    try {
      await store.write(async (tx) => {
        stored = await appendEvents(tx, writer, redaction.events(events), limits.eventBytes);
        const change = await also?.(tx, async (...more) => {
          stored.push(...(await appendEvents(tx, writer, redaction.events(more), limits.eventBytes)));
        });
        if (change) {
          changed = await tx
            .updateTable('tasks')
            .set(change)
            .where('id', '=', taskId)
            .returningAll()
            .executeTakeFirstOrThrow();
        }
      });
    } catch (error) {
      if (error instanceof CodexError && error.code === 'generationSuperseded') stop.abort('superseded');
      throw error;
    }
    committed?.();
    hub.publish(taskId, stored);
    if (changed) hub.taskChanged(summaryOf(changed));
  }

  function assertOwned(): void {
    const reason = stopReason(stop.signal);
    if (reason === 'superseded') throw new CodexError('generationSuperseded', { generation });
    if (reason === 'shutdown') throw new CodexError('shuttingDown');
    if (hasEnded()) throw new Error('The turn has ended.');
  }

  let line: Promise<unknown> = Promise.resolve();
  return (events, also, committed) => {
    const mine = line.then(() => writeNow(events, also, committed));
    line = mine.catch(() => {});
    return mine;
  };
}
