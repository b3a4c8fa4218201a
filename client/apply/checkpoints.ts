/**
 * Checkpoints on disk: one file each, with every byte that applying is about to change, so that one
 * flush makes it safe before the first write (its form: `checkpoint-file.ts`). A checkpoint is written
 * under another name, flushed, renamed, and never changed; that it is finished or undone is a small file
 * beside it. So processes need no lock to share the store. It must never drop a checkpoint of a run that
 * is going on.
 */
import * as fs from 'node:fs';
import { join } from 'node:path';
import { CodexError } from '../../protocol/errors.ts';
import type { WirePath } from '../../protocol/events.ts';
import {
  CheckpointWriter,
  ID,
  readAt,
  readManifest,
  SUFFIX,
  TIME_DIGITS,
  type Manifest,
} from './checkpoint-file.ts';
import { codeOf } from './node-io.ts';
import { sha256 } from './state.ts';
import type { Checkpoint, CheckpointEntry, CheckpointInfo, CheckpointSummary, StoreUsage } from './types.ts';

const DAY_MS = 24 * 60 * 60_000;
/** Long enough to come back from a holiday; the user's own history is git's matter. */
const MAX_AGE_MS = 14 * DAY_MS;
/** All checkpoints together; the oldest go first. */
const MAX_STORE_BYTES = 2 * 1024 ** 3;
/** A half-written file of a killed process is no longer anyone's after this. */
const ORPHAN_AGE_MS = DAY_MS;

export interface CheckpointOptions {
  maxAgeMs?: number;
  maxBytes?: number;
  now?: () => number;
}

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

  /** Newest first, of one root or of all: what a list shows. Only manifests are read. */
  summaries(of?: string): CheckpointSummary[] {
    const all = this.list().filter(({ root }) => of === undefined || root === of);
    return all.map((one) => {
      const { id, at, root, repo, taskId, turn, label, keptFrom, size, finished, undoneAt, entries } = one;
      return {
        ...{ id, at, root, repo, taskId, turn, label, size, finished, undoneAt },
        ...(keptFrom === undefined ? {} : { keptFrom }),
        files: entries.length,
        expiresAt: at + this.#maxAgeMs,
      };
    });
  }

  /** How much of what it may take the store takes. No checkpoint is opened. */
  usage(): StoreUsage {
    let [count, bytes] = [0, 0];
    for (const name of fs.readdirSync(this.folder)) {
      if (!name.endsWith(SUFFIX)) continue;
      count++;
      bytes += fs.statSync(join(this.folder, name), { throwIfNoEntry: false })?.size ?? 0;
    }
    return { count, bytes, maxBytes: this.#maxBytes, maxAgeMs: this.#maxAgeMs };
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

  /** For good: what it holds can't be undone any more. */
  remove(id: string): void {
    if (!ID.test(id)) return;
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
      const { at, root, repo, taskId, turn, label, keptFrom, folders } = manifest;
      const entries = manifest.entries.map(exactEntry);
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
          ...(keptFrom === undefined ? {} : { keptFrom }),
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

function readNumber(path: string): number | null {
  try {
    return Number(fs.readFileSync(path, 'utf8'));
  } catch {
    return null;
  }
}

/** zod gives `bytes?: string | undefined`; a path of ours has the key or has it not. */
function exactPath(path: { path: string; bytes?: string | undefined }): WirePath {
  return path.bytes === undefined ? { path: path.path } : { path: path.path, bytes: path.bytes };
}

function exactEntry({ path, change, ...rest }: Manifest['entries'][number]): CheckpointEntry {
  return { path: exactPath(path), ...rest, ...(change === undefined ? {} : { change }) };
}
