/**
 * What follows a pull request that was merged stands on the branch that has the rest by now, with the new part alone.
 * From where the task began it would bring all of it once more, and conflict with itself wherever it goes on.
 *
 * What was merged is known from a line of our own (`update.ts`), which the row keeps until the new one is pushed.
 */
import { CodexError } from '../../protocol/errors.ts';
import type { ForgeRepo } from '../forge/forge.ts';
import { remoteOf } from '../forge/remote.ts';
import type { PullRow } from './rows.ts';
import { resultOf, type Source } from './source.ts';
import { merge } from './trees.ts';
import { headRef, type PullDeps } from './types.ts';

export interface Standing {
  parent: string;
  tree: string;
}

/** The commit whose tree this base has by now; null: none of ours was merged there. */
export async function mergedLine(
  { store }: Pick<PullDeps, 'store'>,
  row: PullRow | undefined,
  at: { repo: ForgeRepo; base: string },
): Promise<string | null> {
  const { name, forge } = at.repo;
  if (row?.host !== forge.host || row.repo !== name || row.base !== at.base) return null;
  const { task_id: taskId, state, turn, attempt, pushed_sha, pushed_line } = row;
  if (state === 'merged') return pushed_line ?? (await resultOf(store, { taskId, turn, attempt }));
  return state === 'publishing' && pushed_sha === null ? pushed_line : null;
}

/** `tree`: what is wanted in all. Null: the base is gone, or it conflicts with what else came into it. */
export async function onMerged(
  { repos, signal }: Pick<PullDeps, 'repos' | 'signal'>,
  of: { source: Source; repo: ForgeRepo; base: string; line: string; tree: string },
): Promise<Standing | null> {
  const { source, repo, line, tree } = of;
  const { repoId } = source.repo;
  const remote = await remoteOf(repo, 'read');
  const [parent] = await repos
    .fetchFrom(repoId, remote, [headRef(of.base)], signal, source.task.id)
    .catch((thrown: unknown) => {
      if (thrown instanceof CodexError && thrown.code === 'forgeBranchGone') return [];
      throw thrown;
    });
  if (parent === undefined) return null;
  const [base, ours] = await Promise.all([repos.treeOf(repoId, line), repos.treeOf(repoId, parent)]);
  const made = await merge(repos, repoId, { base, ours, theirs: tree });
  return 'tree' in made ? { parent, tree: made.tree } : null;
}
