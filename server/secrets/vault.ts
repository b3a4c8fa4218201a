/**
 * The vault: values in the database, each sealed with a key of its own, which is wrapped by a
 * key-encryption key that is kept elsewhere. A row opens only in its own place.
 *
 * Setting: check → a new id, a new key → sealed and wrapped → one transaction that also checks the
 * limits. Opening: every row or an error; never an empty value in place of one that can't be read. Nothing
 * here logs, and no error carries a value.
 */
import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { DEFAULT_ENVIRONMENT_NAME } from '../../protocol/environment.ts';
import { CodexError } from '../../protocol/errors.ts';
import { SECRETS_BYTES_PER_ENVIRONMENT, SECRETS_PER_ENVIRONMENT } from '../../protocol/limits.ts';
import { SecretName, SecretValue, type SecretView } from '../../protocol/secret.ts';
import type { Store, Tx } from '../store/store.ts';
import type { KeyService } from './keys/index.ts';
import { rewrapAll } from './rewrap.ts';
import { openRow, sealRow, type SecretRow } from './rows.ts';
import { SEAL_OVERHEAD_BYTES } from './seal.ts';
import type { OpenSecret, Vault } from './types.ts';

/** Of the database's advisory locks, those that let one writer at a time into an environment's secrets. */
const LOCK_CLASS = 0x5ec7;

/** Also removes what an environment left that was deleted while the backend was killed. */
export async function openVault(store: Store, keys: KeyService): Promise<Vault> {
  await store.write((tx) =>
    tx
      .deleteFrom('secrets')
      .where('environment', '<>', DEFAULT_ENVIRONMENT_NAME)
      .where('environment', 'not in', tx.selectFrom('environments').select('name'))
      .execute(),
  );
  const rowsOf = (environment: string): Promise<SecretRow[]> =>
    store.read((db) =>
      db.selectFrom('secrets').selectAll().where('environment', '=', environment).orderBy('name').execute(),
    );
  return {
    async put(environment, name, value, who) {
      check(name, value);
      const place = { environment, name, id: randomUUID() };
      const row: SecretRow = {
        ...place,
        ...(await sealRow(keys, place, value)),
        updated_at: Date.now(),
        updated_by: who,
      };
      await store.write(async (tx) => {
        await enter(tx, environment);
        await checkRoom(tx, row);
        await tx
          .insertInto('secrets')
          .values(row)
          .onConflict((on) => on.columns(['environment', 'name']).doUpdateSet(row))
          .execute();
      });
      return viewOf(row);
    },

    async delete(environment, name) {
      const gone = await store.write((tx) =>
        tx
          .deleteFrom('secrets')
          .where('environment', '=', environment)
          .where('name', '=', name)
          .returning('id')
          .executeTakeFirst(),
      );
      if (!gone) throw new CodexError('secretUnknown', { name, environment });
    },

    list: async (environment) => (await rowsOf(environment)).map(viewOf),

    async open(environment) {
      const open: OpenSecret[] = [];
      for (const row of await rowsOf(environment)) {
        open.push({ name: row.name, id: row.id, value: await openRow(keys, row) });
      }
      return open;
    },

    async deleteAll(environment) {
      await store.write((tx) => tx.deleteFrom('secrets').where('environment', '=', environment).execute());
    },

    async rotate() {
      await keys.renew();
      return { rewrapped: await rewrapAll(store, keys) };
    },
  };
}

/** Callers have checked the same by the protocol's table; what is stored here is checked here. */
function check(name: string, value: string): void {
  for (const [field, result] of [
    ['name', SecretName.safeParse(name)],
    ['value', SecretValue.safeParse(value)],
  ] as const) {
    if (result.success) continue;
    const reason = `${field} ${result.error.issues[0]?.message ?? ''}`;
    throw new CodexError('badRequest', { field, reason }, { detail: reason });
  }
}

/** The environment is there and stays until the transaction's end, and no other put is in it meanwhile. */
async function enter(tx: Tx, environment: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(${LOCK_CLASS}::int, hashtext(${environment}))`.execute(tx);
  if (environment === DEFAULT_ENVIRONMENT_NAME) return;
  const there = await tx
    .selectFrom('environments')
    .select('name')
    .where('name', '=', environment)
    .forShare()
    .executeTakeFirst();
  if (!there) throw new CodexError('environmentUnknown', { name: environment });
}

async function checkRoom(tx: Tx, row: SecretRow): Promise<void> {
  const others = await tx
    .selectFrom('secrets')
    .select('sealed')
    .where('environment', '=', row.environment)
    .where('name', '<>', row.name)
    .execute();
  if (others.length >= SECRETS_PER_ENVIRONMENT)
    throw new CodexError('secretsTooMany', { most: SECRETS_PER_ENVIRONMENT });
  const bytes = [row, ...others].reduce(
    (sum, { sealed }) => sum + Buffer.byteLength(sealed, 'base64') - SEAL_OVERHEAD_BYTES,
    0,
  );
  if (bytes > SECRETS_BYTES_PER_ENVIRONMENT)
    throw new CodexError('secretsTooMany', { bytes, maxBytes: SECRETS_BYTES_PER_ENVIRONMENT });
}

const viewOf = ({ name, updated_at, updated_by }: SecretRow): SecretView => ({
  name,
  updatedAt: updated_at,
  updatedBy: updated_by,
});
