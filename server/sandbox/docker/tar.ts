/**
 * Reads a tar archive as it comes, with names as the bytes that they are: what an engine sends holds
 * names in any encoding, and a library that decodes them would lose what is not UTF-8.
 *
 * Knows what the engine writes: ustar, PAX records, and GNU's long names. Nothing is kept in memory but
 * one chunk and the headers.
 */
import { Readable } from 'node:stream';

export interface TarEntry {
  path: Buffer;
  kind: 'file' | 'folder' | 'symlink' | 'hardlink' | 'other';
  /** Of a link. */
  target: Buffer;
  bytes: number;
  /** Of a file. Asking for the next entry skips what is left of it. */
  content: Readable;
}

const BLOCK_BYTES = 512;
/** A name that is longer is none: no file system takes it. */
const HEADER_RECORD_BYTES = 1024 * 1024;
const KINDS: Record<string, TarEntry['kind']> = {
  '\0': 'file',
  '0': 'file',
  '7': 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '5': 'folder',
};

export class TarBroken extends Error {
  override readonly name = 'TarBroken';
}

export async function* tarEntries(source: AsyncIterable<Buffer>): AsyncGenerator<TarEntry> {
  const bytes = new Bytes(source);
  let extended: { path?: Buffer; linkpath?: Buffer; size?: number } = {};
  try {
    for (;;) {
      const header = await bytes.take(BLOCK_BYTES);
      if (header === null || header.every((byte) => byte === 0)) return;
      checkSum(header);
      const type = String.fromCharCode(header[156] ?? 0);
      const size = extended.size ?? number(header.subarray(124, 136));
      const padding = (BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES;
      if (type === 'x' || type === 'L' || type === 'K') {
        if (size > HEADER_RECORD_BYTES) throw new TarBroken('a header is too large');
        const record = await bytes.exactly(size);
        await bytes.skip(padding);
        if (type === 'x') extended = { ...extended, ...paxRecords(record) };
        else if (type === 'L') extended.path = untilNul(record);
        else extended.linkpath = untilNul(record);
        continue;
      }
      const part = new Part(bytes, size);
      const content = Readable.from(part, { objectMode: false });
      yield {
        path: extended.path ?? ustarName(header),
        kind: KINDS[type] ?? 'other',
        target: extended.linkpath ?? untilNul(header.subarray(157, 257)),
        bytes: size,
        content,
      };
      content.destroy();
      await part.finish();
      await bytes.skip(padding);
      extended = {};
    }
  } finally {
    await bytes.close();
  }
}

/** The content of one entry; what its reader leaves is skipped. */
class Part {
  readonly #bytes: Bytes;
  #left: number;
  #reading: Promise<unknown> = Promise.resolve();
  #over = false;

  constructor(bytes: Bytes, size: number) {
    this.#bytes = bytes;
    this.#left = size;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    while (this.#left > 0 && !this.#over) {
      const next = this.#bytes.upTo(this.#left);
      this.#reading = next.catch(() => {});
      const chunk = await next;
      this.#left -= chunk.length;
      yield chunk;
    }
  }

  async finish(): Promise<void> {
    this.#over = true;
    await this.#reading;
    // A chunk that came too late for its reader was counted off by nobody else.
    await this.#bytes.skip(this.#left);
  }
}

class Bytes {
  readonly #source: AsyncIterator<Buffer>;
  #chunk: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** At least one byte, and not more than asked for. */
  async upTo(most: number): Promise<Buffer> {
    if (this.#chunk.length === 0 && !(await this.#more())) throw new TarBroken('it ends too early');
    const part = this.#chunk.subarray(0, most);
    this.#chunk = this.#chunk.subarray(part.length);
    return part;
  }

  async exactly(count: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    for (let left = count; left > 0;) {
      const part = await this.upTo(left);
      parts.push(part);
      left -= part.length;
    }
    return Buffer.concat(parts);
  }

  /** Null at the end of the archive. */
  async take(count: number): Promise<Buffer | null> {
    return this.#chunk.length === 0 && !(await this.#more()) ? null : this.exactly(count);
  }

  async skip(count: number): Promise<void> {
    for (let left = count; left > 0;) left -= (await this.upTo(left)).length;
  }

  async close(): Promise<void> {
    await this.#source.return?.();
  }

  async #more(): Promise<boolean> {
    for (;;) {
      const next = await this.#source.next();
      if (next.done) return false;
      this.#chunk = next.value;
      if (this.#chunk.length > 0) return true;
    }
  }
}

function ustarName(header: Buffer): Buffer {
  const name = untilNul(header.subarray(0, 100));
  const isUstar = header.toString('latin1', 257, 263) === 'ustar\0';
  const prefix = isUstar ? untilNul(header.subarray(345, 500)) : Buffer.alloc(0);
  return prefix.length === 0 ? name : Buffer.concat([prefix, Buffer.from('/'), name]);
}

function untilNul(field: Buffer): Buffer {
  const end = field.indexOf(0);
  return end < 0 ? field : field.subarray(0, end);
}

/** Octal text, or (for what does not fit) big-endian after a first byte of 0x80. */
function number(field: Buffer): number {
  const value =
    (field[0] ?? 0) & 0x80
      ? field.subarray(1).reduce((sum, byte) => sum * 256 + byte, 0)
      : parseInt(untilNul(field).toString('latin1').trim() || '0', 8);
  if (!Number.isSafeInteger(value) || value < 0) throw new TarBroken('a size is no number');
  return value;
}

function checkSum(header: Buffer): void {
  let sum = 0;
  for (const [index, byte] of header.entries()) sum += index >= 148 && index < 156 ? 0x20 : byte;
  if (sum !== number(header.subarray(148, 156))) throw new TarBroken('a header is damaged');
}

/** `<length> <key>=<value>\n`, the length that of the whole record. */
function paxRecords(bytes: Buffer): { path?: Buffer; linkpath?: Buffer; size?: number } {
  const found: { path?: Buffer; linkpath?: Buffer; size?: number } = {};
  for (let at = 0; at < bytes.length;) {
    const space = bytes.indexOf(0x20, at);
    const length = Number(bytes.toString('latin1', at, space));
    const equals = bytes.indexOf(0x3d, space);
    if (space < 0 || equals < 0 || !Number.isSafeInteger(length) || length <= 0)
      throw new TarBroken('a PAX record is damaged');
    const key = bytes.toString('latin1', space + 1, equals);
    const value = bytes.subarray(equals + 1, at + length - 1);
    if (key === 'path' || key === 'linkpath') found[key] = value;
    else if (key === 'size') found.size = Number(value.toString('latin1'));
    at += length;
  }
  return found;
}
