/** The pictures of the task that is being written: kept here, since the page goes when it is hidden. */
import type { ComposerState, PageParams } from '../../protocol/pages.ts';
import { IMAGES_PER_PROMPT, LIMITS } from '../../protocol/limits.ts';
import { imageTypeOf } from '../../protocol/images.ts';
import type { Picture } from '../../client/attachments.ts';
import { SentenceError, t } from '../platform/words.ts';
import { bytesWords } from '../../client/words/index.ts';

type Kept = Picture & { id: string; thumbnail: string };

const NAME_CHARS = 200;
/** What a page may give as a small picture: it is shown again as it is. */
const THUMBNAIL = /^data:image\/(?:png|jpeg|webp);base64,[A-Za-z0-9+/=]*$/;

export class ComposerImages {
  #kept: Kept[] = [];

  get shown(): ComposerState['images'] {
    return this.#kept.map(({ id, name, bytes, thumbnail }) => ({ id, name, bytes: bytes.length, thumbnail }));
  }

  get pictures(): Picture[] {
    return this.#kept.map(({ name, bytes }) => ({ name, bytes }));
  }

  /** Throws a sentence for what can't be sent along. */
  add({ id, name: given, data, thumbnail }: PageParams<'composer.attach'>): void {
    if (this.#kept.some((one) => one.id === id)) return;
    const name = given.trim().slice(0, NAME_CHARS) || t('Image');
    if (this.#kept.length >= IMAGES_PER_PROMPT)
      throw new SentenceError(
        t('{name} was not added: a task takes {count} images.', { name, count: IMAGES_PER_PROMPT }),
      );
    const bytes = new Uint8Array(Buffer.from(data, 'base64'));
    if (bytes.length > LIMITS.attachmentBytes.cap)
      throw new SentenceError(
        t('{name} was not added: an image may have {size}.', {
          name,
          size: bytesWords(LIMITS.attachmentBytes.cap),
        }),
      );
    if (!imageTypeOf(bytes))
      throw new SentenceError(t('{name} was not added: it is no PNG, JPEG, GIF or WebP image.', { name }));
    this.#kept.push({ id, name, bytes, thumbnail: THUMBNAIL.test(thumbnail) ? thumbnail : '' });
  }

  remove(id: string): void {
    this.#kept = this.#kept.filter((one) => one.id !== id);
  }

  clear(): void {
    this.#kept = [];
  }
}
