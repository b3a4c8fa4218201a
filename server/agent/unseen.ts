/**
 * What a command printed since the model last looked: head and tail of it, and how many of the command's own
 * bytes were told by then. A character that is not whole yet waits for the next look.
 */
import type { Redacted } from '../secrets/types.ts';
import { endOf } from './output.ts';
import { HeadTail, utf8Boundary } from './truncate.ts';

export class Unseen {
  readonly #maxTokens: number;
  #text: HeadTail;
  /** The beginning of a character. */
  #rest: Buffer = Buffer.alloc(0);
  /** Of the command's bytes, all that came; the first `#skip` of what comes were told before. */
  #heard = 0;
  #skip: number;

  constructor(maxTokens: number, seen = 0) {
    this.#maxTokens = maxTokens;
    this.#text = new HeadTail(maxTokens);
    this.#skip = seen;
  }

  /** Whether there is something to tell. */
  get isEmpty(): boolean {
    return this.#text.isEmpty;
  }

  push(all: Redacted): void {
    this.#heard += all.standsFor;
    const skipped = Math.min(this.#skip, all.standsFor);
    this.#skip -= skipped;
    const { bytes } = skipped === 0 ? all : endOf(all, all.standsFor - skipped);
    if (bytes.length === 0) return;
    const joined = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    // Bytes of a redacted part are not the command's, and whole.
    const end = all.bytes.length === all.standsFor ? utf8Boundary(joined, joined.length) : joined.length;
    this.#text.push(joined.subarray(0, end));
    this.#rest = Buffer.from(joined.subarray(end));
  }

  /** `last`: nothing comes any more. */
  take(last: boolean): { text: string; cutBytes: number; seen: number } {
    if (last && this.#rest.length > 0) {
      this.#text.push(this.#rest);
      this.#rest = Buffer.alloc(0);
    }
    const taken = this.#text.result();
    this.#text = new HeadTail(this.#maxTokens);
    return { ...taken, seen: Math.max(this.#heard - this.#rest.length, 0) };
  }
}
