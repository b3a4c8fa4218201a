/** One value and its row: sealed for its place, and opened again. */
import type { Selectable } from 'kysely';
import { CodexError } from '../../protocol/errors.ts';
import type { Schema } from '../store/schema.ts';
import type { KeyService } from './keys/index.ts';
import { SEAL_VERSION, keyAad, newKey, seal, unseal, valueAad, type Place } from './seal.ts';

export type SecretRow = Selectable<Schema['secrets']>;
export type SealedPart = Pick<SecretRow, 'version' | 'kek_id' | 'wrapped_key' | 'sealed'>;

export async function sealRow(keys: KeyService, place: Place, value: string): Promise<SealedPart> {
  const key = newKey();
  try {
    const { kekId, bytes } = await keys.wrap(key, keyAad(place));
    return {
      version: SEAL_VERSION,
      kek_id: kekId,
      wrapped_key: bytes.toString('base64'),
      sealed: seal(key, Buffer.from(value, 'utf8'), valueAad(place)).toString('base64'),
    };
  } finally {
    key.fill(0);
  }
}

/** Throws `CodexError` secretKeyMissing, secretKeyUnknown, secretUnreadable. */
export async function openRow(keys: KeyService, row: SecretRow): Promise<string> {
  const key = await unwrapRow(keys, row);
  try {
    const plain = unseal(key, Buffer.from(row.sealed, 'base64'), valueAad(row));
    return plain === null ? unreadable(row) : plain.toString('utf8');
  } finally {
    key.fill(0);
  }
}

/** The key of the value alone: rotation needs no more. Throws as `openRow` does. */
export async function unwrapRow(
  keys: KeyService,
  row: Omit<SecretRow, 'sealed' | 'updated_at' | 'updated_by'>,
): Promise<Buffer> {
  if (row.version !== SEAL_VERSION) return unreadable(row);
  const wrapped = { kekId: row.kek_id, bytes: Buffer.from(row.wrapped_key, 'base64') };
  const found = await keys.unwrap(wrapped, keyAad(row));
  switch (found.kind) {
    case 'key':
      return found.key;
    case 'unknownKey':
      throw new CodexError('secretKeyUnknown', { ...whose(row), kekId: row.kek_id });
    case 'unreadable':
      return unreadable(row);
  }
}

function unreadable(row: Place): never {
  throw new CodexError('secretUnreadable', whose(row));
}

const whose = ({ name, environment }: Place) => ({ name, environment });
