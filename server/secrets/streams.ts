/**
 * Redaction and finding across the borders of chunks. What comes out, put together, is the same however
 * the bytes were cut.
 */
import type { Search } from './search.ts';
import type { FindStream, RedactStream, Redacted } from './types.ts';

const EMPTY = Buffer.alloc(0);

/** The same buffer when there is nothing to take out. */
export function redactAll(search: Search, marks: readonly Buffer[], bytes: Buffer): Buffer {
  const stream = new RedactedStream(search, marks);
  const whole = stream.last(bytes).bytes;
  return whole;
}

export class RedactedStream implements RedactStream {
  readonly #search: Search;
  readonly #marks: readonly Buffer[];
  /** It may be the beginning of a match. */
  #held: Buffer = EMPTY;
  /** Bytes at the front of what comes next stand under this mark, which was written already. */
  #under: { secret: number; bytes: number } | null = null;

  constructor(search: Search, marks: readonly Buffer[]) {
    this.#search = search;
    this.#marks = marks;
  }

  push(bytes: Buffer): Redacted {
    const text = this.#joined(bytes);
    const from = this.#search.undecidedFrom(text);
    const redacted = this.#take(text, from);
    // A copy: whose buffer it is, is not known.
    this.#held = from === text.length ? EMPTY : Buffer.from(text.subarray(from));
    return redacted;
  }

  end(): Redacted {
    return this.last(EMPTY);
  }

  last(bytes: Buffer): Redacted {
    const text = this.#joined(bytes);
    this.#held = EMPTY;
    return this.#take(text, text.length);
  }

  #joined(bytes: Buffer): Buffer {
    return this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes]);
  }

  /** Up to `until`, before which no match begins that is not decided. */
  #take(text: Buffer, until: number): Redacted {
    const parts: Buffer[] = [];
    let under = this.#under === null ? null : { secret: this.#under.secret, end: this.#under.bytes };
    let at = Math.min(under?.end ?? 0, until);
    let changed = at > 0;
    let markFrom = 0;
    const plainTo = (end: number) => {
      if (end <= at) return;
      parts.push(text.subarray(at, end));
      at = end;
      under = null;
    };
    for (const { start, end, secret } of this.#search.all(text)) {
      if (start >= until) break;
      changed = true;
      // Over the one before, or the next part of the same: under one mark.
      const goesOn =
        under !== null && (start < under.end || (start === under.end && secret === under.secret));
      if (!goesOn || under === null) {
        plainTo(start);
        parts.push(this.#marks[secret] ?? EMPTY);
        under = { secret, end };
        markFrom = start;
      } else under.end = Math.max(under.end, end);
      at = Math.min(under.end, until);
    }
    const end = { plain: until - at, marked: at - markFrom };
    plainTo(until);
    this.#under = under === null ? null : { secret: under.secret, bytes: under.end - until };
    if (!changed) return { bytes: until === text.length ? text : text.subarray(0, until), standsFor: until };
    return { bytes: Buffer.concat(parts), standsFor: until, end };
  }
}

export class FindInStream implements FindStream {
  readonly #search: Search;
  readonly #names: readonly string[];
  #held: Buffer = EMPTY;
  #found: string | null = null;

  constructor(search: Search, names: readonly string[]) {
    this.#search = search;
    this.#names = names;
  }

  push(bytes: Buffer): string | null {
    if (this.#found !== null) return this.#found;
    const text = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes]);
    const match = this.#search.first(text);
    if (match !== null) {
      this.#held = EMPTY;
      return (this.#found = this.#names[match.secret] ?? null);
    }
    this.#held = Buffer.from(text.subarray(Math.max(0, text.length - this.#search.longest + 1)));
    return null;
  }
}
