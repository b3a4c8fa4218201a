/**
 * A command's output on its way to the event log: gathered for a moment, sent in pieces that fit into
 * an event, one after the other. Bytes are cut between characters only, escape sequences are kept.
 *
 * What comes in may be redacted: then a part stands for another number of the command's own bytes than
 * it has, and offsets go on counting the command's.
 */
import type { NewEvent } from '../../protocol/events.ts';
import { cleanText } from '../model/items.ts';
import type { Redacted } from '../secrets/types.ts';
import { jsonBytes, utf8Boundary } from './truncate.ts';

/** Ten events a second are live to the eye. */
export const OUTPUT_FLUSH_MS = 100;
export const OUTPUT_PIECE_BYTES = 32 * 1024;
/** Escaped for JSON a piece may grow sixfold; it has to stay under `LIMITS.eventBytes`. */
const MAX_PIECE_JSON_BYTES = 48 * 1024;

export class OutputEvents {
  readonly #itemId: string;
  readonly #emit: (...events: NewEvent[]) => Promise<void>;
  #pending: Redacted[] = [];
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

  push(all: Redacted): void {
    const skipped = Math.min(this.#skip, all.standsFor);
    this.#skip -= skipped;
    const part = skipped === 0 ? all : endOf(all, all.standsFor - skipped);
    if (part.standsFor === 0) return;
    this.#pending.push(part);
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
    const taken = joined(this.#pending);
    this.#pending = [];
    const last = taken.at(-1);
    if (!all && last && isPlain(last)) {
      const end = utf8Boundary(last.bytes, last.bytes.length);
      const rest = last.bytes.subarray(end);
      if (rest.length > 0) this.#pending.push({ bytes: rest, standsFor: rest.length });
      taken[taken.length - 1] = { bytes: last.bytes.subarray(0, end), standsFor: end };
    }
    return taken.flatMap((part) => {
      const events = isPlain(part)
        ? pieces(this.#itemId, this.#offset, part.bytes)
        : redactedPieces(this.#itemId, this.#offset, part);
      this.#offset += part.standsFor;
      return events;
    });
  }
}

const isPlain = ({ bytes, standsFor }: Redacted): boolean => bytes.length === standsFor;

/** Plain parts that follow one another, as one. */
function joined(parts: readonly Redacted[]): Redacted[] {
  const found: Redacted[] = [];
  for (let start = 0, end = 0; start < parts.length; start = end) {
    end = start + 1;
    const first = parts[start];
    if (!first || !isPlain(first)) {
      if (first) found.push(first);
      continue;
    }
    for (let next = parts[end]; next && isPlain(next); next = parts[end]) end++;
    const bytes = Buffer.concat(parts.slice(start, end).map((part) => part.bytes));
    found.push({ bytes, standsFor: bytes.length });
  }
  return found;
}

/**
 * The part that stands for the last `count` of the command's bytes. A mark that stands for some of the bytes
 * before these too has been told; where there are several marks, it is about that part.
 */
export function endOf(part: Redacted, count: number): Redacted {
  const { plain, marked } = part.end ?? { plain: 0, marked: 0 };
  const most = count <= plain + marked ? plain : part.bytes.length;
  const kept = isPlain(part) ? count : Math.min(count, most);
  return { bytes: part.bytes.subarray(part.bytes.length - kept), standsFor: count };
}

/** Together they stand for all of the part; how much each of them does is of no use to anybody. */
function redactedPieces(itemId: string, offset: number, part: Redacted): NewEvent[] {
  let left = part.standsFor;
  const made = pieces(itemId, 0, part.bytes.length === 0 ? Buffer.from(' ') : part.bytes);
  return made.map((event, index) => {
    if (event.code !== 'output') return event;
    const bytes = index === made.length - 1 ? left : Math.min(left, event.params.bytes ?? 0);
    const at = offset + part.standsFor - left;
    left -= bytes;
    return { ...event, params: { ...event.params, offset: at, bytes } };
  });
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
