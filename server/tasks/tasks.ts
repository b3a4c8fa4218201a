/**
 * Tasks as a client sees them: make, list, look at, follow up, retry, cancel, name, archive, review,
 * delete. Every change is one transaction, is told to the hub after its commit, and returns the task as
 * it then is. What runs a turn is the queue's affair; rights are the gateway's.
 */
import { CodexError } from '../../protocol/errors.ts';
import type { NewEvent, WireEvent } from '../../protocol/events.ts';
import type { LimitValues } from '../../protocol/limits.ts';
import type { ParamsOf, TaskSummary, TaskView } from '../../protocol/rpc.ts';
import type { ReviewState } from '../../protocol/states.ts';
import { hasEnded } from '../../protocol/states.ts';
import type { Store, Tx } from '../store/store.ts';
import { attemptRows, checkChosen, choose } from './attempts.ts';
import { removeBlobsOf } from './blobs.ts';
import { appendEvents } from './events.ts';
import type { Hub } from './hub.ts';
import { removeResults } from './patches.ts';
import type { TurnQueue } from './queue.ts';
import { beginAnew } from './retry.ts';
import { newTaskId, storable, summaryOf, type TaskRow, titleOf, turnViewOf } from './rows.ts';
import { say, wasSaid } from './steering.ts';
import { storedTrigger, type Trigger } from './trigger.ts';
import { insertTurn, lockTask, taskRow, turnRow } from './turn-rows.ts';
import { fitView } from './view-size.ts';

export interface TasksDeps {
  store: Store;
  hub: Hub;
  queue: TurnQueue;
  limits: LimitValues;
  /** After a task is gone: its sandboxes and repositories go too. */
  onDeleted?: (task: { id: string; repoId: string }) => void;
  /** After an attempt was chosen: what the others left running goes. */
  onChosen?: (taskId: string, attempt: number) => Promise<void>;
}

type Changed = { task: TaskRow; events?: WireEvent[] };

export class Tasks {
  readonly #deps: TasksDeps;

  constructor(deps: TasksDeps) {
    this.#deps = deps;
  }

  /**
   * The same `requestId` of the same person is the same task, however often it is sent. `onlySetup`: its
   * first turn is a try of the environment. `trigger`: a comment on a forge asked for it.
   */
  async create(
    request: ParamsOf<'task.create'>,
    who: string,
    { onlySetup = false, trigger }: { onlySetup?: boolean; trigger?: Trigger } = {},
  ): Promise<TaskSummary> {
    const { store, limits, queue } = this.#deps;
    this.#checkPrompt(request.prompt);
    const id = newTaskId();
    const now = Date.now();
    const title = storable(titleOf(request.prompt));
    const changed = await store.write<Changed & { isNew: boolean }>(async (tx) => {
      const inserted = await tx
        .insertInto('tasks')
        .values({
          id,
          request_id: request.requestId,
          created_by: who,
          title,
          mode: request.mode,
          repo_id: request.repo.repoId,
          repo: JSON.stringify(request.repo),
          environment: request.environment ?? null,
          model: request.model ?? null,
          effort: request.effort ?? null,
          chosen_attempt: null,
          attempts_done: null,
          attempts: request.attempts,
          turns: 1,
          state: 'queued',
          phase: null,
          review: 'none',
          archived: false,
          patch: null,
          trigger: trigger ? JSON.stringify(trigger) : null,
          error: null,
          last_seq: 0,
          created_at: now,
          updated_at: now,
        })
        .onConflict((on) => on.columns(['created_by', 'request_id']).doNothing())
        .returning('id')
        .executeTakeFirst();
      if (!inserted) {
        const task = await tx
          .selectFrom('tasks')
          .selectAll()
          .where('created_by', '=', who)
          .where('request_id', '=', request.requestId)
          .executeTakeFirstOrThrow();
        return { task, isNew: false };
      }
      // What was asked for with the task is the task's: a follow-up has it too.
      await insertTurn(tx, { taskId: id, turn: 1, who, onlySetup, ...request, model: null, effort: null });
      await queue.enqueue(tx, id, 1, request.attempts);
      const created: NewEvent = { code: 'task.created', params: { title, mode: request.mode } };
      const events = await appendEvents(tx, { taskId: id, turn: 1 }, [created], limits.eventBytes);
      return { task: await taskRow(tx, id), events, isNew: true };
    });
    if (!changed.isNew) return summaryOf(changed.task);
    queue.wake();
    return this.#told(changed);
  }

