/**
 * The form of a checkpoint's file: blobs one after the other, then the manifest as JSON, then its
 * length and a magic word, so that a reader finds the manifest from the end and reads no blob for it.
 */
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { CodexError } from '../../protocol/errors.ts';
import { WirePath } from '../../protocol/events.ts';
import { sha256 } from './state.ts';
import type { Checkpoint, CheckpointEntry, CheckpointInfo } from './types.ts';

/** A manifest names paths and hashes only; a larger one is not ours. */
const MAX_MANIFEST_BYTES = 512 * 1024 * 1024;
/** Small blobs are gathered to this much, since each write costs a call. */
const WRITE_BYTES = 1024 * 1024;

export const SUFFIX = '.checkpoint';
const MAGIC = Buffer.from('CDXCKPT1');
const FOOTER_BYTES = 8 + MAGIC.length;
/** Milliseconds in base 36: nine digits last until the year 5188. */
export const TIME_DIGITS = 9;
export const ID = /^[0-9a-z]{8,40}$/;

const Hash = z.string().regex(/^[0-9a-f]{64}$/);
export const Manifest = z.object({
  v: z.literal(1),
  id: z.string().regex(ID),
  at: z.number(),
  root: z.string(),
  repo: z.string(),
  taskId: z.string().nullable(),
  turn: z.number().nullable(),
  label: z.string(),
  keptFrom: z.string().regex(ID).optional(),
  entries: z.array(
    z.object({
      path: WirePath,
      mode: z.string().nullable(),
      before: Hash.or(z.literal('absent')),
      after: Hash.or(z.literal('absent')),
      afterMode: z.string().nullable(),
      unsaved: z.boolean(),
      change: Hash.optional(),
    }),
  ),
  folders: z.array(z.object({ path: WirePath, mode: z.number().nullable() })),
  /** Offset and length of each blob. */
  blobs: z.record(Hash, z.tuple([z.number(), z.number()])),
});
export type Manifest = z.infer<typeof Manifest>;

export type Folders = Checkpoint['folders'];

export class CheckpointWriter {
  readonly id: string;
  readonly #folder: string;
  readonly #temp: string;
  readonly #file: number;
  readonly #manifest: Omit<Manifest, 'entries' | 'folders'>;
  #offset = 0;
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  #open = true;

  constructor(folder: string, root: string, info: CheckpointInfo, at: number) {
    this.id = at.toString(36).padStart(TIME_DIGITS, '0') + randomBytes(5).toString('hex');
    this.#folder = folder;
    this.#temp = join(folder, `${this.id}.tmp`);
    this.#file = fs.openSync(this.#temp, 'wx', 0o600);
    const { repo, taskId, turn, label, keptFrom } = info;
    const kept = keptFrom === undefined ? {} : { keptFrom };
    this.#manifest = { v: 1, id: this.id, at, root, repo, taskId, turn, label, ...kept, blobs: {} };
  }

  /** Stores the bytes under their hash, for which a caller that has it needs no second one. */
  add(bytes: Uint8Array, hash = sha256(bytes)): string {
    if (!Object.hasOwn(this.#manifest.blobs, hash)) {
      this.#manifest.blobs[hash] = [this.#offset, bytes.length];
      this.#append(bytes);
    }
    return hash;
  }

  /** After this the checkpoint is on disk, whatever happens to the machine. */
  async commit(entries: CheckpointEntry[], folders: Folders): Promise<void> {
    const manifest = Buffer.from(JSON.stringify({ ...this.#manifest, entries, folders } satisfies Manifest));
    const footer = Buffer.alloc(FOOTER_BYTES);
    footer.writeBigUInt64LE(BigInt(manifest.length));
    MAGIC.copy(footer, 8);
    this.#append(manifest);
    this.#append(footer);
    this.#flush();
    await new Promise<void>((resolve, reject) => {
      fs.fsync(this.#file, (error) => (error ? reject(error) : resolve()));
    });
    this.#close();
    fs.renameSync(this.#temp, join(this.#folder, `${this.id}${SUFFIX}`));
    syncFolder(this.#folder);
  }

  abandon(): void {
    this.#close();
    fs.rmSync(this.#temp, { force: true });
    fs.rmSync(join(this.#folder, `${this.id}${SUFFIX}`), { force: true });
  }

  #append(bytes: Uint8Array): void {
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
    this.#offset += bytes.length;
    if (this.#pendingBytes > WRITE_BYTES) this.#flush();
  }

  #flush(): void {
    const bytes = this.#pending.length === 1 ? this.#pending[0]! : Buffer.concat(this.#pending);
    this.#pending = [];
    this.#pendingBytes = 0;
    for (let from = 0; from < bytes.length;) from += fs.writeSync(this.#file, bytes, from);
  }

  #close(): void {
    if (this.#open) fs.closeSync(this.#file);
    this.#open = false;
  }
}

export function readManifest(file: number, size: number): Manifest | null {
  if (size < FOOTER_BYTES) return null;
  const footer = readAt(file, size - FOOTER_BYTES, FOOTER_BYTES);
  const length = Number(footer.readBigUInt64LE());
  if (!footer.subarray(8).equals(MAGIC) || length > size - FOOTER_BYTES || length > MAX_MANIFEST_BYTES)
    return null;
  try {
    const text = readAt(file, size - FOOTER_BYTES - length, length).toString('utf8');
    return Manifest.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

export function readAt(file: number, position: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let from = 0; from < length;) {
    const count = fs.readSync(file, bytes, from, length - from, position + from);
    if (count === 0) throw new CodexError('internal', {}, { detail: 'a checkpoint is shorter than it says' });
    from += count;
  }
  return bytes;
}

/** A rename is on disk once its folder is; Windows has no such call and needs none. */
function syncFolder(folder: string): void {
  if (process.platform === 'win32') return;
  const file = fs.openSync(folder, 'r');
  try {
    fs.fsyncSync(file);
  } finally {
    fs.closeSync(file);
  }
}
