/** Pictures to and from the backend, by the hash of their bytes: sent before the task that names them. */
import { createHash } from 'node:crypto';
import { addressesOf } from '../../client/connection/addresses.ts';
import { getBytes } from '../../client/connection/http.ts';
import { CodexError, errorText, WireError } from '../../protocol/errors.ts';
import type { Attachment } from '../../protocol/events.ts';
import { PATHS } from '../../protocol/http.ts';
import { imageTypeOf } from '../../protocol/images.ts';
import type { Backend } from '../connection/backend.ts';

export interface Picture {
  name: string;
  mediaType: Attachment['mediaType'];
  bytes: Uint8Array;
}

export async function sendPictures(backend: Backend, pictures: readonly Picture[]): Promise<Attachment[]> {
  const sent: Attachment[] = [];
  for (const { name, mediaType, bytes } of pictures) {
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    await put(await addressed(backend, sha256), mediaType, bytes);
    sent.push({ sha256, mediaType, name, bytes: bytes.length });
  }
  return sent;
}

/** An address that has the picture in it, as the policy of pages allows; empty when it is none. */
export async function pictureAddress(backend: Backend, image: Attachment): Promise<string> {
  const { url, shown, token } = await addressed(backend, image.sha256);
  const bytes = await getBytes({ url, shown, token, fetch: (input, init) => fetch(input, init) });
  const mediaType = imageTypeOf(bytes);
  return mediaType === null ? '' : `data:${mediaType};base64,${Buffer.from(bytes).toString('base64')}`;
}

interface Addressed {
  url: string;
  shown: string;
  token: string;
}

async function addressed(backend: Backend, sha256: string): Promise<Addressed> {
  const addresses = addressesOf(await backend.url());
  return { url: addresses.http(PATHS.blob(sha256)), shown: addresses.shown, token: await backend.token() };
}

async function put({ url, shown, token }: Addressed, mediaType: string, bytes: Uint8Array): Promise<void> {
  let response: Response;
  try {
    response = await fetch(url, {
      method: 'PUT',
      headers: { 'content-type': mediaType, ...(token ? { authorization: `Bearer ${token}` } : {}) },
      body: Buffer.from(bytes),
    });
  } catch (error) {
    throw new CodexError('backendUnreachable', { url: shown, reason: errorText(error) }, { cause: error });
  }
  if (response.ok) return;
  const body: unknown = await response.json().catch(() => null);
  const wire = WireError.safeParse(
    typeof body === 'object' && body !== null && 'error' in body ? body.error : body,
  );
  if (wire.success) throw new CodexError(wire.data.code, wire.data.params);
  throw new CodexError('internal', {}, { detail: `HTTP ${response.status}` });
}
