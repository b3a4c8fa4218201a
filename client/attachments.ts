/**
 * Pictures for a prompt: looked at here, so that a wrong one is named before anything is sent, then sent
 * by the hash of their bytes. Sending one again costs nothing but the way.
 */
import { CodexError } from '../protocol/errors.ts';
import type { Attachment } from '../protocol/events.ts';
import { imageTypeOf } from '../protocol/images.ts';
import { LIMITS } from '../protocol/limits.ts';
import type { BackendConnection } from './connection/index.ts';

export interface Picture {
  /** Shown; a file's name without its folder. */
  name: string;
  bytes: Uint8Array;
}

/** What a request names it by. Throws `CodexError` attachmentTooLarge | attachmentUnreadable. */
export async function attachmentOf({ name, bytes }: Picture): Promise<Attachment> {
  const maxBytes = LIMITS.attachmentBytes.default;
  if (bytes.length > maxBytes) throw new CodexError('attachmentTooLarge', { name, maxBytes });
  const mediaType = imageTypeOf(bytes);
  if (mediaType === null) throw new CodexError('attachmentUnreadable', { name });
  return { sha256: await sha256Of(bytes), mediaType, name: nameOf(name), bytes: bytes.length };
}

/** All of them looked at before the first is sent; in their order, each once. Throws as `attachmentOf` does. */
export async function sendPictures(
  connection: Pick<BackendConnection, 'putBlob'>,
  pictures: readonly Picture[],
  signal?: AbortSignal,
): Promise<Attachment[]> {
  const attachments = await Promise.all(pictures.map(attachmentOf));
  const sent = new Map<string, Attachment>();
  for (const [index, attachment] of attachments.entries()) {
    const bytes = pictures[index]?.bytes;
    if (!bytes || sent.has(attachment.sha256)) continue;
    await connection.putBlob(attachment.sha256, bytes, signal);
    sent.set(attachment.sha256, attachment);
  }
  return [...sent.values()];
}

const MAX_NAME_CHARS = 200;

function nameOf(name: string): string {
  const short = name.slice(-MAX_NAME_CHARS).toWellFormed().trim();
  return short === '' ? 'image' : short;
}

async function sha256Of(bytes: Uint8Array): Promise<string> {
  const hash = await crypto.subtle.digest('SHA-256', new Uint8Array(bytes));
  return [...new Uint8Array(hash)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
