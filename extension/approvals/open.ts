/**
 * The open questions of all tasks, as this window knows them: read again whenever a task begins to wait, or
 * something of one that waits changes. No VS Code in here.
 */
import type { OpenApproval } from '../../protocol/approval.ts';
import type { TaskSummary } from '../../protocol/rpc.ts';

export interface OpenOptions {
  tasks(): readonly TaskSummary[];
  list(): Promise<OpenApproval[]>;
  /** Told once per question. */
  onNew(question: OpenApproval): void;
}

export class OpenApprovals {
  readonly #options: OpenOptions;
  readonly #told = new Set<string>();
  #open: OpenApproval[] = [];
  /** What was known of the tasks that wait when the questions were read last. */
  #seen = '';
  #reading = Promise.resolve();

  constructor(options: OpenOptions) {
    this.#options = options;
  }

  get all(): readonly OpenApproval[] {
    return this.#open;
  }

  /** Call it after every change of a task. */
  update(): void {
    const waiting = this.#options.tasks().filter((task) => task.waiting === 'approval');
    const seen = waiting
      .map((task) => `${task.id} ${task.lastSeq}`)
      .sort()
      .join('\n');
    if (seen === this.#seen) return;
    this.#seen = seen;
    if (waiting.length === 0) this.#take([]);
    // One after the other: an older list must not come after a newer one.
    else this.#reading = this.#reading.then(() => this.#read(seen));
  }

  async #read(seen: string): Promise<void> {
    if (seen !== this.#seen) return;
    try {
      const open = await this.#options.list();
      if (seen === this.#seen) this.#take(open);
    } catch {
      // The connection is lost: what is true then comes with the next list of tasks.
      if (seen === this.#seen) this.#seen = '';
    }
  }

  #take(open: OpenApproval[]): void {
    this.#open = open;
    for (const question of open) {
      if (this.#told.has(keyOf(question))) continue;
      this.#told.add(keyOf(question));
      this.#options.onNew(question);
    }
  }
}

function keyOf({ taskId, approvalId }: OpenApproval): string {
  return `${taskId} ${approvalId}`;
}
