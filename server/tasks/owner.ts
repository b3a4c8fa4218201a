/**
 * A turn in the hands of its owner: the `TurnContext` over the database.
 *
 * How it writes is in `writing.ts`, how it ends in `ending.ts`; what it may write is here: which state
 * follows which, and which attempt an event belongs to.
 */
import { toWireError } from '../../protocol/errors.ts';
import type { Attachment, NewEvent } from '../../protocol/events.ts';
import type { LimitValues } from '../../protocol/limits.ts';
import type { RepoAtCommit } from '../../protocol/rpc.ts';
import type { Phase, PhaseOutcome, TurnState } from '../../protocol/states.ts';
import { mayBecome } from '../../protocol/states.ts';
import type { Store, Tx } from '../store/store.ts';
import { dropOpen, type Approvals } from './approvals.ts';
import { askFor } from './asking.ts';
import { attemptRows, attemptsDone, endAttempt, endOf, startAttempt } from './attempts.ts';
import { keepBlob, loadBlob } from './blobs.ts';
import { type EndState, endingOf, type TurnEnd } from './ending.ts';
import { itemEnded, outputStored, usageTold, wasRenamed } from './events.ts';
import { appendHistory, loadHistory } from './history.ts';
import type { Hub } from './hub.ts';
import { newestResult, storeResult } from './patches.ts';
import { attemptsOf, parsed, storable, type TaskRow, type TurnRow } from './rows.ts';
import { endPhase, startPhase } from './phases.ts';
import { Redaction } from './redaction.ts';
import { saidAfter } from './steering.ts';
import { stopReason, type Said, type TurnContext } from './turn-context.ts';
import { storedTrigger } from './trigger.ts';
import { updateTurn } from './turn-rows.ts';
import { writesOf } from './writing.ts';

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
  const redact = <T>(value: T): T => redaction.value(value);
  /** Attempts that take nothing more of what the person says. */
  const closedTo = new Set<number>();
  const write = writesOf({ store, hub, limits, redaction, stop, hasEnded: () => ended }, writer);

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
    redact,
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

  async function end(to: EndState, more: TurnEnd): Promise<void> {
    // A turn that ends before its runner said that it runs has run nevertheless.
    if (state === 'preparing' && to === 'completed') state = 'running';
    if (!mayBecome(state, to)) throw new Error(`A turn that is ${state} can't become ${to}.`);
    const { events, also } = endingOf(
      { task, turn, redact, endJob: (tx, id) => deps.endJob(tx, id) },
      to,
      more,
    );
    await write(events, also);
    state = to;
    ended = true;
  }

  async function keep(bytes: Uint8Array, type?: 'application/octet-stream'): Promise<string> {
    let sha256 = '';
    await write([], async (tx) => {
      sha256 = await keepBlob(tx, task.id, bytes, type);
    });
    return sha256;
  }
  const load = (sha256: string) => store.read((db) => loadBlob(db, sha256));

  /** `attempt` absent: of a task's only one, or said with each event. */
  const contextOf = (attempt?: number): TurnContext => ({
    task: {
      id: task.id,
      title: task.title,
      repo: JSON.parse(task.repo) as RepoAtCommit,
      model: task.model,
      effort: task.effort,
      environment: task.environment,
      trigger: storedTrigger(task.trigger),
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
    startAttempt: (one) =>
      write([], async (tx) => {
        await startAttempt(tx, of, one);
        return hasSeveral ? attemptsDone(tx, of) : undefined;
      }),
    finishAttempt: (one, end) =>
      write([], async (tx, add) => {
        await dropOpen(tx, { ...of, attempt: one });
        await add(await endAttempt(tx, of, one, redact(end)));
        return hasSeveral ? attemptsDone(tx, of) : undefined;
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
    progress: (text) => tell(attempt, PROGRESS_ITEM, `${redact(text)}\n`),

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
        write(stamped(events, attempt), (tx) => appendHistory(tx, { ...of, attempt: one }, redact(items))),
    }),
    pictures: { keep: (bytes) => keep(bytes), load },
    files: { keep: (bytes) => keep(bytes, 'application/octet-stream'), load },
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
        const params = { title: storable(redact(title)), by: 'model' } as const;
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

function stamped(events: readonly NewEvent[], attempt: number | undefined): readonly NewEvent[] {
  return attempt === undefined ? events : events.map((event) => ({ ...event, attempt }));
}
