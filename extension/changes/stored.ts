/**
 * Reviews on disk, one folder each: the patch as it was reviewed, and what was decided of it. The state is
 * replaced as a whole by a rename, so that a killed window leaves the one before or the one after. No VS Code.
 */
import { mkdir, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { ItemState, ReviewState } from '../../client/review/index.ts';
import type { ResultRef } from './result.ts';

/** Longer than a checkpoint lives, so that what can be undone can be found. */
const MAX_AGE_MS = 30 * 24 * 60 * 60_000;

const Item = z.object({
  id: z.string(),
  decision: z.enum(['open', 'accepted', 'rejected']),
  inFile: z.boolean(),
});
const Range = z.object({ start: z.number(), count: z.number() });
const State = z.object({
  splits: z.array(z.object({ id: z.string(), selection: z.object({ removed: Range, added: Range }) })),
  items: z.array(Item),
});
const Stored = z.object({
  v: z.literal(1),
  ref: z.object({
    taskId: z.string(),
    turn: z.number(),
    attempt: z.number(),
    from: z.number().nullable(),
    root: z.string(),
  }),
  title: z.string(),
  files: z.record(z.string(), State),
  steps: z.array(
    z.object({
      at: z.number(),
      decision: z.enum(['accepted', 'rejected']),
      before: z.array(Item),
      checkpoints: z.array(z.string()),
    }),
  ),
});

/** One decision: what the items were before, and the checkpoints of what was written, oldest first. */
export interface Step {
  at: number;
  decision: 'accepted' | 'rejected';
  before: ItemState[];
  checkpoints: string[];
}

export interface StoredReview {
  v: 1;
  ref: ResultRef;
  title: string;
  /** By the file's path. */
  files: Record<string, ReviewState>;
  /** Newest last. */
  steps: Step[];
}

export class StoredReviews {
  readonly #folder: string;
  /** Writes of one review follow one another. */
  readonly #writes = new Map<string, Promise<void>>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  async patch(key: string): Promise<Uint8Array | null> {
    return readFile(join(this.#folder, key, 'patch')).catch(() => null);
  }

  async state(key: string): Promise<StoredReview | null> {
    const text = await readFile(join(this.#folder, key, 'state.json'), 'utf8').catch(() => null);
    if (text === null) return null;
    try {
      return Stored.parse(JSON.parse(text));
    } catch {
      return null;
    }
  }

  async begin(key: string, patch: Uint8Array): Promise<void> {
    await mkdir(join(this.#folder, key), { recursive: true, mode: 0o700 });
    await replace(join(this.#folder, key, 'patch'), patch);
  }

  save(key: string, state: StoredReview): Promise<void> {
    const text = JSON.stringify(state);
    const before = this.#writes.get(key) ?? Promise.resolve();
    const write = before
      .catch(() => undefined)
      .then(() => replace(join(this.#folder, key, 'state.json'), Buffer.from(text)));
    this.#writes.set(key, write);
    return write;
  }

  async remove(key: string): Promise<void> {
    await this.#writes.get(key)?.catch(() => undefined);
    await rm(join(this.#folder, key), { recursive: true, force: true });
  }

  /** Newest first; what is too old goes. */
  async list(now = Date.now()): Promise<{ key: string; at: number }[]> {
    const found: { key: string; at: number }[] = [];
    for (const key of await readdir(this.#folder).catch(() => [])) {
      const at = await stat(join(this.#folder, key, 'state.json')).then(
        ({ mtimeMs }) => mtimeMs,
        () => 0,
      );
      if (now - at > MAX_AGE_MS) await rm(join(this.#folder, key), { recursive: true, force: true });
      else found.push({ key, at });
    }
    return found.sort((one, two) => two.at - one.at);
  }
}

async function replace(path: string, bytes: Uint8Array): Promise<void> {
  const temp = `${path}.tmp`;
  await writeFile(temp, bytes, { mode: 0o600, flush: true });
  await rename(temp, path);
}
