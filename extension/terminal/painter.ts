/**
 * From bytes as they come to text as VS Code wants it: characters that fall apart between two chunks are
 * put together, and many small chunks become one write, so that a flood of them blocks nothing.
 */

/** One frame of a screen. */
const GATHER_MS = 16;
/** Written at once, so that little is held. */
const GATHER_CHARS = 64 * 1024;

export class Painter {
  readonly #write: (text: string) => void;
  readonly #decoder = new TextDecoder('utf-8');
  #text = '';
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  take(bytes: Uint8Array): void {
    this.#text += this.#decoder.decode(bytes, { stream: true });
    if (this.#text.length >= GATHER_CHARS) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), GATHER_MS);
  }

  flush(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    const text = this.#text;
    this.#text = '';
    if (text !== '') this.#write(text);
  }

  dispose(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    this.#text = '';
  }
}
