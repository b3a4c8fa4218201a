/** Going on with a pull request that a process left half published, without anybody who waits for it. */
import { CodexError } from '../../protocol/errors.ts';
import { forgeRepoOf } from './create.ts';
import { publish, Steps, type Publishing } from './publish.ts';
import { pullRow, type PullRow } from './rows.ts';
import { sourceOf } from './source.ts';
import type { PullDeps } from './types.ts';

/** A person has asked for it, and was not told how it went: the process ended. */
export async function resume(deps: PullDeps, taskId: string): Promise<void> {
  const row = await deps.store.read((db) => pullRow(db, taskId));
  if (row?.state !== 'publishing') return;
  const { source, repo } = await toGoOn(deps, row).catch(async (thrown: unknown) => {
    // Nothing else would tell the person, and the next round would ask the same again.
    await new Steps(deps, row, row).failed(thrown);
    throw thrown;
  });
  await publish(deps, { source, repo, row, was: row, resumed: true });
}

async function toGoOn(deps: PullDeps, row: PullRow): Promise<Pick<Publishing, 'source' | 'repo'>> {
  const source = await sourceOf(deps.store, row.task_id, { asked: row.attempt });
  // A result that came later has not been asked for.
  if (source.turn !== row.turn) {
    throw new CodexError('conflict', { why: 'newerResult' });
  }
  return { source, repo: (await forgeRepoOf(deps, source)).repo };
}
