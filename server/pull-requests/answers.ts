/**
 * What we say in answer to comments that started tasks: one comment that we have begun, which is changed to the
 * result when the task's first turn has ended. What could not be said is tried again by the polling loop, less often
 * each time; what was not said before the backend ended is said after its next start.
 */
import { parsed } from '../tasks/rows.ts';
import { KeyedLock } from '../repos/keyed-lock.ts';
import { CodexError, type WireError } from '../../protocol/errors.ts';
import type { PatchSummary } from '../../protocol/events.ts';
import { ANSWER_TRIES, FORGE_RETRY_MOST_MS, FORGE_RETRY_MS } from '../../protocol/limits.ts';
import { hasEnded } from '../../protocol/states.ts';
import type { Sink } from '../tasks/hub.ts';
import { storedTrigger, type Trigger } from '../tasks/trigger.ts';
import { endedText, isAnswer, startedText, type Outcome } from './command.ts';
import { Pauses } from './pauses.ts';
import { taskUrl, type PullDeps } from './types.ts';

type Deps = Pick<PullDeps, 'store' | 'hub' | 'forges' | 'log' | 'publicUrl'>;

export class TriggeredTasks {
  readonly #deps: Deps;
  /** Those that still wait for their result. */
  readonly #open = new Set<string>();
  /** Of those a try may have said something already that we have not heard of. */
  readonly #tried = new Set<string>();
  /** What was to be said last did not get through. */
  readonly #owed = new Set<string>();
  readonly #pauses: Pauses;
  readonly #lock = new KeyedLock();
  readonly #closing = new AbortController();

  constructor(deps: Deps, now?: () => number) {
    this.#deps = deps;
    this.#pauses = new Pauses({
      firstMs: FORGE_RETRY_MS,
      mostMs: FORGE_RETRY_MOST_MS,
      ...(now ? { now } : {}),
    });
  }

  async start(): Promise<void> {
    const { store, hub } = this.#deps;
    const sink: Sink = {
      notify: (name, params) => {
        if (name !== 'task.changed' || !('task' in params)) return;
        const { id, state } = params.task;
        if (this.#open.has(id) && hasEnded(state)) void this.#now(id);
      },
      closed: this.#closing.signal,
      isBehind: () => false,
      drained: () => Promise.resolve(),
    };
    hub.watch(sink);
    const rows = await store.read((db) =>
      db.selectFrom('tasks').select(['id', 'trigger']).where('trigger', 'is not', null).execute(),
    );
    const open = rows.filter(({ trigger }) => storedTrigger(trigger)?.answered !== true);
    for (const { id } of open) {
      this.#open.add(id);
      this.#tried.add(id);
      this.#owed.add(id);
    }
    void this.again();
  }

  /** Again is no harm. */
  async started(taskId: string): Promise<void> {
    this.#open.add(taskId);
    await this.#now(taskId);
  }

  /** There is something new to say: earlier failures don't count. */
  #now(taskId: string): Promise<void> {
    this.#pauses.forget(taskId);
    return this.#answer(taskId);
  }

  /** What failed before, when its time has come. Of the polling loop. */
  async again(): Promise<void> {
    for (const taskId of [...this.#owed]) {
      if (!this.#closing.signal.aborted && this.#pauses.isDue(taskId)) await this.#answer(taskId);
    }
  }

  stop(): void {
    this.#closing.abort();
  }

  async #answer(taskId: string): Promise<void> {
    const { store, log } = this.#deps;
    try {
      // Another backend on the same database may be saying it.
      await this.#lock.run(taskId, () => store.alone(`answer ${taskId}`, () => this.#say(taskId)));
      this.#owed.delete(taskId);
      this.#pauses.forget(taskId);
    } catch (error) {
      if (this.#closing.signal.aborted) return;
      if (this.#pauses.failed(taskId) < ANSWER_TRIES) this.#owed.add(taskId);
      else this.#owed.delete(taskId);
      log.warn('a comment could not be answered', { taskId, error });
    }
  }

  #isDone(taskId: string): void {
    this.#open.delete(taskId);
    this.#tried.delete(taskId);
  }

  async #say(taskId: string, isAgain = false): Promise<void> {
    if (this.#closing.signal.aborted) return;
    const task = await this.#task(taskId);
    if (task === null || task.trigger.answered === true) {
      this.#isDone(taskId);
      return;
    }
    const { trigger, outcome } = task;
    const named = { taskId, url: taskUrl(this.#deps.publicUrl, taskId) };
    const forge = await this.#deps.forges.get(trigger.host);
    const repo = forge.repo(trigger.repo);
    let { answerId } = trigger;
    if (answerId === undefined && this.#tried.has(taskId)) {
      const { login } = await forge.whoAmI();
      const there = await repo.commentsBelow(trigger.number);
      answerId = there.find((comment) => isAnswer(comment, { taskId, login }))?.id;
    }
    this.#tried.add(taskId);
    if (answerId === undefined) answerId = (await repo.comment(trigger.number, startedText(named))).id;
    if (answerId !== trigger.answerId) await this.#keep(taskId, { ...trigger, answerId });
    if (outcome === null) return;
    try {
      await repo.changeComment(answerId, endedText(named, outcome));
    } catch (error) {
      const isGone = error instanceof CodexError && error.code === 'forgeRepoUnknown';
      if (!isGone || isAgain) throw error;
      // Somebody has taken our words away: they are said anew.
      await this.#keep(taskId, { ...trigger, answerId: undefined });
      return this.#say(taskId, true);
    }
    await this.#keep(taskId, { ...trigger, answerId, answered: true });
    this.#isDone(taskId);
  }

  /** Null: it is gone, or was started by nobody's comment. `outcome` null: its first turn goes on. */
  #task(taskId: string): Promise<{ trigger: Trigger; outcome: Outcome | null } | null> {
    return this.#deps.store.read(async (db) => {
      const row = await db.selectFrom('tasks').select('trigger').where('id', '=', taskId).executeTakeFirst();
      const trigger = storedTrigger(row?.trigger ?? null);
      if (trigger === null) return null;
      const turn = await db
        .selectFrom('turns')
        .select(['state', 'answer', 'error'])
        .where('task_id', '=', taskId)
        .where('turn', '=', 1)
        .executeTakeFirstOrThrow();
      const result = await db
        .selectFrom('results')
        .select('summary')
        .where('task_id', '=', taskId)
        .where('turn', '=', 1)
        .where('attempt', '=', 1)
        .executeTakeFirst();
      const outcome: Outcome | null = hasEnded(turn.state)
        ? {
            state: turn.state,
            answer: turn.answer,
            error: parsed<WireError>(turn.error),
            patch: parsed<PatchSummary>(result?.summary ?? null),
          }
        : null;
      return { trigger, outcome };
    });
  }

  async #keep(taskId: string, trigger: Trigger): Promise<void> {
    await this.#deps.store.write((tx) =>
      tx
        .updateTable('tasks')
        .set({ trigger: JSON.stringify(trigger) })
        .where('id', '=', taskId)
        .execute(),
    );
  }
}
