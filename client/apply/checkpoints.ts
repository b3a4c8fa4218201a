/**
 * Checkpoints on disk: one file each, with every byte that applying is about to change, so that one
 * flush makes it safe before the first write. Layout: blobs by content hash, then the manifest as
 * JSON, then the manifest's length and a magic word. A checkpoint is written under another name,
 * flushed, renamed, and never changed; that it is finished or undone is a small file beside it. So
 * processes need no lock to share the store. It must never drop a checkpoint of a run that is going on.
 */
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { CodexError } from '../../protocol/errors.ts';
import { WirePath } from '../../protocol/events.ts';
import { codeOf } from './node-io.ts';
import { sha256 } from './state.ts';
import type { Checkpoint, CheckpointEntry, CheckpointInfo } from './types.ts';

const DAY_MS = 24 * 60 * 60_000;
/** Long enough to come back from a holiday; the user's own history is git's matter. */
const MAX_AGE_MS = 14 * DAY_MS;
/** All checkpoints together; the oldest go first. */
const MAX_STORE_BYTES = 2 * 1024 ** 3;
/** A half-written file of a killed process is no longer anyone's after this. */
const ORPHAN_AGE_MS = DAY_MS;
/** A manifest names paths and hashes only; a larger one is not ours. */
const MAX_MANIFEST_BYTES = 512 * 1024 * 1024;

/** Small blobs are gathered to this much, since each write costs a call. */
const WRITE_BYTES = 1024 * 1024;

const SUFFIX = '.checkpoint';
const MAGIC = Buffer.from('CDXCKPT1');
const FOOTER_BYTES = 8 + MAGIC.length;
/** Milliseconds in base 36: nine digits last until the year 5188. */
const TIME_DIGITS = 9;
const ID = /^[0-9a-z]{8,40}$/;

const Hash = z.string().regex(/^[0-9a-f]{64}$/);
const Manifest = z.object({
  v: z.literal(1),
  id: z.string().regex(ID),
  at: z.number(),
  root: z.string(),
  repo: z.string(),
  taskId: z.string().nullable(),
  turn: z.number().nullable(),
  label: z.string(),
  entries: z.array(
    z.object({
      path: WirePath,
      mode: z.string().nullable(),
      before: Hash.or(z.literal('absent')),
      after: Hash.or(z.literal('absent')),
      afterMode: z.string().nullable(),
      unsaved: z.boolean(),
    }),
  ),
  folders: z.array(z.object({ path: WirePath, mode: z.number().nullable() })),
  /** Offset and length of each blob. */
  blobs: z.record(Hash, z.tuple([z.number(), z.number()])),
});
type Manifest = z.infer<typeof Manifest>;

export interface CheckpointOptions {
  maxAgeMs?: number;
  maxBytes?: number;
  now?: () => number;
}

export type Folders = Checkpoint['folders'];

export function openCheckpoints(folder: string, options: CheckpointOptions = {}): Checkpoints {
  return new Checkpoints(folder, options);
}

export class Checkpoints {
  readonly folder: string;
  readonly #maxAgeMs: number;
  readonly #maxBytes: number;
  readonly #now: () => number;

  constructor(folder: string, options: CheckpointOptions) {
    this.folder = folder;
    this.#maxAgeMs = options.maxAgeMs ?? MAX_AGE_MS;
    this.#maxBytes = options.maxBytes ?? MAX_STORE_BYTES;
    this.#now = options.now ?? Date.now;
    fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
  }

