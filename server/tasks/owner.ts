/**
 * A turn in the hands of its owner: the `TurnContext` over the database.
 *
 * Every write is one transaction: lock the task's row, check the generation, change the state, append
 * the events; after the commit the hub is told. Writes of one owner happen one after another, in the
 * order they were asked for. An owner that finds itself superseded stops itself.
 */
import { CodexError, toWireError, wireError, type WireError } from '../../protocol/errors.ts';
import type { Attachment, NewEvent, WireEvent } from '../../protocol/events.ts';
import type { LimitValues } from '../../protocol/limits.ts';
import type { RepoAtCommit } from '../../protocol/rpc.ts';
import type { Phase, PhaseOutcome, TurnState } from '../../protocol/states.ts';
import { mayBecome } from '../../protocol/states.ts';
import type { Store, Tx } from '../store/store.ts';
import { dropOpen, type Approvals } from './approvals.ts';
import { askFor } from './asking.ts';
import { attemptRows, endAttempt, endAttempts, endOf, reviewOf, startAttempt } from './attempts.ts';
import { keepBlob, loadBlob } from './blobs.ts';
import { appendEvents, itemEnded, outputStored, usageTold, wasRenamed } from './events.ts';
import { appendHistory, loadHistory } from './history.ts';
import type { Hub } from './hub.ts';
import { newestResult, storeResult } from './patches.ts';
import { attemptsOf, parsed, storable, summaryOf, type TaskRow, type TurnRow } from './rows.ts';
import { endPhase, startPhase } from './phases.ts';
import { Redaction } from './redaction.ts';
import { saidAfter } from './steering.ts';
import { stopReason, type AttemptEnd, type Said, type TurnContext } from './turn-context.ts';

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
  const of = { taskId: task.id, turn: turn.turn };
  const hasSeveral = task.attempts > 1;
  const attempts = attemptsOf(task, turn.turn);
  let state: TurnState = turn.state;
  let baseSha = turn.base_sha;
  let ended = false;
  const redaction = new Redaction();
  /** Attempts that take nothing more of what the person says. */
  const closedTo = new Set<number>();

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

  async function become(next: TurnState): Promise<void> {
    if (state === next) return;
    let goes = false;
    await write(
      [],
      async (tx) => {
        // Of several attempts the first one counts, and none takes another one's question away.
        goes = state !== next && !(next === 'running' && questions.isOpen());
        if (!goes) return undefined;
        if (!mayBecome(state, next)) throw new Error(`A turn that is ${state} can't become ${next}.`);
        await updateTurn(tx, ofTurn, { state: next });
        return { state: next };
      },
      () => {
        if (goes) state = next;
      },
    );
  }

  const questions = askFor({
    approvals: deps.approvals,
    store,
    of,
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

  /** `began` is of the clock that nobody sets; `attempt` absent: the only one. */
  async function phaseEnd(
    phase: Phase,
    attempt: number | undefined,
    began: number,
    outcome: PhaseOutcome,
  ): Promise<void> {
    const durationMs = Math.round(performance.now() - began);
    const finished = { code: 'phase.finished', params: { phase, outcome, durationMs } } as const;
    await write(stamped([finished], attempt), (tx) =>
      endPhase(tx, { ...of, attempt: attempt ?? 1, phase }, { durationMs, outcome }),
    );
  }

  async function end(to: 'completed' | 'failed' | 'cancelled', more: TurnEnd): Promise<void> {
    const now = Date.now();
    // A turn that ends before its runner said that it runs has run nevertheless.
    if (state === 'preparing' && to === 'completed') state = 'running';
    if (!mayBecome(state, to)) throw new Error(`A turn that is ${state} can't become ${to}.`);
    const answer = more.answer === undefined ? undefined : storable(redaction.value(more.answer));
    const report = more.report === undefined ? undefined : redaction.value(more.report);
    const finished: NewEvent = {
      code: 'turn.finished',
      params: {
        state: to,
        durationMs: Math.max(0, now - (turn.started_at ?? turn.created_at)),
        ...(answer === undefined ? {} : { answer }),
        ...(more.usage === undefined ? {} : { usage: more.usage }),
        ...(report === undefined ? {} : { report }),
        ...(more.error === undefined ? {} : { error: more.error }),
      },
    };
    await write(hasSeveral ? [] : [finished], async (tx, add) => {
      const chosen = hasSeveral
        ? await endAttempts(tx, of, redaction.value(asAttempt(to, more.error)), add)
        : null;
      if (hasSeveral) await add(finished);
      const error = more.error ? JSON.stringify(redaction.value(more.error)) : null;
      await updateTurn(tx, ofTurn, {
        state: to,
        finished_at: now,
        answer: answer ?? null,
        usage: more.usage ? JSON.stringify(more.usage) : null,
        report: report ? JSON.stringify(report) : null,
        error,
      });
      if (turn.job_id) await deps.endJob(tx, turn.job_id);
      await dropOpen(tx, writer);
      const results = await tx
        .selectFrom('results')
        .select('summary')
        .where('task_id', '=', task.id)
        .where('turn', '=', turn.turn)
        .execute();
      const review = reviewOf(results.map((result) => result.summary));
      return { state: to, phase: null, error, ...(results.length === 0 ? {} : { review }), ...chosen };
    });
    state = to;
    ended = true;
  }

  /** `attempt` absent: of a task's only one, or said with each event. */
  const contextOf = (attempt?: number): TurnContext => ({
    task: {
      id: task.id,
      title: task.title,
      repo: JSON.parse(task.repo) as RepoAtCommit,
      model: task.model,
      effort: task.effort,
      environment: task.environment,
      createdBy: task.created_by,
    },
    turn: turn.turn,
    mode: turn.mode,
    prompt: turn.prompt,
    model: turn.model,
    effort: turn.effort,
    images: parsed<Attachment[]>(turn.images) ?? [],
    onlySetup: turn.only_setup,
    attempts,
    generation: turn.generation,
    resumed: turn.generation > 1,
    limits,
    signal,
    get baseSha() {
      return baseSha;
    },

    of: (one) => (hasSeveral ? contextOf(one) : context),
    startAttempt: (one) => write([], (tx) => startAttempt(tx, of, one)),
    finishAttempt: (one, end) =>
      write([], async (tx, add) => {
        await dropOpen(tx, { ...of, attempt: one });
        await add(await endAttempt(tx, of, one, redaction.value(end)));
      }),
    async endedAttempts() {
      const rows = await store.read((db) => attemptRows(db, of));
      return new Map(
        rows.flatMap((row) => {
          const end = endOf(row);
          return end ? [[row.attempt, end]] : [];
        }),
      );
    },

    redactWith: (redactor) => redaction.use(redactor),
    emit: (...events) => write(stamped(events, attempt)),
    outputStored: (itemId) =>
      store.read((db) => outputStored(db, { ...of, ...(attempt === undefined ? {} : { attempt }) }, itemId)),
    itemEnded: (itemId) =>
      store.read((db) => itemEnded(db, { ...of, ...(attempt === undefined ? {} : { attempt }) }, itemId)),
    delta: (itemId, text) => tell(attempt, itemId, redaction.piece(attempt, itemId, text)),
    progress: (text) => tell(attempt, PROGRESS_ITEM, `${redaction.value(text)}\n`),

    async phase(phase, fn) {
      const startedAt = Date.now();
      const began = performance.now();
      await write(stamped([{ code: 'phase.started', params: { phase } }], attempt), async (tx) => {
        await startPhase(tx, { ...of, attempt: attempt ?? 1, phase }, startedAt);
        return { phase };
      });
      let value: Awaited<ReturnType<typeof fn>>;
      try {
        value = await fn();
      } catch (error) {
        const outcome = stopReason(signal) === 'cancelled' ? 'cancelled' : 'failed';
        // What went wrong in the phase is what counts, not that its end could not be written.
        await phaseEnd(phase, attempt, began, outcome).catch(() => {});
        throw error;
      }
      await phaseEnd(phase, attempt, began, stopReason(signal) === 'cancelled' ? 'cancelled' : 'ok');
      return value;
    },

    steering: (one) => ({
      after: (position) => store.read((db) => saidAfter(db, ofTurn, position)),
      async close(position) {
        let said: Said[] = [];
        await write([], async (tx) => {
          said = await saidAfter(tx, ofTurn, position);
          if (said.length > 0) return;
          closedTo.add(one);
          if (closedTo.size >= attempts.length) await updateTurn(tx, ofTurn, { steerable: false });
        });
        return said;
      },
    }),
    usageBefore: (one) => store.read((db) => usageTold(db, ofTurn, one)),
    history: <Item extends object>(one: number) => ({
      load: () => store.read((db) => loadHistory<Item>(db, { taskId: task.id, attempt: one })),
      append: (items: Item[], events: readonly NewEvent[] = []) =>
        write(stamped(events, attempt), (tx) =>
          appendHistory(tx, { ...of, attempt: one }, redaction.value(items)),
        ),
    }),
    pictures: {
      async keep(bytes) {
        let sha256 = '';
        await write([], async (tx) => {
          sha256 = await keepBlob(tx, task.id, bytes);
        });
        return sha256;
      },
      load: (sha256) => store.read((db) => loadBlob(db, sha256)),
    },
    approvals: questions.desk,
    setState: (next) => become(next),
    async setBase(sha) {
      if (sha === baseSha) return;
      await write([], (tx) => updateTurn(tx, ofTurn, { base_sha: sha }));
      baseSha = sha;
    },
    setResult: (one, result) =>
      write([], async (tx) => {
        await storeResult(tx, { ...of, attempt: one }, result);
        const isTheTasks = !hasSeveral || one === task.chosen_attempt;
        return isTheTasks ? { patch: JSON.stringify(result.summary) } : undefined;
      }),
    newestResult: (one) => store.read((db) => newestResult(db, { ...of, attempt: one })),

    async nameTask(make) {
      if (await store.read((db) => wasRenamed(db, task.id))) return;
      const title = await make();
      if (title === null || title === task.title) return;
      await write([], async (tx, add) => {
        if (await wasRenamed(tx, task.id)) return;
        const params = { title: storable(redaction.value(title)), by: 'model' } as const;
        await add({ code: 'task.renamed', params });
        return { title: params.title };
      });
    },

    finish: (more) => end(stopReason(signal) === 'cancelled' ? 'cancelled' : 'completed', more),
    fail: endWith,
  });
  const context = contextOf();

  function tell(attempt: number | undefined, itemId: string, text: string): void {
    if (signal.aborted) return;
    hub.delta({ ...of, ...(attempt === undefined ? {} : { attempt }), itemId, text });
  }

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

/** What becomes of an attempt that its turn's end leaves open. */
function asAttempt(to: 'completed' | 'failed' | 'cancelled', error: WireError | undefined): AttemptEnd {
  return to === 'failed' ? { state: to, error: error ?? wireError('internal') } : { state: 'cancelled' };
}

function stamped(events: readonly NewEvent[], attempt: number | undefined): readonly NewEvent[] {
  return attempt === undefined ? events : events.map((event) => ({ ...event, attempt }));
}

type TaskChange = Partial<TaskRow>;
/** What else a write does; what it returns is changed in the task's row, and told to who watches lists. */
export type Also = (
  tx: Tx,
  add: (...events: NewEvent[]) => Promise<void>,
) => Promise<TaskChange | undefined | void>;
type TurnEnd = Partial<
  Pick<Extract<NewEvent, { code: 'turn.finished' }>['params'], 'answer' | 'usage' | 'error' | 'report'>
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
