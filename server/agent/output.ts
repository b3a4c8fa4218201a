/**
 * A command's output on its way to the event log: gathered for a moment, sent in pieces that fit into
 * an event, one after the other. Bytes are cut between characters only, escape sequences are kept.
 */
import type { NewEvent } from '../../protocol/events.ts';
import { cleanText } from '../model/items.ts';
import { jsonBytes, utf8Boundary } from './truncate.ts';

/** Ten events a second are live to the eye. */
export const OUTPUT_FLUSH_MS = 100;
export const OUTPUT_PIECE_BYTES = 32 * 1024;
/** Escaped for JSON a piece may grow sixfold; it has to stay under `LIMITS.eventBytes`. */
const MAX_PIECE_JSON_BYTES = 48 * 1024;

export class OutputEvents {
  readonly #itemId: string;
  readonly #emit: (...events: NewEvent[]) => Promise<void>;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #offset: number;
  #skip: number;
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> = Promise.resolve();
  #failure: Error | undefined;

  /** `stored`: how many bytes of the output the log has already; these are passed over. */
  constructor(itemId: string, stored: number, emit: (...events: NewEvent[]) => Promise<void>) {
    this.#itemId = itemId;
    this.#offset = stored;
    this.#skip = stored;
    this.#emit = emit;
  }

  push(all: Buffer): void {
    const bytes = all.subarray(Math.min(this.#skip, all.length));
    this.#skip -= all.length - bytes.length;
    if (bytes.length === 0) return;
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
    this.#timer ??= setTimeout(() => this.#flush(), OUTPUT_FLUSH_MS);
  }

  /** What is left to be sent with whatever comes next; rejects when the log refused an event. */
  async end(): Promise<NewEvent[]> {
    const left = this.#take(true);
    await this.#sending;
    if (this.#failure !== undefined) throw this.#failure;
    return left;
  }

  #flush(): void {
    const events = this.#take(false);
    if (events.length === 0) return;
    this.#sending = this.#sending
      .then(() => this.#emit(...events))
      .catch((error: unknown) => {
        this.#failure ??= error instanceof Error ? error : new Error(String(error));
      });
  }

  #take(all: boolean): NewEvent[] {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const bytes = Buffer.concat(this.#pending, this.#pendingBytes);
    const end = all ? bytes.length : utf8Boundary(bytes, bytes.length);
    this.#pending = end < bytes.length ? [bytes.subarray(end)] : [];
    this.#pendingBytes = bytes.length - end;
    const events = pieces(this.#itemId, this.#offset, bytes.subarray(0, end));
    this.#offset += end;
    return events;
  }
}

export function pieces(itemId: string, offset: number, bytes: Buffer): NewEvent[] {
  const events: NewEvent[] = [];
  for (let start = 0; start < bytes.length;) {
    let end = Math.min(bytes.length, start + OUTPUT_PIECE_BYTES);
    let text = '';
    for (;;) {
      const cut = end < bytes.length ? Math.max(start + 1, utf8Boundary(bytes, end)) : end;
      end = cut;
      text = cleanText(bytes.toString('utf8', start, end));
      if (jsonBytes(text) <= MAX_PIECE_JSON_BYTES || end - start <= 16) break;
      end = start + Math.floor((end - start) / 2);
    }
    events.push({ code: 'output', params: { itemId, offset: offset + start, text, bytes: end - start } });
    start = end;
  }
  return events;
}
