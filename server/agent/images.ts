/**
 * Pictures in the history: an item holds their hashes, so that it stays small; the bytes are put in when a
 * request is made. All of one request are bounded, the newest count. The fields are for us and never leave.
 */
import type { Attachment, NewEvent } from '../../protocol/events.ts';
import type { ImageMediaType } from '../../protocol/images.ts';
import { REQUEST_IMAGES_BYTES } from '../../protocol/limits.ts';
import type { ResponseItem } from '../model/model.ts';

export type StoredImage = Pick<Attachment, 'sha256' | 'mediaType' | 'name' | 'bytes'>;

/** Where bytes are kept, by their hash. */
export interface PictureStore {
  /** Durable once it resolves. */
  keep(bytes: Uint8Array): Promise<string>;
  load(sha256: string): Promise<Buffer | null>;
}

/** Data URLs by hash. */
export type Pictures = ReadonlyMap<string, string>;

export function withImages<T extends ResponseItem>(item: T, images: readonly StoredImage[]): T {
  return images.length === 0 ? item : { ...item, codexImages: images };
}

export function imagesOf(item: ResponseItem): readonly StoredImage[] {
  return 'codexImages' in item && Array.isArray(item.codexImages) ? (item.codexImages as StoredImage[]) : [];
}

/** What the wire takes: text and pictures as parts of one message or output. */
export function expanded(item: ResponseItem, pictures: Pictures): ResponseItem {
  const images = imagesOf(item);
  const copy: ResponseItem & { codexImages?: unknown } = { ...item };
  delete copy.codexImages;
  if (images.length === 0) return copy;
  const parts = images.map((image) => partOf(image, pictures));
  if (copy.type === 'message' && 'role' in copy && copy.role === 'user' && typeof copy.content === 'string') {
    return { type: 'message', role: 'user', content: [text(copy.content), ...parts] };
  }
  if (copy.type === 'function_call_output' && typeof copy.output === 'string') {
    return { ...copy, output: [text(copy.output), ...parts] };
  }
  if (copy.type === 'custom_tool_call_output' && typeof copy.output === 'string') {
    return { ...copy, output: [text(copy.output), ...parts] };
  }
  return copy;
}

/** Keeps what it has loaded: the same pictures go along with every request. */
export class PictureLoader {
  readonly #store: PictureStore | undefined;
  readonly #tell: (event: NewEvent) => Promise<void>;
  readonly #loaded = new Map<string, string>();
  #leftBefore = 0;

  constructor(store: PictureStore | undefined, tell: (event: NewEvent) => Promise<void> = async () => {}) {
    this.#store = store;
    this.#tell = tell;
  }

  /** Those of the items, as far as they fit; the person is told when more are left out than before. */
  async forRequest(items: readonly ResponseItem[]): Promise<Pictures> {
    const { pictures, left } = await this.load(items);
    const isMore = left > this.#leftBefore;
    this.#leftBefore = left;
    const params = { limit: 'requestImagesBytes', value: REQUEST_IMAGES_BYTES };
    if (isMore) await this.#tell({ code: 'limit.reached', params });
    return pictures;
  }

  /** Those of the items, the newest first, as far as they fit; `left` are too many. */
  async load(items: readonly ResponseItem[]): Promise<{ pictures: Pictures; left: number }> {
    const pictures = new Map<string, string>();
    let room = REQUEST_IMAGES_BYTES;
    let left = 0;
    for (const image of items.flatMap(imagesOf).toReversed()) {
      if (pictures.has(image.sha256)) continue;
      room -= image.bytes;
      if (room < 0) left++;
      else {
        const url = this.#loaded.get(image.sha256) ?? (await this.#load(image));
        if (url !== null) pictures.set(image.sha256, url);
      }
    }
    for (const sha256 of this.#loaded.keys()) if (!pictures.has(sha256)) this.#loaded.delete(sha256);
    return { pictures, left };
  }

  async #load({ sha256, mediaType }: StoredImage): Promise<string | null> {
    const bytes = (await this.#store?.load(sha256)) ?? null;
    if (bytes === null) return null;
    const url = dataUrl(mediaType, bytes);
    this.#loaded.set(sha256, url);
    return url;
  }
}

function dataUrl(mediaType: ImageMediaType, bytes: Buffer): string {
  return `data:${mediaType};base64,${bytes.toString('base64')}`;
}

type Part = { type: 'input_image'; image_url: string; detail: 'auto' } | { type: 'input_text'; text: string };

const text = (value: string): Part => ({ type: 'input_text', text: value });

function partOf({ sha256, name }: StoredImage, pictures: Pictures): Part {
  const url = pictures.get(sha256);
  return url === undefined
    ? text(`[The image ${name} is left out here: there are too many, or it is gone.]`)
    : { type: 'input_image', image_url: url, detail: 'auto' };
}
