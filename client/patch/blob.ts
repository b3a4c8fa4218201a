/** Git's id of a file's content. */
import { createHash } from 'node:crypto';

export type ObjectFormat = 'sha1' | 'sha256';

export function blobId(bytes: Uint8Array, format: ObjectFormat = 'sha1'): string {
  return createHash(format).update(`blob ${bytes.byteLength}\0`).update(bytes).digest('hex');
}

/** Whole ids name their hash by their length. */
export function formatOfId(id: string): ObjectFormat {
  return id.length > 40 ? 'sha256' : 'sha1';
}

/** Whether `bytes` are what `id` names; a cut id is compared as far as it goes. */
export function matchesId(bytes: Uint8Array, id: string): boolean {
  return blobId(bytes, formatOfId(id)).startsWith(id);
}

export function isNullId(id: string): boolean {
  return /^0+$/.test(id);
}
