/**
 * Environments as they are stored, and the one place that says which internet policy a task has.
 *
 * A change goes: every entry checked → one transaction → told to whoever listens, in the order of the
 * commits, so that a running turn switches at once. The default environment is always there, stored or
 * not. What does not compile into rules is never stored, and an environment that is gone opens nothing.
 *
 * Whether the person may do this is the gateway's affair; what a policy means is the policy's.
 */
import { sql, type Selectable } from 'kysely';
import type { AccessPolicy } from '../../protocol/egress.ts';
import {
  checkEnvironment,
  DEFAULT_ENVIRONMENT_NAME,
  defaultEnvironment,
  Environment,
  type Internet,
  type StoredEnvironment,
} from '../../protocol/environment.ts';
import { CodexError } from '../../protocol/errors.ts';
import { ENVIRONMENTS_BYTES } from '../../protocol/limits.ts';
import type { Schema } from '../store/schema.ts';
import type { Store, Tx } from '../store/store.ts';
import { allowDomain, checkInternet } from './changes.ts';

type Row = Selectable<Schema['environments']>;
/** Called after the commit, with what holds from now on. */
export type EnvironmentListener = (name: string, environment: StoredEnvironment) => void;

/** Those of `TurnState` that have not ended. */
const OPEN_STATES = ['queued', 'preparing', 'running', 'waiting'] as const;
/** What the default environment says of itself while nobody has changed it. */
const NEVER = { updatedAt: 0, updatedBy: '' };

export class Environments {
  readonly #store: Store;
  readonly #listeners = new Set<EnvironmentListener>();
  /** Changes one after the other, so that listeners hear them in the order of the commits. */
  #line: Promise<unknown> = Promise.resolve();

  constructor(store: Store) {
    this.#store = store;
  }

  /** The default one first, then by name. */
  async list(): Promise<StoredEnvironment[]> {
    const rows = await this.#store.read((db) => db.selectFrom('environments').selectAll().execute());
    const stored = rows.map(ofRow);
    const rank = ({ name }: StoredEnvironment) => (name === DEFAULT_ENVIRONMENT_NAME ? '' : name);
    if (!stored.some(isDefault)) stored.push({ ...defaultEnvironment(), ...NEVER });
    return stored.sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
  }

  /** Throws `CodexError` environmentUnknown. */
  async get(name: string): Promise<StoredEnvironment> {
    const row = await this.#store.read((db) =>
      db.selectFrom('environments').selectAll().where('name', '=', name).executeTakeFirst(),
    );
    if (row) return ofRow(row);
    if (name === DEFAULT_ENVIRONMENT_NAME) return { ...defaultEnvironment(), ...NEVER };
    throw new CodexError('environmentUnknown', { name });
  }

  /** Throws `CodexError` badEnvironment, and badPolicy with the entry that can't be a rule. */
  async put(environment: unknown, who: string): Promise<StoredEnvironment> {
    const checked = checkEnvironment(environment);
    checkInternet(checked.internet);
    return this.#change(checked.name, (tx) => write(tx, checked, who));
  }

  /** The default one goes back to its defaults. Throws `CodexError` environmentUnknown, environmentInUse. */
  async delete(name: string): Promise<void> {
    const remove = (tx: Tx) =>
      tx.deleteFrom('environments').where('name', '=', name).returning('name').executeTakeFirst();
    if (name === DEFAULT_ENVIRONMENT_NAME) {
      await this.#change(name, async (tx) => {
        await remove(tx);
        return { ...defaultEnvironment(), ...NEVER };
      });
      return;
    }
    await this.#inLine(() =>
      this.#store.write(async (tx) => {
        if (!(await remove(tx))) throw new CodexError('environmentUnknown', { name });
        const tasks = await openTasks(tx, name);
        if (tasks > 0) throw new CodexError('environmentInUse', { name, tasks });
      }),
    );
  }

  /**
   * What a task may reach. `environment` is the task's, null for the default one. Throws `CodexError`
   * environmentUnknown when it was deleted since: such a turn must not run with another policy.
   */
  async policyOf(environment: string | null, phase: keyof Internet): Promise<AccessPolicy> {
    return (await this.get(environment ?? DEFAULT_ENVIRONMENT_NAME)).internet[phase];
  }

  /**
   * Adds a domain to what the agent may reach; access that was off is on then, for this domain alone.
   * Throws `CodexError` badPolicy, domainDenied, environmentUnknown.
   */
  allow(environment: string | null, domain: string, who: string): Promise<StoredEnvironment> {
    const name = environment ?? DEFAULT_ENVIRONMENT_NAME;
    return this.#change(name, async (tx) => {
      const before = await lockEnvironment(tx, name);
      const internet = allowDomain(before.internet, domain);
      return write(tx, { ...Environment.parse(before), internet }, who);
    });
  }

  /** Returns how to stop it. */
  onChange(listener: EnvironmentListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #change(name: string, change: (tx: Tx) => Promise<StoredEnvironment>): Promise<StoredEnvironment> {
    return this.#inLine(async () => {
      const environment = await this.#store.write(change);
      for (const listener of [...this.#listeners]) listener(name, environment);
      return environment;
    });
  }

  #inLine<T>(fn: () => Promise<T>): Promise<T> {
    const result = this.#line.then(fn);
    this.#line = result.catch(() => {});
    return result;
  }
}

