/**
 * Pictures: what clients send for prompts, and what the model was shown from a sandbox; and files that were read
 * for the model. Kept by the hash of their bytes, as long as a task needs them; what no task needs goes after a
 * while, since a person may still be writing the prompt that it is for.
 *
 * Bytes cross to the database in pieces and as base64, for the reason that is given in `patches.ts`.
 */
import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import { CodexError } from '../../protocol/errors.ts';
import type { Attachment } from '../../protocol/events.ts';
import { imageTypeOf } from '../../protocol/images.ts';
import { PATCH_CHUNK_BYTES, REQUEST_IMAGES_BYTES, UNUSED_BLOB_MS } from '../../protocol/limits.ts';
import type { Db, Store, Tx } from '../store/store.ts';

const PIECE_BYTES = PATCH_CHUNK_BYTES;

export class Blobs {
  readonly #store: Store;
  readonly #maxBytes: number;

  constructor({ store, maxBytes }: { store: Store; maxBytes: number }) {
    this.#store = store;
    this.#maxBytes = maxBytes;
  }

  /** Sent again it is the same blob. Throws `CodexError` attachment… | badRequest (another hash). */
  async put(sha256: string, bytes: Uint8Array, who: string): Promise<void> {
    if (bytes.length > this.#maxBytes)
      throw new CodexError('attachmentTooLarge', { maxBytes: this.#maxBytes });
    if (imageTypeOf(bytes) === null) throw new CodexError('attachmentUnreadable');
    if (hashOf(bytes) !== sha256) throw new CodexError('badRequest', { field: 'sha256' });
    await this.#store.write(async (tx) => {
      await sweep(tx, Date.now() - UNUSED_BLOB_MS);
      await insert(tx, sha256, bytes, who);
    });
  }

  /** Throws notFound. */
  async get(sha256: string): Promise<Buffer> {
    const bytes = await this.#store.read((db) => loadBlob(db, sha256));
    if (bytes === null) throw new CodexError('notFound', { what: 'image' });
    return bytes;
  }
}

/** Named by a task's prompt from now on. Throws `CodexError` attachment…. */
export async function attachBlobs(tx: Tx, taskId: string, images: readonly Attachment[]): Promise<void> {
  const together = images.reduce((sum, image) => sum + image.bytes, 0);
  if (together > REQUEST_IMAGES_BYTES) {
    throw new CodexError('attachmentTooLarge', { count: images.length, totalBytes: REQUEST_IMAGES_BYTES });
  }
  for (const { sha256, mediaType, bytes, name } of images) {
    const found = await tx
      .selectFrom('blobs')
      .select(['length', 'media_type'])
      .where('sha256', '=', sha256)
      .executeTakeFirst();
    if (!found) throw new CodexError('attachmentMissing', { name });
    if (found.length !== bytes || found.media_type !== mediaType)
      throw new CodexError('attachmentUnreadable', { name });
    await use(tx, taskId, sha256);
  }
}

/** What the model was shown: kept with the history that names it. Its hash. A picture, unless told otherwise. */
export async function keepBlob(
  tx: Tx,
  taskId: string,
  bytes: Uint8Array,
  type?: 'application/octet-stream',
): Promise<string> {
  const sha256 = hashOf(bytes);
  await insert(tx, sha256, bytes, '', type);
  await use(tx, taskId, sha256);
  return sha256;
}

export async function loadBlob(db: Db, sha256: string): Promise<Buffer | null> {
  const blob = await db.selectFrom('blobs').select('length').where('sha256', '=', sha256).executeTakeFirst();
  if (!blob) return null;
  const pieces: Buffer[] = [];
  for (let position = 0; position * PIECE_BYTES < blob.length; position++) {
    const row = await db
      .selectFrom('blob_pieces')
      .select(sql<string>`encode(bytes, 'base64')`.as('base64'))
      .where('sha256', '=', sha256)
      .where('position', '=', position)
      .executeTakeFirst();
    // Deleted while it was read.
    if (!row) return null;
    pieces.push(Buffer.from(row.base64, 'base64'));
  }
  return Buffer.concat(pieces);
}

/** With the task's rows: what no other task needs. */
export async function removeBlobsOf(tx: Tx, taskId: string): Promise<void> {
  const named = await tx.deleteFrom('task_blobs').where('task_id', '=', taskId).returning('sha256').execute();
  if (named.length === 0) return;
  await tx
    .deleteFrom('blobs')
    .where(
      'sha256',
      'in',
      named.map((row) => row.sha256),
    )
    .where(unused)
    .execute();
}

export function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

async function sweep(tx: Tx, before: number): Promise<void> {
  await tx.deleteFrom('blobs').where('created_at', '<', before).where(unused).execute();
}

const unused = sql<boolean>`not exists (select 1 from task_blobs where task_blobs.sha256 = blobs.sha256)`;

async function insert(
  tx: Tx,
  sha256: string,
  bytes: Uint8Array,
  who: string,
  type?: 'application/octet-stream',
): Promise<void> {
  const media_type = type ?? imageTypeOf(bytes);
  if (media_type === null) throw new CodexError('attachmentUnreadable');
  const isNew = await tx
    .insertInto('blobs')
    .values({ sha256, media_type, length: bytes.length, created_by: who, created_at: Date.now() })
    .onConflict((on) => on.doNothing())
    .returning('sha256')
    .executeTakeFirst();
  if (!isNew) {
    // Sent again it is wanted again.
    await tx.updateTable('blobs').set({ created_at: Date.now() }).where('sha256', '=', sha256).execute();
    return;
  }
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let position = 0; position * PIECE_BYTES < all.length; position++) {
    const from = position * PIECE_BYTES;
    const base64 = all.subarray(from, from + PIECE_BYTES).toString('base64');
    await tx
      .insertInto('blob_pieces')
      .values({ sha256, position, bytes: sql`decode(${base64}, 'base64')` })
      .execute();
  }
}

async function use(tx: Tx, taskId: string, sha256: string): Promise<void> {
  await tx
    .insertInto('task_blobs')
    .values({ task_id: taskId, sha256 })
    .onConflict((on) => on.doNothing())
    .execute();
}
