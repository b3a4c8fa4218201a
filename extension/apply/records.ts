/**
 * What this machine knows of tasks beyond the backend: from which folder one was sent, and which
 * checkpoint undoes what was applied of it. Kept in the global state; the newest only.
 */
import type { Memento } from 'vscode';

export interface AppliedRecord {
  turn: number;
  /** Absent: the first. */
  attempt?: number;
  root: string;
  /** Newest last: undo goes back one at a time. */
  checkpoints: string[];
}

const FOLDERS = 'codexTasks.folders';
const APPLIED = 'codexTasks.applied';
/** More tasks than a list shows. */
const KEPT = 500;

export class TaskRecords {
  readonly #state: Memento;
  readonly #listeners = new Set<(taskId: string) => void>();

  constructor(state: Memento) {
    this.#state = state;
  }

  onChange(listener: (taskId: string) => void): void {
    this.#listeners.add(listener);
  }

  folder(taskId: string): string | undefined {
    return this.#read<string>(FOLDERS)[taskId];
  }

  async setFolder(taskId: string, root: string): Promise<void> {
    await this.#write(FOLDERS, taskId, root);
  }

  applied(taskId: string): AppliedRecord | undefined {
    return this.#read<AppliedRecord>(APPLIED)[taskId];
  }

  async setApplied(taskId: string, record: AppliedRecord | undefined): Promise<void> {
    await this.#write(APPLIED, taskId, record);
    for (const listener of this.#listeners) listener(taskId);
  }

  #read<T>(name: string): Record<string, T> {
    return this.#state.get<Record<string, T>>(name) ?? {};
  }

  async #write(name: string, taskId: string, value: unknown): Promise<void> {
    const others = Object.entries(this.#read<unknown>(name)).filter(([id]) => id !== taskId);
    const entries = others.slice(-(KEPT - 1));
    if (value !== undefined) entries.push([taskId, value]);
    await this.#state.update(name, Object.fromEntries(entries));
  }
}
