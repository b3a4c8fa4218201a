/**
 * The database: opens it (embedded in the data folder, or a PostgreSQL server), brings its schema up to
 * date, runs transactions, and says what a failure means.
 *
 * Opening: lock the folder (embedded only) → open → migrate. A full disk is `diskFull`: nothing that was
 * acknowledged is lost, and work goes on once there is room. An embedded database that broke is opened
 * again for the next transaction. Nothing here knows what a task is.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PGlite } from '@electric-sql/pglite';
import { Kysely, PGliteDialect, PostgresDialect, type Transaction } from 'kysely';
import { Migrator } from 'kysely/migration';
import pg from 'pg';
import { type ConstructorOptions, fromPglite } from 'pg-boss';
import { CodexError, errorText } from '../../protocol/errors.ts';
import { MIGRATIONS } from './migrations.ts';
import type { Schema } from './schema.ts';
import { openEmbeddedDatabase } from './template.ts';

export type Db = Kysely<Schema>;
export type Tx = Transaction<Schema>;

export interface Store {
  /** Whether this process alone uses the database: then whatever is marked as running is an orphan. */
  readonly exclusive: boolean;
  /** For reading. */
  read<T>(fn: (db: Db) => Promise<T>): Promise<T>;
  /** One transaction: all of it is durable once it resolves, or nothing is. */
  write<T>(fn: (tx: Tx) => Promise<T>): Promise<T>;
  /** How the queue reaches the same database. */
  queueOptions(): ConstructorOptions;
  close(): Promise<void>;
}

const CLOSE_BROKEN_MS = 2_000;

/** PostgreSQL's class 53 (insufficient resources): disk full. */
const SQL_DISK_FULL = '53100';

export async function openStore(options: { dataDir: string; databaseUrl?: string }): Promise<Store> {
  try {
    return options.databaseUrl ? await openServer(options.databaseUrl) : await openEmbedded(options.dataDir);
  } catch (error) {
    throw meaningOf(error);
  }
}

async function openServer(connectionString: string): Promise<Store> {
  const db = new Kysely<Schema>({
    dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString }) }),
  });
  await migrate(db);
  return {
    exclusive: false,
    read: (fn) => guarded(() => fn(db)),
    write: (fn) => guarded(() => db.transaction().execute(fn)),
    queueOptions: () => ({ connectionString }),
    close: () => db.destroy(),
  };
}

async function openEmbedded(dataDir: string): Promise<Store> {
  const folder = join(dataDir, 'database');
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const connect = async () => {
    const pglite = await openEmbeddedDatabase(folder);
    const db = new Kysely<Schema>({ dialect: new PGliteDialect({ pglite }) });
    return { pglite, db, queue: fromPglite(pglite) };
  };
  let current = await connect();
  await migrate(current.db);

  let closed = false;
  let reopening: Promise<void> | null = null;
  const reopen = () =>
    (reopening ??= (async () => {
      // A broken one may never answer.
      await Promise.race([current.pglite.close().catch(() => {}), sleep(CLOSE_BROKEN_MS)]);
      current = await connect();
    })().finally(() => (reopening = null)));

  const run = async <T>(work: () => Promise<T>): Promise<T> => {
    if (closed) throw new CodexError('shuttingDown');
    if (reopening) await reopening;
    const { pglite } = current;
    try {
      return await work();
    } catch (error) {
      // Its WebAssembly instance has ended: what was committed is in the files. Once for all who used it.
      if (!closed && pglite === current.pglite && isBroken(error, pglite)) await reopen().catch(() => {});
      const gone = reopening !== null || pglite !== current.pglite || pglite.closed;
      if (error instanceof CodexError || !gone) throw error;
      throw new CodexError('databaseFailed', {}, { detail: errorText(error), cause: error });
    }
  };

  return {
    exclusive: true,
    read: (fn) => guarded(() => run(() => fn(current.db))),
    write: (fn) => guarded(() => run(() => current.db.transaction().execute(fn))),
    queueOptions: () => ({
      backend: 'pglite',
      db: {
        executeSql: (text, values) => run(() => current.queue.executeSql(text, values)),
      },
    }),
    async close() {
      closed = true;
      await reopening;
      await current.db.destroy();
    },
  };
}

async function migrate(db: Db): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => MIGRATIONS } });
  const { error } = await migrator.migrateToLatest();
  if (error instanceof Error) throw error;
  if (error !== undefined) throw new Error('The database could not be brought up to date.');
}

function isBroken(error: unknown, pglite: PGlite): boolean {
  return (
    pglite.closed ||
    error instanceof WebAssembly.RuntimeError ||
    /exit\(|memory access/.test(errorText(error))
  );
}

async function guarded<T>(fn: () => Promise<T>): Promise<T> {
  try {
    return await fn();
  } catch (error) {
    throw meaningOf(error);
  }
}

/** A failure of the database as one of ours; what the caller's own code threw stays as it is. */
function meaningOf(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(errorText(error));
  if (error instanceof CodexError) return error;
  const { code, errno } = error as { code?: unknown; errno?: unknown };
  const text = errorText(error);
  if (code === SQL_DISK_FULL || code === 'ENOSPC' || errno === 28 || /no space left/i.test(text)) {
    return new CodexError('diskFull', {}, { detail: text, cause: error });
  }
  const ofDatabase = typeof code === 'string' || error instanceof WebAssembly.RuntimeError;
  return ofDatabase ? new CodexError('databaseFailed', {}, { detail: text, cause: error }) : error;
}
