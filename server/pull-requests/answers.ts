/**
 * What we say in answer to comments that started tasks: one comment that we have begun, which is changed to the
 * result when the task's first turn has ended. What was not said before the backend ended is said after its next start.
 */
import { parsed } from '../tasks/rows.ts';
import { KeyedLock } from '../repos/keyed-lock.ts';
import type { WireError } from '../../protocol/errors.ts';
import type { PatchSummary } from '../../protocol/events.ts';
import { hasEnded } from '../../protocol/states.ts';
import type { Sink } from '../tasks/hub.ts';
import { storedTrigger, type Trigger } from '../tasks/trigger.ts';
import { endedText, markOf, startedText, type Outcome } from './command.ts';
import { taskUrl, type PullDeps } from './types.ts';

type Deps = Pick<PullDeps, 'store' | 'hub' | 'forges' | 'log' | 'publicUrl'>;

export class TriggeredTasks {
  readonly #deps: Deps;
  /** Those that still wait for their result. */
  readonly #open = new Set<string>();
  readonly #lock = new KeyedLock();
  readonly #closing = new AbortController();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  async start(): Promise<void> {
    const { store, hub } = this.#deps;
    const sink: Sink = {
      notify: (name, params) => {
        if (name !== 'task.changed' || !('task' in params)) return;
        const { id, state } = params.task;
        if (this.#open.has(id) && hasEnded(state)) void this.#answer(id);
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
    for (const { id } of open) this.#open.add(id);
    for (const { id } of open) void this.#answer(id, true);
  }

  /** Again is no harm. */
  async started(taskId: string): Promise<void> {
    this.#open.add(taskId);
    await this.#answer(taskId);
  }

  stop(): void {
    this.#closing.abort();
  }

  /** `again`: an earlier try may have said something already. */
  async #answer(taskId: string, again = false): Promise<void> {
    try {
      await this.#lock.run(taskId, () => this.#say(taskId, again));
    } catch (error) {
      this.#deps.log.warn('a comment could not be answered', { taskId, error });
    }
  }

  async #say(taskId: string, again: boolean): Promise<void> {
    if (this.#closing.signal.aborted) return;
    const task = await this.#task(taskId);
    if (task === null || task.trigger.answered === true) {
      this.#open.delete(taskId);
      return;
    }
    const { trigger, outcome } = task;
    const named = { taskId, url: taskUrl(this.#deps.publicUrl, taskId) };
    const repo = (await this.#deps.forges.get(trigger.host)).repo(trigger.repo);
    let { answerId } = trigger;
    if (answerId === undefined && again) {
      const mark = markOf(taskId);
      answerId = (await repo.comments(trigger.number)).find(({ body }) => body.includes(mark))?.id;
    }
    if (answerId === undefined) answerId = (await repo.comment(trigger.number, startedText(named))).id;
    if (answerId !== trigger.answerId) await this.#keep(taskId, { ...trigger, answerId });
    if (outcome === null) return;
    await repo.changeComment(answerId, endedText(named, outcome));
    await this.#keep(taskId, { ...trigger, answerId, answered: true });
    this.#open.delete(taskId);
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
