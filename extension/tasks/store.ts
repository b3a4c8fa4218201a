/**
 * The tasks as this window knows them: what the backend said last, and what was just submitted and
 * is not there yet. A submitted task has one row from the first moment on, known by its request id,
 * and its summary takes that row over: it is never shown twice. No VS Code in here.
 */
import type { TaskSummary } from '../../protocol/rpc.ts';
import { groupOf, hasEnded, type Mode, type TaskGroup } from '../../protocol/states.ts';

export interface PendingTask {
  requestId: string;
  title: string;
  mode: Mode;
  repoName: string;
  stage: 'connecting' | 'snapshot' | 'pushing' | 'creating';
  createdAt: number;
}

export type Row =
  { kind: 'task'; key: string; task: TaskSummary } | { kind: 'pending'; key: string; pending: PendingTask };

export const GROUPS: readonly TaskGroup[] = ['running', 'needsReview', 'failed', 'done'];

/** A title of the prompt's first line, until the backend has made its own. */
const TITLE_CHARS = 80;

export function titleOf(prompt: string): string {
  const first = prompt.trim().split('\n')[0] ?? '';
  return first.length > TITLE_CHARS ? `${first.slice(0, TITLE_CHARS - 1)}…` : first;
}

export interface Change {
  before: TaskSummary | undefined;
  after: TaskSummary;
}

export class TaskStore {
  readonly #tasks = new Map<string, TaskSummary>();
  readonly #pending = new Map<string, PendingTask>();
  /** The person stopped them, and the backend has not told their end yet. */
  readonly #stopping = new Set<string>();
  readonly #listeners = new Set<(changes: Change[]) => void>();

  /** `changes` are the tasks of which something new is known; empty when only rows changed. */
  onChange(listener: (changes: Change[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get(taskId: string): TaskSummary | undefined {
    return this.#tasks.get(taskId);
  }

  get tasks(): TaskSummary[] {
    return [...this.#tasks.values()];
  }

  /** After each (re)connect: what is true now. */
  replaceAll(tasks: readonly TaskSummary[]): void {
    const before = new Map(this.#tasks);
    this.#tasks.clear();
    this.#stopping.clear();
    for (const task of tasks) this.#put(task);
    this.#tell(tasks.map((after) => ({ before: before.get(after.id), after })));
  }

  changed(task: TaskSummary): void {
    const before = this.#tasks.get(task.id);
    // An answer to a call and a notification may overtake one another: the newer one counts.
    if (before && (before.lastSeq > task.lastSeq || before.updatedAt > task.updatedAt)) return;
    this.#put(task);
    this.#tell([{ before, after: task }]);
  }

  deleted(taskId: string): void {
    this.#stopping.delete(taskId);
    if (this.#tasks.delete(taskId)) this.#tell([]);
  }

  /** Another backend: nothing of the old one's is true any more. */
  clear(): void {
    this.#tasks.clear();
    this.#stopping.clear();
    this.#tell([]);
  }

  isStopping(taskId: string): boolean {
    return this.#stopping.has(taskId);
  }

  /** Shown until the backend tells the task's end, or `stopFailed`. */
  stopping(taskId: string): void {
    const task = this.#tasks.get(taskId);
    if (!task || hasEnded(task.state) || this.#stopping.has(taskId)) return;
    this.#stopping.add(taskId);
    this.#tell([{ before: task, after: task }]);
  }

  stopFailed(taskId: string): void {
    const task = this.#tasks.get(taskId);
    if (this.#stopping.delete(taskId) && task) this.#tell([{ before: task, after: task }]);
  }

  addPending(pending: PendingTask): void {
    if (this.tasks.some((task) => task.requestId === pending.requestId)) return;
    this.#pending.set(pending.requestId, pending);
    this.#tell([]);
  }

  setStage(requestId: string, stage: PendingTask['stage']): void {
    const pending = this.#pending.get(requestId);
    if (!pending || pending.stage === stage) return;
    this.#pending.set(requestId, { ...pending, stage });
    this.#tell([]);
  }

  /** It was not accepted: whoever submitted it says why. */
  dropPending(requestId: string): void {
    if (this.#pending.delete(requestId)) this.#tell([]);
  }

  /** Newest first in each group; archived tasks are not listed. */
  groups(): Map<TaskGroup, Row[]> {
    const groups = new Map<TaskGroup, Row[]>(GROUPS.map((group) => [group, []]));
    for (const pending of this.#pending.values()) {
      groups.get('running')?.push({ kind: 'pending', key: pending.requestId, pending });
    }
    for (const task of this.#tasks.values()) {
      if (task.archived) continue;
      groups.get(groupOf(task.state, task.review))?.push({ kind: 'task', key: task.requestId, task });
    }
    for (const rows of groups.values()) rows.sort((a, b) => createdAt(b) - createdAt(a));
    return groups;
  }

  #put(task: TaskSummary): void {
    this.#tasks.set(task.id, task);
    this.#pending.delete(task.requestId);
    if (hasEnded(task.state)) this.#stopping.delete(task.id);
  }

  #tell(changes: Change[]): void {
    for (const listener of this.#listeners) listener(changes);
  }
}

function createdAt(row: Row): number {
  return row.kind === 'task' ? row.task.createdAt : row.pending.createdAt;
}