const isDefault = ({ name }: StoredEnvironment) => name === DEFAULT_ENVIRONMENT_NAME;

function ofRow(row: Row): StoredEnvironment {
  // Through the schema: what an older version stored gets the defaults of what came since.
  const environment = Environment.parse({ ...(JSON.parse(row.definition) as object), name: row.name });
  return { ...environment, updatedAt: row.updated_at, updatedBy: row.updated_by };
}

/** The row as it is, kept from other writers until this transaction ends. */
async function lockEnvironment(tx: Tx, name: string): Promise<StoredEnvironment> {
  // A row must be there to be locked: two backends could else both begin from the defaults.
  if (name === DEFAULT_ENVIRONMENT_NAME) {
    await tx
      .insertInto('environments')
      .values(rowOf(defaultEnvironment(), NEVER))
      .onConflict((on) => on.doNothing())
      .execute();
  }
  const row = await tx
    .selectFrom('environments')
    .selectAll()
    .where('name', '=', name)
    .forUpdate()
    .executeTakeFirst();
  if (!row) throw new CodexError('environmentUnknown', { name });
  return ofRow(row);
}

async function write(tx: Tx, environment: Environment, who: string): Promise<StoredEnvironment> {
  const changed = { updatedAt: Date.now(), updatedBy: who };
  const row = rowOf(environment, changed);
  await tx
    .insertInto('environments')
    .values(row)
    .onConflict((on) => on.column('name').doUpdateSet(row))
    .execute();
  const { bytes } = await tx
    .selectFrom('environments')
    .select(sql<number>`coalesce(sum(octet_length(definition)), 0)::double precision`.as('bytes'))
    .executeTakeFirstOrThrow();
  if (bytes > ENVIRONMENTS_BYTES) {
    throw new CodexError('environmentsTooLarge', { bytes, maxBytes: ENVIRONMENTS_BYTES });
  }
  return { ...environment, ...changed };
}

function rowOf({ name, ...definition }: Environment, changed: typeof NEVER): Row {
  return {
    name,
    definition: JSON.stringify(definition),
    updated_at: changed.updatedAt,
    updated_by: changed.updatedBy,
  };
}

async function openTasks(tx: Tx, environment: string): Promise<number> {
  const { count } = await tx
    .selectFrom('tasks')
    .select((eb) => eb.fn.countAll().as('count'))
    .where('environment', '=', environment)
    .where('state', 'in', OPEN_STATES)
    .executeTakeFirstOrThrow();
  return Number(count);
}
