/**
 * Texts as lines, and lines as numbers: equal lines get equal numbers, so that all comparing is of
 * integers. A line is its bytes with its terminator; no encoding is assumed.
 */
import { STEPS_PER_PAUSE, type Work } from './work.ts';

const LF = 10;
/** A guess at what a text has, to make room once. */
const BYTES_PER_LINE = 24;
/** The number of a line that the table does not hold. */
export const UNKNOWN = -1;

export interface LineText {
  bytes: Buffer;
  /** Where each line starts, and the end. */
  starts: Int32Array;
  /** One number for each line. */
  ids: Int32Array;
}

export class LineTable {
  #slots = new Int32Array(1_024).fill(-1);
  readonly #hashes: number[] = [];
  readonly #sources: Buffer[] = [];
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];

  get size(): number {
    return this.#hashes.length;
  }

  /** Reads a text whose lines the table keeps. */
  add(bytes: Uint8Array): Work<LineText> {
    return this.#read(bytes, true);
  }

  /** Reads a text that comes and goes: lines that are not in the table are UNKNOWN. */
  look(bytes: Uint8Array): Work<LineText> {
    return this.#read(bytes, false);
  }

  *#read(source: Uint8Array, keep: boolean): Work<LineText> {
    const bytes = Buffer.from(source.buffer, source.byteOffset, source.byteLength);
    if (keep) this.#reserve(this.size + bytes.length / BYTES_PER_LINE);
    const starts: number[] = [];
    const ids: number[] = [];
    let pause = STEPS_PER_PAUSE;
    for (let start = 0; start < bytes.length;) {
      // FNV-1a. Whoever makes lines collide makes them be compared, which is only slow for them.
      let hash = 0x811c9dc5;
      let at = start;
      for (let byte = -1; at < bytes.length && byte !== LF; at++) {
        byte = bytes[at]!;
        hash = Math.imul(hash ^ byte, 0x01000193);
      }
      starts.push(start);
      ids.push(this.#idOf(bytes, start, at, hash ^ (hash >>> 15), keep));
      start = at;
      if (start > pause) {
        pause = start + STEPS_PER_PAUSE;
        yield;
      }
    }
    starts.push(bytes.length);
    return { bytes, starts: new Int32Array(starts), ids: new Int32Array(ids) };
  }

  #idOf(bytes: Buffer, start: number, end: number, hash: number, keep: boolean): number {
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    for (let id = this.#slots[slot]!; id >= 0; id = this.#slots[slot]!) {
      if (this.#hashes[id] === hash && this.#equals(id, bytes, start, end)) return id;
      slot = (slot + 1) & mask;
    }
    if (!keep) return UNKNOWN;
    const id = this.#hashes.length;
    this.#slots[slot] = id;
    this.#hashes.push(hash);
    this.#sources.push(bytes);
    this.#starts.push(start);
    this.#ends.push(end);
    this.#reserve(id);
    return id;
  }

  #equals(id: number, bytes: Buffer, start: number, end: number): boolean {
    const [source, from, to] = [this.#sources[id]!, this.#starts[id]!, this.#ends[id]!];
    if (to - from !== end - start) return false;
    if (end - start > 64) return bytes.compare(source, from, to, start, end) === 0;
    for (let at = start, other = from; at < end; at++, other++) {
      if (bytes[at] !== source[other]) return false;
    }
    return true;
  }

  /** So many lines fill at most half of the slots. */
  #reserve(lines: number): void {
    if (lines * 2 <= this.#slots.length) return;
    const slots = new Int32Array(2 ** Math.ceil(Math.log2(lines * 4))).fill(-1);
    const mask = slots.length - 1;
    for (const [id, hash] of this.#hashes.entries()) {
      let slot = hash & mask;
      while (slots[slot]! >= 0) slot = (slot + 1) & mask;
      slots[slot] = id;
    }
    this.#slots = slots;
  }
}

/** The bytes of some lines, as a view. */
export function bytesOf(text: LineText, start: number, end: number): Buffer {
  return text.bytes.subarray(text.starts[start], text.starts[end]);
}

export function linesOf(text: LineText, start: number, end: number): Uint8Array[] {
  const lines: Uint8Array[] = [];
  for (let line = start; line < end; line++) lines.push(bytesOf(text, line, line + 1));
  return lines;
}

/** Whether the last of these lines has no terminator, so that nothing may follow it. */
export function endsOpen(bytes: Uint8Array): boolean {
  return bytes.length > 0 && bytes[bytes.length - 1] !== LF;
}
