/**
 * Rotation: every value's key under the newest key-encryption key. The values and their ids stay, so that
 * what was prepared with them stays too.
 *
 * Each row is taken by what was read of it: one that was set or deleted meanwhile is left alone. A row
 * that can't be opened does not keep the others from their new key; it is told at the end.
 */
import { CodexError } from '../../protocol/errors.ts';
import type { Store } from '../store/store.ts';
import type { KeyService } from './keys/index.ts';
import { rewrapKey, whoseOf, type SealedPart } from './rows.ts';
import { forgeBound, secretBound } from './seal.ts';

/** In one transaction: an interruption loses at most so many, and they are done the next time. */
const BATCH_ROWS = 100;

export async function rewrapAll(store: Store, keys: KeyService): Promise<number> {
  const [newest] = await keys.ids();
  if (newest === undefined) return 0;
  const problems: CodexError[] = [];
  const secrets = await rewrapSecrets(store, keys, newest, problems);
  const forges = await rewrapForges(store, keys, newest, problems);
  const [first] = problems;
  if (first) throw first;
  return secrets + forges;
}

async function rewrapSecrets(
  store: Store,
  keys: KeyService,
  newest: string,
  problems: CodexError[],
): Promise<number> {
  let rewrapped = 0;
  for (let after = ''; ;) {
    const rows = await store.read((db) =>
      db
        .selectFrom('secrets')
        .select(['environment', 'name', 'id', 'version', 'kek_id', 'wrapped_key'])
        .where('kek_id', '<>', newest)
        .where('id', '>', after)
        .orderBy('id')
        .limit(BATCH_ROWS)
        .execute(),
    );
    const last = rows.at(-1);
    if (!last) return rewrapped;
    after = last.id;
    const changes = await changesOf(
      rows,
      (row) => rewrapKey(keys, secretBound(row), row, whoseOf(row)),
      problems,
    );
    rewrapped += await store.write(async (tx) => {
      let changed = 0;
      for (const { row, to } of changes) {
        const result = await tx
          .updateTable('secrets')
          .set(to)
          .where('id', '=', row.id)
          .where('wrapped_key', '=', row.wrapped_key)
          .executeTakeFirst();
        changed += Number(result.numUpdatedRows);
      }
      return changed;
    });
  }
}

/** Few: one for each host. */
async function rewrapForges(
  store: Store,
  keys: KeyService,
  newest: string,
  problems: CodexError[],
): Promise<number> {
  const rows = await store.read((db) =>
    db
      .selectFrom('forge_connections')
      .select(['host', 'kind', 'version', 'kek_id', 'wrapped_key'])
      .where('kek_id', '<>', newest)
      .execute(),
  );
  const changes = await changesOf(
    rows,
    (row) => rewrapKey(keys, forgeBound(row), row, { name: row.host }),
    problems,
  );
  return store.write(async (tx) => {
    let changed = 0;
    for (const { row, to } of changes) {
      const result = await tx
        .updateTable('forge_connections')
        .set(to)
        .where('host', '=', row.host)
        .where('wrapped_key', '=', row.wrapped_key)
        .executeTakeFirst();
      changed += Number(result.numUpdatedRows);
    }
    return changed;
  });
}

interface Change<Row> {
  row: Row;
  to: Pick<SealedPart, 'kek_id' | 'wrapped_key'>;
}

async function changesOf<Row>(
  rows: readonly Row[],
  rewrap: (row: Row) => Promise<Change<Row>['to']>,
  problems: CodexError[],
): Promise<Change<Row>[]> {
  const changes: Change<Row>[] = [];
  for (const row of rows) {
    try {
      changes.push({ row, to: await rewrap(row) });
    } catch (error) {
      if (!(error instanceof CodexError)) throw error;
      problems.push(error);
    }
  }
  return changes;
}
