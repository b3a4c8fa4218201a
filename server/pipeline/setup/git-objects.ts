/**
 * What git keeps of a file, compressed: a commit that a setup made and took back again is still there for
 * whoever asks git. Its loose objects are looked into as what they stand for. Packs are not: git makes them
 * when it tidies up, and what came from elsewhere as a pack has no secret of ours.
 */
import { createInflate, type Inflate } from 'node:zlib';

/** `.git/objects/ab/cdef…`, with either hash, wherever a repository is. */
const LOOSE_OBJECT = /(?:^|\/)[0-9a-f]{2}\/(?:[0-9a-f]{38}|[0-9a-f]{62})$/;
/** A thousandth of it on disk can stand for so much; git keeps what is larger in packs. */
const UNPACKED_MOST_BYTES = 1024 * 1024 * 1024;
const PIECE_BYTES = 64 * 1024;

export function isLooseObject(path: string): boolean {
  return LOOSE_OBJECT.test(path);
}

/** What was compressed, in pieces. What is not compressed, or badly, or goes on after its end, is let go. */
export class Unpacked {
  readonly #inflate: Inflate = createInflate({ chunkSize: PIECE_BYTES });
  readonly #over: Promise<void>;
  #isOver = false;

  constructor(onPiece: (piece: Buffer) => void) {
    const over = Promise.withResolvers<void>();
    this.#over = over.promise;
    let bytes = 0;
    this.#inflate.on('data', (piece: Buffer) => {
      onPiece(piece);
      bytes += piece.length;
      if (bytes > UNPACKED_MOST_BYTES) this.#inflate.destroy();
    });
    for (const end of ['end', 'error', 'close'])
      this.#inflate.on(end, () => {
        this.#isOver = true;
        over.resolve();
      });
  }

  async push(bytes: Buffer): Promise<void> {
    if (this.#isOver || this.#inflate.write(bytes)) return;
    // After its own end it takes no more, and says nothing of it.
    await Promise.race([this.#over, new Promise((resolve) => this.#inflate.once('drain', resolve))]);
  }

  async end(): Promise<void> {
    if (this.#isOver) return;
    this.#inflate.end();
    await this.#over;
  }

  destroy(): void {
    this.#inflate.destroy();
  }
}