  /** A follow-up. The same `requestId` is the same turn. */
  async followUp(
    request: ParamsOf<'turn.create'>,
    who: string,
  ): Promise<{ task: TaskSummary; turn: number }> {
    this.#checkPrompt(request.prompt);
    const { queue } = this.#deps;
    let turn = 0;
    const task = await this.#change(request.taskId, async (tx, row) => {
      const same = await tx
        .selectFrom('turns')
        .select('turn')
        .where('task_id', '=', row.id)
        .where('request_id', '=', request.requestId)
        .executeTakeFirst();
      if (same) {
        turn = same.turn;
        return {};
      }
      if (!hasEnded(row.state)) throw new CodexError('conflict', { state: row.state });
      await checkChosen(tx, row);
      turn = row.turns + 1;
      const mode = request.mode ?? row.mode;
      const { model = null, effort = null } = request;
      await insertTurn(tx, { ...request, mode, turn, who, onlySetup: false, model, effort });
      await queue.enqueue(tx, row.id, turn, 1);
      return { turns: turn, state: 'queued', phase: null, error: null };
    });
    if (task.attempts > 1) await this.#removeOthers(task);
    queue.wake();
    return { task, turn };
  }

  /** Said to the turn that runs: the model gets it with its next request. The same `requestId` is said once. */
  async steer(request: ParamsOf<'turn.steer'>, who: string): Promise<TaskSummary> {
    this.#checkPrompt(request.text);
    const { taskId, requestId } = request;
    return this.#change(taskId, async (tx, row, tell) => {
      const { steerable } = await turnRow(tx, taskId, row.turns);
      const of = { taskId, turn: row.turns, requestId, text: storable(request.text), who };
      if (await wasSaid(tx, of)) return {};
      if (hasEnded(row.state) || !steerable) throw new CodexError('turnEnding', { state: row.state });
      const said = await say(tx, of);
      const event: NewEvent = { code: 'turn.steered', params: { id: said.id, text: said.text } };
      tell(await appendEvents(tx, { taskId, turn: row.turns }, [event], this.#deps.limits.eventBytes));
      return {};
    });
  }

  /** From now on this attempt's result is the task's; see `attempts.ts` for what speaks against it. */
  async choose(taskId: string, attempt: number): Promise<TaskSummary> {
    const { limits } = this.#deps;
    const task = await this.#change(taskId, (tx, row, tell) =>
      choose(tx, row, attempt, async (event) =>
        tell(await appendEvents(tx, { taskId, turn: row.turns }, [event], limits.eventBytes)),
      ),
    );
    // A turn that runs has long put the others away.
    if (task.attempts > 1 && hasEnded(task.state)) await this.#removeOthers(task);
    return task;
  }

  async #removeOthers({ id, chosenAttempt }: TaskSummary): Promise<void> {
    if (chosenAttempt !== undefined) await this.#deps.onChosen?.(id, chosenAttempt);
  }

  /** Runs the newest turn again, when it failed or was cancelled. Its own partial result goes. */
  async retry(taskId: string): Promise<TaskSummary> {
    const { queue } = this.#deps;
    const task = await this.#change(taskId, async (tx, row) => {
      if (row.state === 'completed') throw new CodexError('conflict', { state: row.state });
      // Sent twice: it is queued or runs already.
      if (!hasEnded(row.state)) return {};
      const { running, change } = await beginAnew(tx, row);
      await queue.enqueue(tx, taskId, row.turns, Math.max(running, 1));
      return change;
    });
    queue.wake();
    return task;
  }

  /** A queued turn ends at once; a running one is told, delivers what is there, and ends then. */
  async cancel(taskId: string): Promise<TaskSummary> {
    const { queue, limits } = this.#deps;
    const task = await this.#change(taskId, async (tx, row, tell) => {
      if (hasEnded(row.state)) return {};
      // A turn that had an owner before may have something to deliver: its next owner does that.
      const turn = await turnRow(tx, taskId, row.turns);
      const fresh = row.state === 'queued' && turn.started_at === null;
      if (fresh) {
        const finished: NewEvent = { code: 'turn.finished', params: { state: 'cancelled', durationMs: 0 } };
        tell(await appendEvents(tx, { taskId, turn: row.turns }, [finished], limits.eventBytes));
        if (turn.job_id) await queue.dequeue(tx, turn.job_id);
      }
      await tx
        .updateTable('turns')
        .set({ cancel_requested: true, ...(fresh ? { state: 'cancelled', finished_at: Date.now() } : {}) })
        .where('task_id', '=', taskId)
        .where('turn', '=', row.turns)
        .execute();
      return fresh ? { state: 'cancelled', phase: null } : {};
    });
    queue.stopTurn(taskId, 'cancelled');
    return task;
  }

  rename(taskId: string, title: string): Promise<TaskSummary> {
    return this.#change(taskId, async (tx, row, tell) => {
      const params = { title: storable(title), by: 'person' } as const;
      const renamed: NewEvent = { code: 'task.renamed', params };
      tell(await appendEvents(tx, { taskId, turn: row.turns }, [renamed], this.#deps.limits.eventBytes));
      return { title: params.title };
    });
  }

  archive(taskId: string, archived: boolean): Promise<TaskSummary> {
    return this.#change(taskId, async () => ({ archived }));
  }

  review(taskId: string, review: ReviewState): Promise<TaskSummary> {
    return this.#change(taskId, async () => ({ review }));
  }

  /** Everything of it, running or not. */
  async delete(taskId: string): Promise<void> {
    const { store, hub, queue, onDeleted } = this.#deps;
    const task = await store.write(async (tx) => {
      const row = await lockTask(tx, taskId);
      if (!row) throw new CodexError('notFound', { what: 'task' });
      const { job_id } = await turnRow(tx, taskId, row.turns);
      if (job_id) await queue.dequeue(tx, job_id);
      await removeResults(tx, { taskId });
      await removeBlobsOf(tx, taskId);
      await tx.deleteFrom('tasks').where('id', '=', taskId).execute();
      return row;
    });
    queue.stopTurn(taskId, 'superseded');
    hub.taskDeleted(taskId);
    onDeleted?.({ id: taskId, repoId: task.repo_id });
  }

  async list(options: { limit: number; archived: boolean }): Promise<TaskSummary[]> {
    const rows = await this.#deps.store.read((db) =>
      db
        .selectFrom('tasks')
        .selectAll()
        .where('archived', '=', options.archived)
        .orderBy('created_at', 'desc')
        .orderBy('id')
        .limit(options.limit)
        .execute(),
    );
    return rows.map(summaryOf);
  }

  async summary(taskId: string): Promise<TaskSummary> {
    return summaryOf(await this.#deps.store.read((db) => taskRow(db, taskId)));
  }

  /** The comment on a forge that started it; null: a person at a client did. */
  async triggerOf(taskId: string): Promise<Trigger | null> {
    return storedTrigger((await this.#deps.store.read((db) => taskRow(db, taskId))).trigger);
  }

  get(taskId: string): Promise<TaskView> {
    return this.#deps.store.read(async (db) => {
      const task = await taskRow(db, taskId);
      const turns = await db
        .selectFrom('turns')
        .selectAll()
        .where('task_id', '=', taskId)
        .orderBy('turn')
        .execute();
      const results = await db.selectFrom('results').selectAll().where('task_id', '=', taskId).execute();
      const phases = await db.selectFrom('phases').selectAll().where('task_id', '=', taskId).execute();
      const attempts = await attemptRows(db, { taskId });
      const turnList = turns.map((turn) => turnViewOf(turn, task, { results, phases, attempts }));
      return fitView({ ...summaryOf(task), turnList }, this.#deps.limits.rpcFrameBytes);
    });
  }

  async #change(
    taskId: string,
    change: (tx: Tx, row: TaskRow, tell: (events: WireEvent[]) => void) => Promise<Partial<TaskRow>>,
  ): Promise<TaskSummary> {
    let events: WireEvent[] = [];
    const task = await this.#deps.store.write(async (tx) => {
      const row = await lockTask(tx, taskId);
      if (!row) throw new CodexError('notFound', { what: 'task' });
      const changes = await change(tx, row, (more) => (events = more));
      return tx
        .updateTable('tasks')
        .set({ ...changes, updated_at: Date.now() })
        .where('id', '=', taskId)
        .returningAll()
        .executeTakeFirstOrThrow();
    });
    return this.#told({ task, events });
  }

  #told({ task, events }: Changed): TaskSummary {
    const summary = summaryOf(task);
    this.#deps.hub.publish(task.id, events ?? []);
    this.#deps.hub.taskChanged(summary);
    return summary;
  }

  #checkPrompt(prompt: string): void {
    const max = this.#deps.limits.promptBytes;
    if (Buffer.byteLength(prompt) > max)
      throw new CodexError('limitReached', { limit: 'promptBytes', value: max });
  }
}
