/** What can be done with a task, by whatever surface: each is one call, and its answer goes into the store. */
import type { Backend } from '../connection/backend.ts';
import type { ParamsIn } from '../../protocol/rpc.ts';
import type { Mode, ReviewState } from '../../protocol/states.ts';
import { SentenceError, t } from '../platform/words.ts';
import type { TaskStore } from './store.ts';

export class TaskActions {
  readonly #backend: Backend;
  readonly #store: TaskStore;

  constructor(backend: Backend, store: TaskStore) {
    this.#backend = backend;
    this.#store = store;
  }

  async cancel(taskId: string): Promise<void> {
    // At once: the backend's answer may take as long as the command needs to end.
    this.#store.stopping(taskId);
    try {
      const { connection } = await this.#backend.ready();
      this.#store.changed((await connection.call('task.cancel', { taskId })).task);
    } catch (thrown) {
      this.#store.stopFailed(taskId);
      throw thrown;
    }
  }

  async retry(taskId: string): Promise<void> {
    const { connection } = await this.#backend.ready();
    this.#store.changed((await connection.call('task.retry', { taskId })).task);
  }

  async archive(taskId: string): Promise<void> {
    const { connection } = await this.#backend.ready();
    this.#store.changed((await connection.call('task.archive', { taskId, archived: true })).task);
  }

  /** Said to the turn that runs. */
  async steer(taskId: string, what: { requestId: string; text: string }): Promise<void> {
    if (what.text.trim() === '') throw new SentenceError(t('The text is empty.'));
    const { connection } = await this.#backend.ready();
    this.#store.changed((await connection.call('turn.steer', { taskId, ...what })).task);
  }

  async choose(taskId: string, attempt: number): Promise<void> {
    const { connection } = await this.#backend.ready();
    this.#store.changed((await connection.call('attempt.choose', { taskId, attempt })).task);
  }

  /** Another task from where this one started, as its answer suggests; gives the new one's id. */
  async startSuggested(taskId: string, what: { requestId: string; prompt: string }): Promise<string> {
    const { connection } = await this.#backend.ready();
    const from = this.#store.get(taskId) ?? (await connection.call('task.get', { taskId })).task;
    const { repo, environment, model, effort } = from;
    const params: ParamsIn<'task.create'> = {
      ...{ ...what, repo, mode: 'code' },
      ...(environment === undefined ? {} : { environment }),
      ...(model === undefined ? {} : { model }),
      ...(effort === undefined ? {} : { effort }),
    };
    const { task } = await connection.call('task.create', params);
    this.#store.changed(task);
    return task.id;
  }

  async reviewed(taskId: string, review: ReviewState): Promise<void> {
    const known = this.#store.get(taskId)?.review;
    // What became of it as a pull request says more than what is in a folder.
    if (known === review || known === 'pullRequest') return;
    const { connection } = await this.#backend.ready();
    this.#store.changed((await connection.call('task.review', { taskId, review })).task);
  }

  async followUp(taskId: string, what: { requestId: string; prompt: string; mode: Mode }): Promise<void> {
    if (what.prompt.trim() === '') throw new SentenceError(t('The prompt is empty.'));
    const { connection } = await this.#backend.ready();
    this.#store.changed((await connection.call('turn.create', { taskId, ...what })).task);
  }
}
