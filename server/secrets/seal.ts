/**
 * AES-256-GCM, as it is used for values and for their keys: a fresh 96-bit IV each time, and associated
 * data that says what it is and where it belongs, so that nothing can be moved elsewhere. Pure but for
 * randomness.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

/** Of everything that is sealed here; stored beside it. */
export const SEAL_VERSION = 1;

export const KEY_BYTES = 32;
const IV_BYTES = 12;
const TAG_BYTES = 16;
/** A sealed text is longer than the text by this. */
export const SEAL_OVERHEAD_BYTES = IV_BYTES + TAG_BYTES;

export const newKey = (): Buffer => randomBytes(KEY_BYTES);

/** IV, tag, ciphertext. */
export function seal(key: Buffer, plain: Buffer, aad: Buffer): Buffer {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, iv, { authTagLength: TAG_BYTES });
  cipher.setAAD(aad);
  const sealed = Buffer.concat([cipher.update(plain), cipher.final()]);
  return Buffer.concat([iv, cipher.getAuthTag(), sealed]);
}

/** Null when it was sealed with another key or for another place, or was changed since. */
export function unseal(key: Buffer, sealed: Buffer, aad: Buffer): Buffer | null {
  if (sealed.length < SEAL_OVERHEAD_BYTES) return null;
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, IV_BYTES), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(aad);
  decipher.setAuthTag(sealed.subarray(IV_BYTES, SEAL_OVERHEAD_BYTES));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(SEAL_OVERHEAD_BYTES)), decipher.final()]);
  } catch {
    return null;
  }
}

/** Which row something belongs to. None of the parts can hold the mark between them. */
export interface Place {
  environment: string;
  name: string;
  id: string;
}

/** Associated data of a value and of its key. */
export interface Bound {
  value: Buffer;
  key: Buffer;
}

export const secretBound = ({ environment, name, id }: Place): Bound =>
  boundOf('secret', environment, name, id);
export const forgeBound = (of: { host: string; kind: string }): Bound => boundOf('forge', of.host, of.kind);

function boundOf(what: string, ...parts: string[]): Bound {
  const aad = (whose: string) => Buffer.from([SEAL_VERSION, whose, ...parts].join('|'), 'utf8');
  return { value: aad(`${what}s`), key: aad(`${what}-keys`) };
}
