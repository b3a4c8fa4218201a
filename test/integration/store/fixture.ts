/** A database in a temporary folder with one task in it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore, type Store } from '../../../server/store/store.ts';

export const TASK = 'abcdefgh12';

export async function temporaryFolder(): Promise<{ dataDir: string; remove: () => Promise<void> }> {
  const dataDir = await mkdtemp(join(tmpdir(), 'codex-store-'));
  return { dataDir, remove: () => rm(dataDir, { recursive: true, force: true }) };
}

export async function openWithTask(dataDir: string): Promise<Store> {
  const store = await openStore({ dataDir });
  await store.write(async (tx) => {
    const now = Date.now();
    const common = { created_by: 'owner', created_at: now, mode: 'code' as const, state: 'running' as const };
    await tx
      .insertInto('tasks')
      .values({
        ...common,
        id: TASK,
        request_id: 'request-1',
        title: 'Task',
        repo_id: 'abcdefgh',
        repo: JSON.stringify({ repoId: 'abcdefgh', name: 'r', sha: 'a'.repeat(40), includesLocal: false }),
        environment: null,
        model: null,
        attempts: 1,
        turns: 1,
        phase: null,
        review: 'none',
        archived: false,
        patch: null,
        error: null,
        last_seq: 0,
        updated_at: now,
      })
      .execute();
    await tx
      .insertInto('turns')
      .values({
        ...common,
        task_id: TASK,
        turn: 1,
        request_id: 'request-1',
        prompt: 'Do it',
        generation: 1,
        cancel_requested: false,
        job_id: null,
        answer: null,
        error: null,
        usage: null,
        base_sha: null,
        only_setup: false,
        started_at: now,
        finished_at: null,
      })
      .execute();
  });
  return store;
}
