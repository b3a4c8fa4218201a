/**
 * What was prepared of environments: which snapshot of the sandbox engine stands for which key, how long
 * it may be used, and which goes when there are too many. The snapshots themselves are the engine's.
 */
import { sql, type DeleteQueryBuilder, type DeleteResult } from 'kysely';
import type { Schema } from '../store/schema.ts';
import type { Store, Tx } from '../store/store.ts';

export interface Prepared {
  key: string;
  environment: string;
  repoId: string;
  /** The commit that its repository stands at. */
  sha: string;
  snapshot: string;
  bytes: number;
  setupMs: number;
  createdAt: number;
  expiresAt: number;
}

export class PreparedEnvironments {
  readonly #store: Store;
  readonly #maxBytes: number;
  /** One preparation of the same key at a time in this process; the others wait for it and look again. */
  readonly #underWay = new Map<string, Promise<unknown>>();
  /** When this process deleted the row of a snapshot; what no other one remembers goes by its age. */
  readonly #forgotten = new Map<string, number>();

  constructor(options: { store: Store; maxBytes: number }) {
    this.#store = options.store;
    this.#maxBytes = options.maxBytes;
  }

  /** Marks it as used. Null when there is none, or it has expired. */
  async find(key: string, now = Date.now()): Promise<Prepared | null> {
    const row = await this.#store.write((tx) =>
      tx
        .updateTable('prepared')
        .set({ used_at: now })
        .where('key', '=', key)
        .where('expires_at', '>', now)
        .returningAll()
        .executeTakeFirst(),
    );
    if (!row) return null;
    return {
      key,
      environment: row.environment,
      repoId: row.repo_id,
      sha: row.sha,
      snapshot: row.snapshot,
      bytes: row.bytes,
      setupMs: row.setup_ms,
      createdAt: row.created_at,
      expiresAt: row.expires_at,
    };
  }

  async keep(prepared: Prepared): Promise<void> {
    const row = {
      environment: prepared.environment,
      repo_id: prepared.repoId,
      sha: prepared.sha,
      snapshot: prepared.snapshot,
      bytes: prepared.bytes,
      setup_ms: prepared.setupMs,
      created_at: prepared.createdAt,
      used_at: prepared.createdAt,
      expires_at: prepared.expiresAt,
    };
    await this.#store.write((tx) =>
      tx
        .insertInto('prepared')
        .values({ key: prepared.key, ...row })
        .onConflict((on) => on.column('key').doUpdateSet(row))
        .execute(),
    );
  }

  /** Its snapshot is gone. One that somebody prepared in its place meanwhile stays. */
  async forget({ key, snapshot }: Pick<Prepared, 'key' | 'snapshot'>): Promise<void> {
    await this.#delete((tx) =>
      tx.deleteFrom('prepared').where('key', '=', key).where('snapshot', '=', snapshot),
    );
  }

  /** Whether its row was deleted by this process, at that time or before. */
  forgotten(snapshot: string, before: number): boolean {
    return (this.#forgotten.get(snapshot) ?? Infinity) <= before;
  }

  /** How many are forgotten. What uses one goes on; the sweep removes the snapshots. */
  async reset(environment: string): Promise<number> {
    return this.#delete((tx) => tx.deleteFrom('prepared').where('environment', '=', environment));
  }

  /** Forgets what has expired, and what was used longest ago while all together are too large. */
  async trim(now = Date.now()): Promise<void> {
    await this.#delete((tx) => tx.deleteFrom('prepared').where('expires_at', '<=', now));
    const rows = await this.#store.read((db) =>
      db
        .selectFrom('prepared')
        .select(['key', 'bytes'])
        .orderBy('used_at', 'desc')
        .orderBy(sql`key`)
        .execute(),
    );
    let total = 0;
    const over = rows.filter(({ bytes }) => (total += bytes) > this.#maxBytes).map(({ key }) => key);
    if (over.length > 0) await this.#delete((tx) => tx.deleteFrom('prepared').where('key', 'in', over));
  }

  async #delete(which: (tx: Tx) => DeleteQueryBuilder<Schema, 'prepared', DeleteResult>): Promise<number> {
    const rows = await this.#store.write((tx) => which(tx).returning('snapshot').execute());
    for (const { snapshot } of rows) this.#forgotten.set(snapshot, Date.now());
    return rows.length;
  }

  async snapshots(): Promise<Set<string>> {
    const rows = await this.#store.read((db) => db.selectFrom('prepared').select('snapshot').execute());
    return new Set(rows.map(({ snapshot }) => snapshot));
  }

  /**
   * Runs `work` unless somebody is at the same key: then waits for them and returns null, whatever came of
   * it, so that the caller looks again. `onWait` is told before.
   */
  async alone<T>(
    key: string,
    work: () => Promise<T>,
    signal: AbortSignal,
    onWait: () => void = () => {},
  ): Promise<T | null> {
    const others = this.#underWay.get(key);
    if (others) {
      onWait();
      await unlessAborted(others, signal);
      return null;
    }
    const mine = work();
    const settled = mine.catch(() => undefined).finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, settled);
    return mine;
  }
}

function unlessAborted(work: Promise<unknown>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    void work.finally(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    });
  });
}
