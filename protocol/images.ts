/** Which pictures are taken, and how one is known: by its first bytes, never by its name. */
import type { Attachment } from './events.ts';

export type ImageMediaType = Attachment['mediaType'];

/** Null: none of the kinds that models take. */
export function imageTypeOf(bytes: Uint8Array): ImageMediaType | null {
  if (starts(bytes, [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])) return 'image/png';
  if (starts(bytes, [0xff, 0xd8, 0xff])) return 'image/jpeg';
  if (starts(bytes, GIF) && (bytes[4] === 0x37 || bytes[4] === 0x39) && bytes[5] === 0x61) return 'image/gif';
  if (starts(bytes, RIFF) && starts(bytes.subarray(8), WEBP)) return 'image/webp';
  return null;
}

/** `GIF8`, then 7a or 9a. */
const GIF = [0x47, 0x49, 0x46, 0x38];
const RIFF = [0x52, 0x49, 0x46, 0x46];
const WEBP = [0x57, 0x45, 0x42, 0x50];

function starts(bytes: Uint8Array, with_: readonly number[]): boolean {
  return with_.every((byte, index) => bytes[index] === byte);
}
