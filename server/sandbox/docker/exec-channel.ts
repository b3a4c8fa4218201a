/**
 * An attached `exec` as a byte channel: what we write is its standard input, what we read is its
 * standard output; its standard error is kept for the sentence that says why it ended.
 *
 * The engine frames the two outputs as `[stream, 0, 0, 0, length (4 bytes, big endian)]` + bytes.
 */
import { Duplex } from 'node:stream';

const HEADER_BYTES = 8;
const STDOUT = 1;
const STDERR_KEPT = 4_000;

export class ExecChannel extends Duplex {
  readonly #raw: Duplex;
  #header = Buffer.alloc(0);
  #kind = 0;
  #left = 0;
  stderr = '';

  constructor(raw: Duplex) {
    super({ allowHalfOpen: false });
    this.#raw = raw;
    raw.on('data', (chunk: Buffer) => this.#parse(chunk));
    raw.on('end', () => this.push(null));
    raw.on('error', (error) => this.destroy(error));
    raw.on('close', () => this.destroy());
  }

  override _read(): void {
    this.#raw.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#raw.write(chunk, done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this.#raw.write(Buffer.concat(chunks.map((one) => one.chunk)), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#raw.end(done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#raw.destroy();
    done(error);
  }

  #parse(chunk: Buffer): void {
    let wantsMore = true;
    for (let at = 0; at < chunk.length;) {
      if (this.#left === 0) {
        const needed = HEADER_BYTES - this.#header.length;
        this.#header = Buffer.concat([this.#header, chunk.subarray(at, at + needed)]);
        at += needed;
        if (this.#header.length < HEADER_BYTES) break;
        this.#kind = this.#header[0] ?? 0;
        this.#left = this.#header.readUInt32BE(4);
        this.#header = Buffer.alloc(0);
        continue;
      }
      const part = chunk.subarray(at, at + this.#left);
      at += part.length;
      this.#left -= part.length;
      if (this.#kind === STDOUT) wantsMore = this.push(part);
      else this.stderr = (this.stderr + part.toString('utf8')).slice(-STDERR_KEPT);
    }
    if (!wantsMore) this.#raw.pause();
  }
}

/** Both outputs of a finished text, in order, without the engine's frames. */
export function demuxed(framed: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at + HEADER_BYTES <= framed.length;) {
    const start = at + HEADER_BYTES;
    at = start + framed.readUInt32BE(start - 4);
    parts.push(framed.subarray(start, at));
  }
  return Buffer.concat(parts);
}
