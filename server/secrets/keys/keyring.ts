/** Key-encryption keys in memory, newest first, and the text in which a person hands them over. */
import { createHash } from 'node:crypto';
import { KEY_BYTES, seal, unseal } from '../seal.ts';
import type { KeyService, Unwrapped, Wrapped } from './service.ts';

export interface NamedKey {
  id: string;
  key: Buffer;
}

export const KEY_ID = /^[A-Za-z0-9._-]{1,64}$/;

export function wrapWith(newest: NamedKey, key: Buffer, aad: Buffer): Wrapped {
  return { kekId: newest.id, bytes: seal(newest.key, key, withId(aad, newest.id)) };
}

export function unwrapWith(keys: readonly NamedKey[], { kekId, bytes }: Wrapped, aad: Buffer): Unwrapped {
  const kek = keys.find(({ id }) => id === kekId);
  if (!kek) return { kind: 'unknownKey' };
  const key = unseal(kek.key, bytes, withId(aad, kekId));
  return key === null ? { kind: 'unreadable' } : { kind: 'key', key };
}

const withId = (aad: Buffer, id: string): Buffer => Buffer.concat([aad, Buffer.from(`|${id}`)]);

/** Keys that were given, and that only whoever gave them can change. */
export function givenKeys(keys: readonly [NamedKey, ...NamedKey[]]): KeyService {
  const [newest] = keys;
  return {
    ids: async () => keys.map(({ id }) => id),
    wrap: async (key, aad) => wrapWith(newest, key, aad),
    unwrap: async (wrapped, aad) => unwrapWith(keys, wrapped, aad),
    renew: async () => undefined,
  };
}

export type ParsedKeys = { keys: [NamedKey, ...NamedKey[]] } | { problem: string };

/**
 * `KEY`, or `ID:KEY,ID:KEY` with the newest first; base64 or hex of 32 bytes each. In a file also one a
 * line, and lines after `#`. The problem never quotes what was given: it may be most of a key.
 */
export function parseKeys(text: string): ParsedKeys {
  const entries = text
    .split('\n')
    .map((line) => line.replace(/#.*/, ''))
    .flatMap((line) => line.split(','))
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
  const keys: NamedKey[] = [];
  for (const [index, entry] of entries.entries()) {
    const which = entries.length === 1 ? 'the key' : `key ${index + 1}`;
    const colon = entry.indexOf(':');
    const key = decodeKey(entry.slice(colon + 1).trim());
    if (key === null) return { problem: `${which} is not ${KEY_BYTES} bytes in base64 or hex` };
    const id = colon < 0 ? idOf(key) : entry.slice(0, colon).trim();
    if (!KEY_ID.test(id))
      return { problem: `the name of ${which} is not made of letters, digits, dots, dashes and underlines` };
    if (keys.some((other) => other.id === id)) return { problem: `${which} has the name of another one` };
    keys.push({ id, key });
  }
  const [newest, ...older] = keys;
  return newest ? { keys: [newest, ...older] } : { problem: 'there is no key in it' };
}

export function decodeKey(text: string): Buffer | null {
  if (/^[0-9a-f]{64}$/i.test(text)) return Buffer.from(text, 'hex');
  if (!/^[A-Za-z0-9+/_-]{43}=?$/.test(text)) return null;
  const key = Buffer.from(text, 'base64');
  return key.length === KEY_BYTES ? key : null;
}

/** Of a key without a name: another key has another one, so that a wrong key is told from a changed row. */
function idOf(key: Buffer): string {
  const hash = createHash('sha256').update('codex-tasks key id|').update(key).digest('hex');
  return `key-${hash.slice(0, 12)}`;
}
