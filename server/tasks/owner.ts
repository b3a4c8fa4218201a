/**
 * A turn in the hands of its owner: the `TurnContext` over the database.
 *
 * Every write is one transaction: lock the task's row, check the generation, change the state, append
 * the events; after the commit the hub is told. Writes of one owner happen one after another, in the
 * order they were asked for. An owner that finds itself superseded stops itself.
 */
import { CodexError, toWireError } from '../../protocol/errors.ts';
import type { NewEvent, WireEvent } from '../../protocol/events.ts';
import type { LimitValues } from '../../protocol/limits.ts';
import type { RepoAtCommit } from '../../protocol/rpc.ts';
import type { Phase, PhaseOutcome, TurnState } from '../../protocol/states.ts';
import { mayBecome } from '../../protocol/states.ts';
import type { Store, Tx } from '../store/store.ts';
import { dropOpen, type Approvals } from './approvals.ts';
import { askFor } from './asking.ts';
import { appendEvents, itemEnded, outputStored } from './events.ts';
import { appendHistory, loadHistory } from './history.ts';
import type { Hub } from './hub.ts';
import { newestResult, storeResult } from './patches.ts';
import { storable, summaryOf, type TaskRow, type TurnRow } from './rows.ts';
import { Redaction } from './redaction.ts';
import { stopReason, type TurnContext } from './turn-context.ts';

export interface OwnerDeps {
  store: Store;
  hub: Hub;
  approvals: Approvals;
  limits: LimitValues;
  /** In the transaction that ends the turn: the queue's job ends with it. */
  endJob(tx: Tx, jobId: string): Promise<void>;
}

/** The item that droppable lines of progress belong to. */
const PROGRESS_ITEM = 'progress';

export interface Owner {
  context: TurnContext;
  /** Ends a turn that its runner has left open; does nothing when it has ended. */
  endWith(error: unknown): Promise<void>;
  readonly ended: boolean;
}

