/** On which commit of the person's clone a task's pull request stands. Reads only. */
import type { TaskSummary } from '../../protocol/rpc.ts';
import { commitOf } from '../apply-to/plan.ts';

/**
 * The commit that the task started from, as the person had it. Never another one: commits that nobody has seen in a
 * preview would be pushed along. Throws `CodexError` refUnknown.
 */
export async function startOf(root: string, { repo }: Pick<TaskSummary, 'repo'>): Promise<string> {
  const commit = repo.includesLocal ? (repo.headSha ?? repo.sha) : repo.sha;
  return commitOf(root, commit);
}
