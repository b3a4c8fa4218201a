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
import { unwrapRow } from './rows.ts';
import { keyAad } from './seal.ts';

/** In one transaction: an interruption loses at most so many, and they are done the next time. */
const BATCH_ROWS = 100;

export async function rewrapAll(store: Store, keys: KeyService): Promise<number> {
  const [newest] = await keys.ids();
  if (newest === undefined) return 0;
  let rewrapped = 0;
  let first: CodexError | undefined;
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
    if (!last) break;
    after = last.id;
    const changes: { id: string; before: string; kek_id: string; wrapped_key: string }[] = [];
    for (const row of rows) {
      try {
        const key = await unwrapRow(keys, row);
        const { kekId, bytes } = await keys.wrap(key, keyAad(row));
        key.fill(0);
        const before = row.wrapped_key;
        changes.push({ id: row.id, before, kek_id: kekId, wrapped_key: bytes.toString('base64') });
      } catch (error) {
        if (!(error instanceof CodexError)) throw error;
        first ??= error;
      }
    }
    rewrapped += await store.write(async (tx) => {
      let changed = 0;
      for (const { id, before, ...to } of changes) {
        const result = await tx
          .updateTable('secrets')
          .set(to)
          .where('id', '=', id)
          .where('wrapped_key', '=', before)
          .executeTakeFirst();
        changed += Number(result.numUpdatedRows);
      }
      return changed;
    });
  }
  if (first) throw first;
  return rewrapped;
}