/** `task` and `turn` as they are after the turn was taken up. */
export function ownTurn(deps: OwnerDeps, task: TaskRow, turn: TurnRow, stop: AbortController): Owner {
  const { store, hub, limits } = deps;
  const { signal } = stop;
  const writer = { taskId: task.id, turn: turn.turn, generation: turn.generation };
  const ofTurn = { task_id: task.id, turn: turn.turn };
  let state: TurnState = turn.state;
  let baseSha = turn.base_sha;
  let ended = false;
  const redaction = new Redaction();

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
            .where('id', '=', task.id)
            .returningAll()
            .executeTakeFirstOrThrow();
        }
      });
    } catch (error) {
      if (error instanceof CodexError && error.code === 'generationSuperseded') stop.abort('superseded');
      throw error;
    }
    committed?.();
    hub.publish(task.id, stored);
    if (changed) hub.taskChanged(summaryOf(changed));
  }

  let line: Promise<unknown> = Promise.resolve();
  function write(events: readonly NewEvent[], also?: Also, committed?: () => void): Promise<void> {
    const mine = line.then(() => writeNow(events, also, committed));
    line = mine.catch(() => {});
    return mine;
  }

  function assertOwned(): void {
    const reason = stopReason(signal);
    if (reason === 'superseded')
      throw new CodexError('generationSuperseded', { generation: turn.generation });
    if (reason === 'shutdown') throw new CodexError('shuttingDown');
    if (ended) throw new Error('The turn has ended.');
  }

  async function become(next: TurnState, change: Partial<TurnRow> = {}): Promise<void> {
    if (state === next) return;
    if (!mayBecome(state, next)) throw new Error(`A turn that is ${state} can't become ${next}.`);
    await write([], async (tx) => {
      await updateTurn(tx, ofTurn, { ...change, state: next });
      return { state: next };
    });
    state = next;
  }

  const questions = askFor({
    approvals: deps.approvals,
    store,
    of: { taskId: task.id, turn: turn.turn },
    signal,
    redact: (value) => redaction.value(value),
    write,
    toState: async (tx, next) => {
      if (!mayBecome(state, next) && state !== next) return undefined;
      await updateTurn(tx, ofTurn, { state: next });
      return { state: next };
    },
    inState: (next) => (state = mayBecome(state, next) ? next : state),
  });

  /** `began` is of the clock that nobody sets. */
  async function phaseEnd(phase: Phase, began: number, outcome: PhaseOutcome): Promise<void> {
    const durationMs = Math.round(performance.now() - began);
    await write([{ code: 'phase.finished', params: { phase, outcome, durationMs } }], async (tx) => {
      await tx
        .updateTable('phases')
        .set({ duration_ms: durationMs, outcome })
        .where('task_id', '=', task.id)
        .where('turn', '=', turn.turn)
        .where('phase', '=', phase)
        .execute();
    });
  }

  async function end(to: 'completed' | 'failed' | 'cancelled', more: TurnEnd): Promise<void> {
    const now = Date.now();
    // A turn that ends before its runner said that it runs has run nevertheless.
    if (state === 'preparing' && to === 'completed') state = 'running';
    if (!mayBecome(state, to)) throw new Error(`A turn that is ${state} can't become ${to}.`);
    const answer = more.answer === undefined ? undefined : storable(redaction.value(more.answer));
    const finished: NewEvent = {
      code: 'turn.finished',
      params: {
        state: to,
        durationMs: Math.max(0, now - (turn.started_at ?? turn.created_at)),
        ...(answer === undefined ? {} : { answer }),
        ...(more.usage === undefined ? {} : { usage: more.usage }),
        ...(more.error === undefined ? {} : { error: more.error }),
      },
    };
    await write([finished], async (tx) => {
      const error = more.error ? JSON.stringify(redaction.value(more.error)) : null;
      await updateTurn(tx, ofTurn, {
        state: to,
        finished_at: now,
        answer: answer ?? null,
        usage: more.usage ? JSON.stringify(more.usage) : null,
        error,
      });
      if (turn.job_id) await deps.endJob(tx, turn.job_id);
      await dropOpen(tx, writer);
      const result = await tx
        .selectFrom('results')
        .select('summary')
        .where('task_id', '=', task.id)
        .where('turn', '=', turn.turn)
        .orderBy('attempt')
        .limit(1)
        .executeTakeFirst();
      const files = result ? (JSON.parse(result.summary) as { files: number }).files : null;
      return {
        state: to,
        phase: null,
        error,
        ...(files === null ? {} : { review: files > 0 ? ('open' as const) : ('none' as const) }),
      };
    });
    state = to;
    ended = true;
  }

  const context: TurnContext = {
    task: {
      id: task.id,
      title: task.title,
      repo: JSON.parse(task.repo) as RepoAtCommit,
      model: task.model,
      environment: task.environment,
      createdBy: task.created_by,
    },
    turn: turn.turn,
    mode: turn.mode,
    prompt: turn.prompt,
    onlySetup: turn.only_setup,
    attempts: Array.from({ length: task.attempts }, (_, index) => index + 1),
    generation: turn.generation,
    resumed: turn.generation > 1,
    limits,
    signal,
    get baseSha() {
      return baseSha;
    },

    redactWith: (redactor) => redaction.use(redactor),
    emit: (...events) => write(events),
    outputStored: (itemId) =>
      store.read((db) => outputStored(db, { taskId: task.id, turn: turn.turn }, itemId)),
    itemEnded: (itemId) => store.read((db) => itemEnded(db, { taskId: task.id, turn: turn.turn }, itemId)),
    delta: (itemId, text) => {
      if (!signal.aborted) hub.delta(task.id, turn.turn, itemId, redaction.piece(itemId, text));
    },
    progress: (text) => {
      if (!signal.aborted) hub.delta(task.id, turn.turn, PROGRESS_ITEM, `${redaction.value(text)}\n`);
    },

    async phase(phase, fn) {
      const startedAt = Date.now();
      const began = performance.now();
      await write([{ code: 'phase.started', params: { phase } }], async (tx) => {
        const times = { started_at: startedAt, duration_ms: null, outcome: null };
        await tx
          .insertInto('phases')
          .values({ ...ofTurn, phase, ...times })
          .onConflict((on) => on.columns(['task_id', 'turn', 'phase']).doUpdateSet(times))
          .execute();
        return { phase };
      });
      let value: Awaited<ReturnType<typeof fn>>;
      try {
        value = await fn();
      } catch (error) {
        const outcome = stopReason(signal) === 'cancelled' ? 'cancelled' : 'failed';
        // What went wrong in the phase is what counts, not that its end could not be written.
        await phaseEnd(phase, began, outcome).catch(() => {});
        throw error;
      }
      await phaseEnd(phase, began, stopReason(signal) === 'cancelled' ? 'cancelled' : 'ok');
      return value;
    },

    history: <Item extends object>(attempt: number) => ({
      load: () => store.read((db) => loadHistory<Item>(db, { taskId: task.id, attempt })),
      append: (items: Item[], told: readonly NewEvent[] = []) =>
        write(told, (tx) =>
          appendHistory(tx, { taskId: task.id, attempt, turn: turn.turn }, redaction.value(items)),
        ),
    }),
    approvals: questions,
    setState: (next) => become(next),
    async setBase(sha) {
      if (sha === baseSha) return;
      await write([], (tx) => updateTurn(tx, ofTurn, { base_sha: sha }));
      baseSha = sha;
    },
    setResult: (attempt, result) =>
      write([], async (tx) => {
        await storeResult(tx, { taskId: task.id, turn: turn.turn, attempt }, result);
        return attempt === 1 ? { patch: JSON.stringify(result.summary) } : undefined;
      }),
    newestResult: (attempt) =>
      store.read((db) => newestResult(db, { taskId: task.id, turn: turn.turn, attempt })),

    finish: (more) => end(stopReason(signal) === 'cancelled' ? 'cancelled' : 'completed', more),
    fail: endWith,
  };

  async function endWith(error: unknown): Promise<void> {
    if (stopReason(signal) === 'cancelled') await end('cancelled', {});
    else await end('failed', { error: toWireError(error) });
  }

  return {
    context,
    get ended() {
      return ended;
    },
    async endWith(error) {
      if (!ended) await endWith(error);
    },
  };
}

type TaskChange = Partial<TaskRow>;
/** What else a write does; what it returns is changed in the task's row, and told to who watches lists. */
export type Also = (
  tx: Tx,
  add: (...events: NewEvent[]) => Promise<void>,
) => Promise<TaskChange | undefined | void>;
type TurnEnd = Partial<
  Pick<Extract<NewEvent, { code: 'turn.finished' }>['params'], 'answer' | 'usage' | 'error'>
>;

async function updateTurn(
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
