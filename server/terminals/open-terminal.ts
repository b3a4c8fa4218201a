/** One terminal between its sandbox and the connection that opened it: output at the reader's pace, and its end. */
import type { NotificationOf } from '../../protocol/rpc.ts';
import { TERMINAL_BYTES_PER_SECOND, TERMINAL_IDLE_MS } from '../../protocol/limits.ts';
import type { Sandbox, Terminal } from '../sandbox/sandbox.ts';
import type { Sink } from '../tasks/hub.ts';

export type EndReason = NotificationOf<'terminal.ended'>['reason'];

/** One notification, well under what a frame may hold. */
const CHUNK_BYTES = 48 * 1024;
/** A pause that is shorter is not worth a timer. */
const LEAST_PAUSE_MS = 5;

export class OpenTerminal {
  readonly id: string;
  readonly sink: Sink;
  /** Bytes that were typed and that the sandbox has not taken yet. */
  waiting = 0;
  readonly over: Promise<void>;
  readonly #isOver = Promise.withResolvers<void>();
  #terminal: Terminal | undefined;
  #closedAs: EndReason | undefined;
  #idle: ReturnType<typeof setTimeout> | undefined;
  /** When all that was printed may have been drawn. */
  #drawnAt = 0;

  constructor(id: string, sink: Sink) {
    this.id = id;
    this.sink = sink;
    this.over = this.#isOver.promise;
  }

  async start(sandbox: Sandbox, spec: Omit<Parameters<Sandbox['terminal']>[0], 'terminalId'>): Promise<void> {
    this.#terminal = await sandbox.terminal({ terminalId: this.id, ...spec }, (bytes) => this.#print(bytes));
    this.#stir();
  }

  /** To its end, which the connection is told; returns why it ended. */
  async follow(whyLost: () => Promise<EndReason>): Promise<EndReason> {
    const gone = (): void => this.close('closed');
    this.sink.closed.addEventListener('abort', gone, { once: true });
    if (this.sink.closed.aborted) gone();
    const exitCode = (await this.#terminal?.ended) ?? null;
    clearTimeout(this.#idle);
    this.sink.closed.removeEventListener('abort', gone);
    const reason = this.#closedAs ?? (exitCode === null ? await whyLost() : 'exited');
    if (!this.sink.closed.aborted)
      this.sink.notify('terminal.ended', { terminalId: this.id, exitCode, reason });
    this.#isOver.resolve();
    return reason;
  }

  async write(bytes: Buffer): Promise<void> {
    this.#stir();
    this.waiting += bytes.length;
    try {
      await this.#terminal?.write(bytes);
    } finally {
      this.waiting -= bytes.length;
    }
  }

  resize(columns: number, rows: number): void {
    this.#terminal?.resize(columns, rows);
  }

  close(reason: EndReason): void {
    this.#closedAs ??= reason;
    this.#terminal?.close();
  }

  async #print(bytes: Buffer): Promise<void> {
    this.#stir();
    for (let at = 0; at < bytes.length && !this.sink.closed.aborted; at += CHUNK_BYTES) {
      const chunk = bytes.subarray(at, at + CHUNK_BYTES);
      await this.#unlessClosed(this.sink.drained());
      if (this.sink.closed.aborted) return;
      this.sink.notify('terminal.output', { terminalId: this.id, data: chunk.toString('base64') });
      await this.#pace(chunk.length);
    }
  }

  async #pace(bytes: number): Promise<void> {
    const now = Date.now();
    this.#drawnAt = Math.max(this.#drawnAt, now) + (bytes / TERMINAL_BYTES_PER_SECOND) * 1_000;
    const ahead = this.#drawnAt - now;
    if (ahead < LEAST_PAUSE_MS) return;
    await this.#unlessClosed(new Promise((resolve) => setTimeout(resolve, ahead)));
  }

  /** A closed connection never drains. */
  #unlessClosed(work: Promise<void>): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const stop = (): void => resolve();
    this.sink.closed.addEventListener('abort', stop, { once: true });
    if (this.sink.closed.aborted) stop();
    work.then(resolve, reject);
    return promise.finally(() => this.sink.closed.removeEventListener('abort', stop));
  }

  #stir(): void {
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => this.close('idle'), TERMINAL_IDLE_MS);
    this.#idle.unref();
  }
}
