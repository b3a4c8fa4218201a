/**
 * Terminals of one connection. They belong to its socket: a lost one ends them, nothing is sent twice,
 * and what is typed waits for the answer to what was typed before, so that a large paste never floods.
 */
import { CodexError } from '../../protocol/errors.ts';
import type { MethodName, NotificationOf, ParamsIn, ResultOf } from '../../protocol/rpc.ts';

/** `lost`: the connection to the backend. */
export type TerminalEnd = NotificationOf<'terminal.ended'>['reason'] | 'lost';

export interface TerminalListener {
  onOutput(bytes: Uint8Array): void;
  /** Once, and nothing after it. */
  onEnd(reason: TerminalEnd, exitCode: number | null): void;
}

export interface ClientTerminal {
  /** In order; resolves once the sandbox has taken it, or the terminal has ended. */
  write(bytes: Uint8Array): Promise<void>;
  resize(columns: number, rows: number): void;
  close(): void;
}

/** Base64 of it is well under what a frame's field may hold. */
const WRITE_BYTES = 32 * 1024;

type CallNow = <M extends MethodName>(method: M, params: ParamsIn<M>) => Promise<ResultOf<M>>;
type News =
  | { kind: 'output'; params: NotificationOf<'terminal.output'> }
  | { kind: 'ended'; params: NotificationOf<'terminal.ended'> };

export class Terminals {
  readonly #callNow: CallNow;
  readonly #open = new Map<string, TerminalListener>();
  #opening = 0;
  /** What was told before the answer that names the terminal was read. */
  #early: News[] = [];

  constructor(callNow: CallNow) {
    this.#callNow = callNow;
  }

  async open(
    answered: () => Promise<ResultOf<'terminal.open'>>,
    listener: TerminalListener,
  ): Promise<ClientTerminal> {
    this.#opening += 1;
    let terminalId: string;
    try {
      ({ terminalId } = await answered());
      this.#open.set(terminalId, listener);
    } finally {
      this.#opening -= 1;
    }
    const early = this.#early.filter(({ params }) => params.terminalId === terminalId);
    this.#early = this.#opening === 0 ? [] : this.#early.filter((news) => !early.includes(news));
    for (const news of early) this.#tell(news);
    return this.#handle(terminalId);
  }

  output(params: NotificationOf<'terminal.output'>): void {
    this.#tell({ kind: 'output', params });
  }

  ended(params: NotificationOf<'terminal.ended'>): void {
    this.#tell({ kind: 'ended', params });
  }

  /** The socket is gone, and with it all of them. */
  lost(): void {
    const all = [...this.#open.values()];
    this.#open.clear();
    this.#early = [];
    for (const listener of all) listener.onEnd('lost', null);
  }

  #tell(news: News): void {
    const { terminalId } = news.params;
    const listener = this.#open.get(terminalId);
    if (!listener) {
      if (this.#opening > 0) this.#early.push(news);
      return;
    }
    if (news.kind === 'output') return listener.onOutput(bytesOf(news.params.data));
    this.#open.delete(terminalId);
    listener.onEnd(news.params.reason, news.params.exitCode);
  }

  #handle(terminalId: string): ClientTerminal {
    let writing = Promise.resolve();
    const isOpen = (): boolean => this.#open.has(terminalId);
    const tell = async <M extends MethodName>(method: M, params: ParamsIn<M>): Promise<void> => {
      if (!isOpen()) return;
      try {
        await this.#callNow(method, params);
      } catch (error) {
        // It has ended meanwhile, which is told by itself.
        if (!(error instanceof CodexError)) throw error;
      }
    };
    const send = async (bytes: Uint8Array): Promise<void> => {
      for (let at = 0; at < bytes.length && isOpen(); at += WRITE_BYTES) {
        const data = textOf(bytes.subarray(at, at + WRITE_BYTES));
        await tell('terminal.write', { terminalId, data });
      }
    };
    return {
      write: (bytes) => (writing = writing.then(() => send(bytes))),
      resize: (columns, rows) => void tell('terminal.resize', { terminalId, columns, rows }),
      close: () => void tell('terminal.close', { terminalId }),
    };
  }
}

/** Base64 without Node: this runs in a browser too. */
function bytesOf(data: string): Uint8Array {
  return Uint8Array.from(atob(data), (char) => char.charCodeAt(0));
}

function textOf(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}
