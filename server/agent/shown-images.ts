/**
 * Pictures that a command asked to be shown (`view_image`): fetched from the sandbox, looked at, kept, and
 * told. What comes out is hostile: size and kind are checked here again.
 */
import { basename, resolve } from 'node:path/posix';
import { imageTypeOf } from '../../protocol/images.ts';
import { SHOWN_IMAGE_BYTES, SHOWN_IMAGES_PER_COMMAND } from '../../protocol/limits.ts';
import { cleanText } from '../model/items.ts';
import type { AgentInput } from './agent.ts';
import type { StoredImage } from './images.ts';

type Context = Pick<AgentInput, 'sandbox' | 'emit' | 'itemEnded' | 'pictures' | 'redactor'>;

export interface Shown {
  images: StoredImage[];
  /** For the model: which could not be shown, and why. */
  text: string;
}

export async function showImages(
  context: Context,
  callId: string,
  cwd: string,
  paths: readonly string[],
): Promise<Shown> {
  const images: StoredImage[] = [];
  const problems: string[] = [];
  for (const [at, path] of paths.entries()) {
    const name = context.redactor?.text(cleanText(path)) ?? cleanText(path);
    if (at >= SHOWN_IMAGES_PER_COMMAND) {
      problems.push(`[Only ${SHOWN_IMAGES_PER_COMMAND} images are shown at once: ${name} is left out.]`);
      await context.emit({
        code: 'limit.reached',
        params: { limit: 'shownImages', value: SHOWN_IMAGES_PER_COMMAND, itemId: callId },
      });
      break;
    }
    const shown = await showImage(context, `${callId}-image-${at}`, resolve(cwd, path), name);
    if (typeof shown === 'string') problems.push(`[${name} can't be shown: ${shown}.]`);
    else images.push(shown);
  }
  return { images, text: problems.map((line) => `\n${line}`).join('') };
}

async function showImage(
  context: Context,
  id: string,
  path: string,
  name: string,
): Promise<StoredImage | string> {
  const { sandbox, emit, pictures } = context;
  if (!pictures) return 'there is no place to keep it';
  const bytes = await sandbox.get(path, SHOWN_IMAGE_BYTES + 1);
  if (bytes === null) return 'there is no such file';
  if (bytes.length > SHOWN_IMAGE_BYTES) return `it is larger than ${SHOWN_IMAGE_BYTES / 1024 / 1024} MiB`;
  const mediaType = imageTypeOf(bytes);
  if (mediaType === null) return 'it is no PNG, JPEG, GIF or WebP';
  const sha256 = await pictures.keep(bytes);
  if (!(await context.itemEnded?.(id))) {
    const item = { type: 'image', id, path: name, mediaType, bytes: bytes.length } as const;
    await emit({ code: 'item.completed', params: { item } });
  }
  return { sha256, mediaType, name: basename(name).slice(-200) || name, bytes: bytes.length };
}
