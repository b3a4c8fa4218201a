/** Answers with their ETag: asked for again, one that still holds costs no request of the limit and no body. */
import { FORGE_CACHE_BYTES } from '../../../protocol/limits.ts';

export interface KeptAnswer {
  etag: string;
  text: string;
  /** The header that leads to the next page. */
  link: string | null;
}

/** The one that was not used for the longest time goes first. */
export class KeptAnswers {
  readonly #answers = new Map<string, KeptAnswer>();
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxBytes: number = FORGE_CACHE_BYTES) {
    this.#maxBytes = maxBytes;
  }

  get(url: string): KeptAnswer | null {
    const answer = this.#answers.get(url);
    if (!answer) return null;
    this.#answers.delete(url);
    this.#answers.set(url, answer);
    return answer;
  }

  keep(url: string, answer: KeptAnswer): void {
    this.#forget(url);
    this.#answers.set(url, answer);
    this.#bytes += sizeOf(url, answer);
    for (const oldest of this.#answers.keys()) {
      if (this.#bytes <= this.#maxBytes) break;
      this.#forget(oldest);
    }
  }

  #forget(url: string): void {
    const answer = this.#answers.get(url);
    if (!answer) return;
    this.#answers.delete(url);
    this.#bytes -= sizeOf(url, answer);
  }
}

const sizeOf = (url: string, { etag, text, link }: KeptAnswer): number =>
  2 * (url.length + etag.length + text.length + (link?.length ?? 0));
