/** What can be done with a task, by whatever surface: each is one call, and its answer goes into the store. */
import type { Backend } from '../connection/backend.ts';
import type { Mode } from '../../protocol/states.ts';
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

  async followUp(taskId: string, what: { requestId: string; prompt: string; mode: Mode }): Promise<void> {
    if (what.prompt.trim() === '') throw new SentenceError(t('The prompt is empty.'));
    const { connection } = await this.#backend.ready();
    this.#store.changed((await connection.call('turn.create', { taskId, ...what })).task);
  }
}
