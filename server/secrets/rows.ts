/** One value and its row: sealed for its place, and opened again. */
import type { Selectable } from 'kysely';
import { CodexError } from '../../protocol/errors.ts';
import type { Schema } from '../store/schema.ts';
import type { KeyService } from './keys/index.ts';
import { SEAL_VERSION, newKey, seal, secretBound, unseal, type Bound, type Place } from './seal.ts';

export type SecretRow = Selectable<Schema['secrets']>;
export type SealedPart = Pick<SecretRow, 'version' | 'kek_id' | 'wrapped_key' | 'sealed'>;
export type WrappedPart = Omit<SealedPart, 'sealed'>;

/** What the sentence says when it can't be opened. */
export interface Whose {
  name: string;
  environment?: string;
}

export async function sealValue(keys: KeyService, bound: Bound, value: string): Promise<SealedPart> {
  const key = newKey();
  try {
    const { kekId, bytes } = await keys.wrap(key, bound.key);
    return {
      version: SEAL_VERSION,
      kek_id: kekId,
      wrapped_key: bytes.toString('base64'),
      sealed: seal(key, Buffer.from(value, 'utf8'), bound.value).toString('base64'),
    };
  } finally {
    key.fill(0);
  }
}

/** Throws `CodexError` secretKeyMissing, secretKeyUnknown, secretUnreadable. */
export async function openValue(
  keys: KeyService,
  bound: Bound,
  part: SealedPart,
  whose: Whose,
): Promise<string> {
  const key = await unwrapKey(keys, bound, part, whose);
  try {
    const plain = unseal(key, Buffer.from(part.sealed, 'base64'), bound.value);
    return plain === null ? unreadable(whose) : plain.toString('utf8');
  } finally {
    key.fill(0);
  }
}

/** The key of the value alone. Throws as `openValue` does. */
async function unwrapKey(keys: KeyService, bound: Bound, part: WrappedPart, whose: Whose): Promise<Buffer> {
  if (part.version !== SEAL_VERSION) return unreadable(whose);
  const wrapped = { kekId: part.kek_id, bytes: Buffer.from(part.wrapped_key, 'base64') };
  const found = await keys.unwrap(wrapped, bound.key);
  switch (found.kind) {
    case 'key':
      return found.key;
    case 'unknownKey':
      throw new CodexError('secretKeyUnknown', { ...whose, kekId: part.kek_id });
    case 'unreadable':
      return unreadable(whose);
  }
}

/** Rotation needs no more: the same key, wrapped with the newest one. Throws as `openValue` does. */
export async function rewrapKey(
  keys: KeyService,
  bound: Bound,
  part: WrappedPart,
  whose: Whose,
): Promise<Pick<SealedPart, 'kek_id' | 'wrapped_key'>> {
  const key = await unwrapKey(keys, bound, part, whose);
  try {
    const { kekId, bytes } = await keys.wrap(key, bound.key);
    return { kek_id: kekId, wrapped_key: bytes.toString('base64') };
  } finally {
    key.fill(0);
  }
}

export const sealRow = (keys: KeyService, place: Place, value: string): Promise<SealedPart> =>
  sealValue(keys, secretBound(place), value);

export const openRow = (keys: KeyService, row: SecretRow): Promise<string> =>
  openValue(keys, secretBound(row), row, whoseOf(row));

function unreadable(whose: Whose): never {
  throw new CodexError('secretUnreadable', { ...whose });
}

export const whoseOf = ({ name, environment }: Place): Whose => ({ name, environment });
