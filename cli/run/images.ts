/** The files of `--image`, read and looked at before anything is sent. */
import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { attachmentOf, type Picture } from '../../client/attachments.ts';
import { errorWords } from '../../client/words/index.ts';
import { CodexError, errorText } from '../../protocol/errors.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { tameName } from '../terminal.ts';
import { UsageError } from '../usage.ts';

/** As many as a request takes. */
export const MAX_IMAGES = 10;

/** Throws `UsageError` for the first that can't be sent, with why. */
export async function readPictures(paths: readonly string[]): Promise<Picture[]> {
  if (paths.length > MAX_IMAGES) throw new UsageError(`--image can be given ${MAX_IMAGES} times at most.`);
  const pictures: Picture[] = [];
  for (const path of paths) pictures.push(await readPicture(path));
  return pictures;
}

async function readPicture(path: string): Promise<Picture> {
  const name = basename(path);
  let bytes: Buffer;
  try {
    bytes = await readUpTo(path, LIMITS.attachmentBytes.default + 1);
  } catch (error) {
    throw new UsageError(`--image: ${tameName(path)} can’t be read (${errorText(error)}).`);
  }
  const picture = { name, bytes };
  try {
    await attachmentOf(picture);
  } catch (error) {
    if (!(error instanceof CodexError)) throw error;
    throw new UsageError(
      `--image: ${errorWords({ ...error.wire, params: { ...error.wire.params, name: tameName(path) } }).text}`,
    );
  }
  return picture;
}

/** Never more of a file than is asked for, whatever its size or kind. */
async function readUpTo(path: string, most: number): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    if (!(await file.stat()).isFile()) throw new Error('it is no file');
    const parts: Buffer[] = [];
    let length = 0;
    for await (const part of file.createReadStream({ end: most - 1, autoClose: false })) {
      parts.push(part as Buffer);
      length += (part as Buffer).length;
    }
    return Buffer.concat(parts, length);
  } finally {
    await file.close();
  }
}
