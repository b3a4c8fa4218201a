/**
 * What `run` does when a command waits for a person's word: asks on a terminal, one question after the other;
 * without one it says how to answer, and waits.
 */
import { createInterface } from 'node:readline/promises';
import type { BackendConnection } from '../../client/connection/index.ts';
import { APPROVAL_REASON_WORDS } from '../../client/words/index.ts';
import type { ApprovalAnswer } from '../../protocol/approval.ts';
import { CodexError, errorText } from '../../protocol/errors.ts';
import { knownEvent, type WireEvent } from '../../protocol/events.ts';
import { tameName } from '../terminal.ts';

interface Asked {
  approvalId: string;
  lines: string[];
  /** Aborted when it was answered elsewhere, or its turn ended. */
  gone: AbortController;
}

const KEYS: Record<string, ApprovalAnswer> = { o: 'once', t: 'task', n: 'never' };

export interface AskerOptions {
  connection: BackendConnection;
  taskId: string;
  /** Attempts: then it is said whose command it is. */
  hasSeveral?: boolean;
  /** A terminal to ask on, else null. */
  terminal: { input: NodeJS.ReadableStream; output: NodeJS.WritableStream } | null;
  warn: (line: string) => void;
}

export class ApprovalAsker {
  readonly #options: AskerOptions;
  readonly #open = new Map<string, Asked>();
  #asking = Promise.resolve();

  constructor(options: AskerOptions) {
    this.#options = options;
  }

  event(event: WireEvent): void {
    const known = knownEvent(event);
    if (known?.code === 'approval.requested') {
      const { approvalId, command = '', cwd = '', reason = 'always' } = known.params;
      const lines = [
        this.#options.hasSeveral
          ? `A command of attempt ${event.attempt} waits for your answer:`
          : 'A command waits for your answer:',
        ...command.split('\n').map((line) => `  $ ${tameName(line)}`),
        `  in ${tameName(cwd)}. ${APPROVAL_REASON_WORDS[reason]}`,
      ];
      this.#ask({ approvalId, lines, gone: new AbortController() });
    } else if (known?.code === 'approval.answered') this.#take(known.params.approvalId);
    else if (known?.code === 'turn.finished') this.close();
  }

  close(): void {
    for (const id of [...this.#open.keys()]) this.#take(id);
  }

  #take(id: string): void {
    this.#open.get(id)?.gone.abort();
    this.#open.delete(id);
  }

  #ask(asked: Asked): void {
    const { terminal, warn } = this.#options;
    this.#open.set(asked.approvalId, asked);
    if (terminal === null) {
      for (const line of asked.lines) warn(line);
      warn(this.#how(asked));
      return;
    }
    this.#asking = this.#asking.then(() => this.#answer(asked, terminal));
  }

  #how({ approvalId }: Asked): string {
    return `Answer it with: codex-tasks approve ${this.#options.taskId} ${approvalId} once|task|never`;
  }

  async #answer(asked: Asked, { input, output }: NonNullable<AskerOptions['terminal']>): Promise<void> {
    const { connection, taskId, warn } = this.#options;
    if (asked.gone.signal.aborted) return;
    for (const line of asked.lines) output.write(`${line}\n`);
    const reader = createInterface({ input, output });
    // It takes Ctrl-C for itself; here that cancels the task as it does everywhere else.
    reader.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
    const closed = new AbortController();
    reader.once('close', () => closed.abort());
    const signal = AbortSignal.any([asked.gone.signal, closed.signal]);
    try {
      for (;;) {
        const said = await reader.question('Run it? [o]nce, for this [t]ask, [n]o: ', { signal });
        const answer = KEYS[said.trim().toLowerCase()];
        if (answer === undefined) continue;
        await connection.call('approval.answer', { taskId, approvalId: asked.approvalId, answer });
        return;
      }
    } catch (error) {
      if (asked.gone.signal.aborted) output.write('\nIt was answered elsewhere, or its turn has ended.\n');
      else if (closed.signal.aborted) warn(this.#how(asked));
      else if (!(error instanceof CodexError && error.code === 'approvalGone')) warn(errorText(error));
    } finally {
      reader.close();
    }
  }
}
