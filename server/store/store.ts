/**
 * The database: opens it (embedded in the data folder, or a PostgreSQL server), brings its schema up to
 * date, runs transactions, and says what a failure means.
 *
 * Opening: lock the folder (embedded only) → open → migrate. A full disk is `diskFull`: nothing that was
 * acknowledged is lost, and work goes on once there is room. An embedded database that broke is opened
 * again for the next transaction. Nothing here knows what a task is.
 */
import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Kysely, PostgresDialect, type Transaction } from 'kysely';
import { Migrator } from 'kysely/migration';
import pg from 'pg';
import { type ConstructorOptions, getConstructionPlans, PgBoss } from 'pg-boss';
import { CodexError, errorText } from '../../protocol/errors.ts';
import { EmbeddedDatabase, type EmbeddedLayout } from './embedded.ts';
import { MIGRATIONS, MIGRATIONS_TEXT } from './migrations.ts';
import type { Schema } from './schema.ts';

export type Db = Kysely<Schema>;
export type Tx = Transaction<Schema>;

export interface Store {
  /** Whether this process alone uses the database: then whatever is marked as running is an orphan. */
  readonly exclusive: boolean;
  /** For reading. */
  read<T>(fn: (db: Db) => Promise<T>): Promise<T>;
  /** One transaction: all of it is durable once it resolves, or nothing is. */
  write<T>(fn: (tx: Tx) => Promise<T>): Promise<T>;
  /** No other process on the same database does something under this key meanwhile. */
  alone<T>(key: string, work: () => Promise<T>): Promise<T>;
  /** How the queue reaches the same database. */
  queueOptions(): ConstructorOptions;
  close(): Promise<void>;
}

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
    alone: (key, work) => aloneAmongAll(connectionString, key, work),
    queueOptions: () => ({ connectionString }),
    close: () => db.destroy(),
  };
}

async function openEmbedded(dataDir: string): Promise<Store> {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const embedded = await EmbeddedDatabase.open(join(dataDir, 'database'), LAYOUT);
  const db = new Kysely<Schema>({ dialect: embedded.dialect() });
  await migrate(db);
  let closed = false;
  const guardOpen = <T>(fn: () => Promise<T>): Promise<T> =>
    guarded(() => (closed ? Promise.reject(new CodexError('shuttingDown')) : fn()));
  return {
    exclusive: true,
    read: (fn) => guardOpen(() => fn(db)),
    write: (fn) => guardOpen(() => db.transaction().execute(fn)),
    alone: (_key, work) => work(),
    queueOptions: () => embeddedQueue(embedded),
    close: () => {
      closed = true;
      return db.destroy();
    },
  };
}

/**
 * On a connection of its own, which ends with this process and the lock with it. One of the pool's would be missing
 * there: as many as wait for each other must never use it up.
 */
async function aloneAmongAll<T>(connectionString: string, key: string, work: () => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString });
  // Without it a connection that breaks would end the process.
  client.on('error', () => {});
  try {
    await guarded(async () => {
      await client.connect();
      await client.query('select pg_advisory_lock(hashtextextended($1, 0))', [key]);
    });
    return await work();
  } finally {
    await client.end().catch(() => {});
  }
}

/** Both kinds of tables: ours and the queue's. */
const LAYOUT: EmbeddedLayout = {
  key: createHash('sha256')
    .update(MIGRATIONS_TEXT + getConstructionPlans())
    .digest('hex')
    .slice(0, 12),
  lay: async (empty) => {
    await migrate(new Kysely<Schema>({ dialect: empty.dialect() }));
    const boss = new PgBoss({ ...embeddedQueue(empty), schedule: false, supervise: false });
    await boss.start();
    await boss.stop({ graceful: false });
  },
};

function embeddedQueue(embedded: EmbeddedDatabase): ConstructorOptions {
  return {
    backend: 'pglite',
    db: { executeSql: (text, values) => embedded.executeSql(text, values) },
  };
}

async function migrate(db: Db): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => MIGRATIONS } });
  const { error } = await migrator.migrateToLatest();
  if (error instanceof Error) throw error;
  if (error !== undefined) throw new Error('The database could not be brought up to date.');
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
  return typeof code === 'string'
    ? new CodexError('databaseFailed', {}, { detail: text, cause: error })
    : error;
}
