/**
 * What the model sees of a long output: its head and its tail, with a mark that says how much is
 * missing between. Holds no more than that, whatever is pushed. Pure.
 */

/** The usual estimate for all models: it errs on the side of too many tokens for code. */
export const BYTES_PER_TOKEN = 4;

/** The largest end ≤ `end` that does not cut a UTF-8 character of `bytes` apart. */
export function utf8Boundary(bytes: Uint8Array, end: number): number {
  for (let back = 1; back <= 3 && back <= end; back++) {
    const byte = bytes[end - back] ?? 0;
    if (byte < 0x80) return end;
    if (byte >= 0xc0) {
      const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return length > back ? end - back : end;
    }
  }
  return end;
}

/** The first start ≥ `start` that is no continuation byte. */
function utf8Start(bytes: Uint8Array, start: number): number {
  let at = start;
  while (at < start + 3 && at < bytes.length && ((bytes[at] ?? 0) & 0xc0) === 0x80) at++;
  return at;
}

export class HeadTail {
  readonly #half: number;
  #head = Buffer.alloc(0);
  #tail: Buffer[] = [];
  #tailBytes = 0;
  #total = 0;

  constructor(maxTokens: number) {
    this.#half = Math.max(1, Math.floor((maxTokens * BYTES_PER_TOKEN) / 2));
  }

  get isEmpty(): boolean {
    return this.#total === 0;
  }

  push(bytes: Buffer): void {
    this.#total += bytes.length;
    let rest = bytes;
    if (this.#head.length < this.#half) {
      const taken = rest.subarray(0, this.#half - this.#head.length);
      this.#head = Buffer.concat([this.#head, taken]);
      rest = rest.subarray(taken.length);
    }
    if (rest.length === 0) return;
    // A copy: the caller's buffer may be a small part of a large one.
    this.#tail.push(Buffer.from(rest.length > this.#half ? rest.subarray(rest.length - this.#half) : rest));
    this.#tailBytes += this.#tail.at(-1)?.length ?? 0;
    if (this.#tailBytes > 2 * this.#half || this.#tail.length > 1_024) this.#compact();
  }

  /** The text; `cutBytes` of the output are not in it. */
  result(): { text: string; cutBytes: number } {
    this.#compact();
    const tail = this.#tail[0] ?? Buffer.alloc(0);
    const missing = this.#total - this.#head.length - tail.length;
    if (missing <= 0) return { text: Buffer.concat([this.#head, tail]).toString('utf8'), cutBytes: 0 };
    const head = this.#head.subarray(0, utf8Boundary(this.#head, this.#head.length));
    const end = tail.subarray(utf8Start(tail, 0));
    const cutBytes = this.#total - head.length - end.length;
    const tokens = Math.ceil(cutBytes / BYTES_PER_TOKEN);
    const mark = `\n[… about ${tokens} tokens (${cutBytes} bytes) of output are left out here …]\n`;
    return { text: head.toString('utf8') + mark + end.toString('utf8'), cutBytes };
  }

  #compact(): void {
    const all = Buffer.concat(this.#tail);
    this.#tail = [Buffer.from(all.subarray(Math.max(0, all.length - this.#half)))];
    this.#tailBytes = this.#tail[0]?.length ?? 0;
  }
}

/** Text that fits into `maxBytes` as JSON; what is over is cut at its end with a mark. */
export function fitText(text: string, maxBytes: number): string {
  if (jsonBytes(text) <= maxBytes) return text;
  let low = 0;
  let high = Math.min(text.length, maxBytes);
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (jsonBytes(text.slice(0, middle)) <= maxBytes - 64) low = middle;
    else high = middle - 1;
  }
  return `${text.slice(0, low).toWellFormed()}\n[… ${text.length - low} more characters]`;
}

export function jsonBytes(text: string): number {
  return Buffer.byteLength(JSON.stringify(text));
}
