/** A picture of a prompt, as a page may show it: an address that has the bytes in it. */
import type { Attachment } from '../../protocol/events.ts';
import { imageTypeOf } from '../../protocol/images.ts';
import type { Backend } from '../connection/backend.ts';

/** Empty when the bytes are none that a page shows. */
export async function pictureAddress(backend: Backend, image: Attachment): Promise<string> {
  const { connection } = await backend.ready();
  const bytes = await connection.blob(image.sha256);
  const mediaType = imageTypeOf(bytes);
  return mediaType === null ? '' : `data:${mediaType};base64,${Buffer.from(bytes).toString('base64')}`;
}
