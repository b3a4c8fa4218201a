/**
 * The embedded database as a pool of one connection, for Kysely and the queue alike: whoever has it has
 * it alone, until it is released.
 *
 * One that broke (its WebAssembly instance has ended) is opened again for whoever comes next: what was
 * committed is in the files. Why not the query builder's own driver: when a transaction can't begin, its
 * promise is never settled, and the error ends the process.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { PGlite } from '@electric-sql/pglite';
import {
  type Dialect,
  PGliteAdapter,
  PostgresDriver,
  PostgresIntrospector,
  type PostgresPoolClient,
  PostgresQueryCompiler,
} from 'kysely';
import { fromPglite } from 'pg-boss';
import { CodexError, errorText } from '../../protocol/errors.ts';
import { openEmbeddedDatabase } from './template.ts';

/** A broken one may never answer. */
const CLOSE_BROKEN_MS = 2_000;

export interface EmbeddedLayout {
  key: string;
  lay(empty: EmbeddedDatabase): Promise<void>;
}

export class EmbeddedDatabase {
  readonly #open: () => Promise<PGlite>;
  #pglite: PGlite | null;
  #line: Promise<void> = Promise.resolve();
  #ended = false;

  private constructor(open: () => Promise<PGlite>, pglite: PGlite) {
    this.#open = open;
    this.#pglite = pglite;
  }

  static async open(folder: string, layout: EmbeddedLayout): Promise<EmbeddedDatabase> {
    const lay = async (pglite: PGlite) => {
      const empty = new EmbeddedDatabase(async () => pglite, pglite);
      try {
        await layout.lay(empty);
      } finally {
        await empty.#end();
      }
    };
    const open = () => openEmbeddedDatabase(folder, { key: layout.key, lay });
    return new EmbeddedDatabase(open, await open());
  }

  dialect(): Dialect {
    const pool = { connect: () => this.#connect(), end: () => this.#end(), options: {} };
    return {
      createAdapter: () => new PGliteAdapter(),
      createDriver: () => new PostgresDriver({ pool }),
      createIntrospector: (db) => new PostgresIntrospector(db),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    };
  }

  /** For the queue: several statements at once too, and a failed one leaves no open transaction. */
  async executeSql(text: string, values?: unknown[]): Promise<{ rows: unknown[] }> {
    const { pglite, release } = await this.#take();
    try {
      return await this.#watch(pglite, () => fromPglite(pglite).executeSql(text, values));
    } finally {
      release();
    }
  }

  async #connect(): Promise<PostgresPoolClient> {
    const { pglite, release } = await this.#take();
    const query = async (text: string, values: readonly unknown[]) => {
      const { rows, affectedRows } = await this.#watch(pglite, () => pglite.query(text, [...values]));
      return { command: 'UPDATE' as const, rowCount: affectedRows ?? rows.length, rows };
    };
    // Streaming queries, which nothing here uses, are the other form of `query`.
    return { query: query as PostgresPoolClient['query'], release };
  }

  /** Waits for its turn. */
  async #take(): Promise<{ pglite: PGlite; release: () => void }> {
    const before = this.#line;
    const { promise, resolve: release } = Promise.withResolvers<void>();
    this.#line = promise;
    await before;
    try {
      if (this.#ended) throw new CodexError('shuttingDown');
      this.#pglite ??= await this.#open();
      return { pglite: this.#pglite, release };
    } catch (error) {
      release();
      throw error;
    }
  }

  async #watch<T>(pglite: PGlite, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!isBroken(error, pglite)) throw error;
      if (this.#pglite === pglite) {
        this.#pglite = null;
        await Promise.race([pglite.close().catch(() => {}), sleep(CLOSE_BROKEN_MS)]);
      }
      throw new CodexError('databaseFailed', {}, { detail: errorText(error), cause: error });
    }
  }

  async #end(): Promise<void> {
    const { pglite, release } = await this.#take();
    this.#ended = true;
    release();
    await pglite.close();
  }
}

function isBroken(error: unknown, pglite: PGlite): boolean {
  return pglite.closed || error instanceof WebAssembly.RuntimeError;
}
