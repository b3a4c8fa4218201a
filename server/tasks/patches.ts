/**
 * Results: the commit, the summary, and the patch's bytes. Bytes are kept in chunks by content hash, so
 * that what two results share is stored once; a chunk goes when the last result that names it goes.
 *
 * Bytes cross to the database as base64: the embedded one takes 15 ms for a chunk this way, and 200 ms,
 * in which nothing else happens, when its driver turns bytes into text.
 */
import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import { CodexError } from '../../protocol/errors.ts';
import { PATCH_CHUNK_BYTES } from '../../protocol/limits.ts';
import type { Db, Tx } from '../store/store.ts';
import type { TurnResult } from './turn-context.ts';

interface Key {
  taskId: string;
  turn: number;
  attempt: number;
}

/** Replaces the result that is there. The caller has checked the generation in this transaction. */
export async function storeResult(tx: Tx, { taskId, turn, attempt }: Key, result: TurnResult): Promise<void> {
  await removeResults(tx, { taskId, turn, attempt });
  const key = { task_id: taskId, turn, attempt };
  await tx
    .insertInto('results')
    .values({
      ...key,
      result_sha: result.resultSha,
      summary: JSON.stringify(result.summary),
      files: JSON.stringify(result.files),
      created_at: Date.now(),
    })
    .execute();
  for (let position = 0; position * PATCH_CHUNK_BYTES < result.patch.length; position++) {
    const from = position * PATCH_CHUNK_BYTES;
    const bytes = result.patch.subarray(from, from + PATCH_CHUNK_BYTES);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    await tx
      .insertInto('chunks')
      .values({ sha256, bytes: sql`decode(${bytes.toString('base64')}, 'base64')` })
      .onConflict((on) => on.doNothing())
      .execute();
    await tx
      .insertInto('result_chunks')
      .values({ ...key, position, sha256 })
      .execute();
  }
}

/** The patch, chunk by chunk; throws notFound when there is no result. */
export async function loadPatch(db: Db, key: Key): Promise<Buffer> {
  await resultSha(db, key);
  const chunks = await db
    .selectFrom('result_chunks')
    .select('sha256')
    .where('task_id', '=', key.taskId)
    .where('turn', '=', key.turn)
    .where('attempt', '=', key.attempt)
    .orderBy('position')
    .execute();
  const parts: Buffer[] = [];
  for (const { sha256 } of chunks) {
    const row = await db
      .selectFrom('chunks')
      .select(sql<string>`encode(bytes, 'base64')`.as('base64'))
      .where('sha256', '=', sha256)
      .executeTakeFirstOrThrow();
    parts.push(Buffer.from(row.base64, 'base64'));
  }
  return Buffer.concat(parts);
}

/** Results of a task, or of one turn or attempt of it, with the chunks that nothing else names. */
export async function removeResults(
  tx: Tx,
  of: { taskId: string; turn?: number; attempt?: number },
): Promise<void> {
  let chunks = tx.deleteFrom('result_chunks').where('task_id', '=', of.taskId);
  let results = tx.deleteFrom('results').where('task_id', '=', of.taskId);
  if (of.turn !== undefined) {
    chunks = chunks.where('turn', '=', of.turn);
    results = results.where('turn', '=', of.turn);
  }
  if (of.attempt !== undefined) {
    chunks = chunks.where('attempt', '=', of.attempt);
    results = results.where('attempt', '=', of.attempt);
  }
  const named = await chunks.returning('sha256').execute();
  await results.execute();
  if (named.length === 0) return;
  const hashes = [...new Set(named.map((row) => row.sha256))];
  await tx
    .deleteFrom('chunks')
    .where('sha256', 'in', hashes)
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('result_chunks')
            .select('result_chunks.sha256')
            .whereRef('result_chunks.sha256', '=', 'chunks.sha256'),
        ),
      ),
    )
    .execute();
}

/** The result commit of the newest turn before `turn` that has one. */
export async function newestResult(db: Db, key: Key): Promise<string | null> {
  const row = await db
    .selectFrom('results')
    .select('result_sha')
    .where('task_id', '=', key.taskId)
    .where('attempt', '=', key.attempt)
    .where('turn', '<', key.turn)
    .orderBy('turn', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row?.result_sha ?? null;
}

/** Throws notFound when there is no result. */
export async function resultSha(db: Db, key: Key): Promise<string> {
  const row = await db
    .selectFrom('results')
    .select('result_sha')
    .where('task_id', '=', key.taskId)
    .where('turn', '=', key.turn)
    .where('attempt', '=', key.attempt)
    .executeTakeFirst();
  if (!row) throw new CodexError('notFound', { what: 'patch' });
  return row.result_sha;
}