  /** A new checkpoint, not there for others until `commit`. */
  begin(root: string, info: CheckpointInfo): CheckpointWriter {
    return new CheckpointWriter(this.folder, root, info, this.#now());
  }

  /** Newest first. A file that can't be read is left out, and left alone. */
  list(): Checkpoint[] {
    const found: Checkpoint[] = [];
    for (const name of fs.readdirSync(this.folder)) {
      if (!name.endsWith(SUFFIX)) continue;
      const checkpoint = this.get(name.slice(0, -SUFFIX.length));
      if (checkpoint) found.push(checkpoint);
    }
    return found.sort((one, two) => two.at - one.at || (one.id < two.id ? 1 : -1));
  }

  get(id: string): Checkpoint | null {
    return this.#open(id)?.checkpoint ?? null;
  }

  /** Reads blobs of one checkpoint; every blob is held against its hash. Close it. */
  openBlobs(id: string): { read(hash: string): Buffer; close(): void } {
    const opened = this.#open(id);
    if (!opened) throw new CodexError('notFound', { what: 'checkpoint', id });
    const file = fs.openSync(this.#path(id), 'r');
    return {
      read(hash) {
        const place = opened.manifest.blobs[hash];
        if (!place) throw new CodexError('internal', {}, { detail: `checkpoint ${id} has no blob ${hash}` });
        const bytes = readAt(file, place[0], place[1]);
        if (sha256(bytes) !== hash) {
          throw new CodexError('internal', {}, { detail: `blob ${hash} of checkpoint ${id} is damaged` });
        }
        return bytes;
      },
      close: () => fs.closeSync(file),
    };
  }

  /** Every write of the run has ended: nothing of it is left lying about. */
  markFinished(id: string): void {
    fs.writeFileSync(this.#marker(id, 'finished'), '');
  }

  isFinished(id: string): boolean {
    return fs.existsSync(this.#marker(id, 'finished'));
  }

  markUndone(id: string): void {
    fs.writeFileSync(this.#marker(id, 'undone'), String(this.#now()));
  }

  remove(id: string): void {
    for (const path of [this.#path(id), this.#marker(id, 'finished'), this.#marker(id, 'undone')]) {
      fs.rmSync(path, { force: true });
    }
  }

  /** Drops what is too old, then the oldest while all together are too large; never the newest. */
  prune(): void {
    const now = this.#now();
    let total = 0;
    // Ids begin with their time, so that no checkpoint has to be opened for this.
    const names = fs.readdirSync(this.folder).filter((name) => name.endsWith(SUFFIX));
    for (const [index, name] of names.sort().reverse().entries()) {
      const id = name.slice(0, -SUFFIX.length);
      total += fs.statSync(join(this.folder, name), { throwIfNoEntry: false })?.size ?? 0;
      const age = now - parseInt(id.slice(0, TIME_DIGITS), 36);
      if (index > 0 && (age > this.#maxAgeMs || total > this.#maxBytes)) this.remove(id);
    }
    for (const name of fs.readdirSync(this.folder)) {
      if (!name.endsWith('.tmp')) continue;
      const path = join(this.folder, name);
      const stat = fs.statSync(path, { throwIfNoEntry: false });
      if (stat && now - stat.mtimeMs > ORPHAN_AGE_MS) fs.rmSync(path, { force: true });
    }
  }

  #path(id: string): string {
    return join(this.folder, `${id}${SUFFIX}`);
  }

  #marker(id: string, what: 'finished' | 'undone'): string {
    return join(this.folder, `${id}.${what}`);
  }

  #open(id: string): { manifest: Manifest; checkpoint: Checkpoint } | null {
    if (!ID.test(id)) return null;
    let file: number;
    try {
      file = fs.openSync(this.#path(id), 'r');
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return null;
      throw error;
    }
    try {
      const { size } = fs.fstatSync(file);
      const manifest = readManifest(file, size);
      if (manifest === null || manifest.id !== id) return null;
      const { at, root, repo, taskId, turn, label, folders } = manifest;
      const entries = manifest.entries.map(({ path, ...rest }) => ({ path: exactPath(path), ...rest }));
      const places = folders.map(({ path, mode }) => ({ path: exactPath(path), mode }));
      const finished = this.isFinished(id);
      const undoneAt = readNumber(this.#marker(id, 'undone'));
      return {
        manifest,
        checkpoint: {
          id,
          at,
          root,
          repo,
          taskId,
          turn,
          label,
          entries,
          folders: places,
          size,
          finished,
          undoneAt,
        },
      };
    } finally {
      fs.closeSync(file);
    }
  }
}

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
    const { repo, taskId, turn, label } = info;
    this.#manifest = { v: 1, id: this.id, at, root, repo, taskId, turn, label, blobs: {} };
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

function readManifest(file: number, size: number): Manifest | null {
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

function readAt(file: number, position: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let from = 0; from < length;) {
    const count = fs.readSync(file, bytes, from, length - from, position + from);
    if (count === 0) throw new CodexError('internal', {}, { detail: 'a checkpoint is shorter than it says' });
    from += count;
  }
  return bytes;
}

function readNumber(path: string): number | null {
  try {
    return Number(fs.readFileSync(path, 'utf8'));
  } catch {
    return null;
  }
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

/** zod gives `bytes?: string | undefined`; a path of ours has the key or has it not. */
function exactPath(path: { path: string; bytes?: string | undefined }): WirePath {
  return path.bytes === undefined ? { path: path.path } : { path: path.path, bytes: path.bytes };
}
