/** From one attempt's result to another's, where the branch of a pull request has the one and gets the other. */
import { commitPlan } from '../apply-to/commit.ts';
import { planOnCommit } from '../apply-to/plan.ts';
import { CodexError } from '../../protocol/errors.ts';
import type { TaskSummary } from '../../protocol/rpc.ts';
import { runGit } from '../git/git.ts';
import { parsePatch } from '../patch/index.ts';
import { startOf } from './start.ts';

/**
 * Both patches are from the task's base; what they make of it becomes commits that no branch has. Throws `CodexError`
 * refUnknown | notApplied | identityMissing | gitFailed.
 */
export async function patchBetween(
  root: string,
  task: Pick<TaskSummary, 'repo'>,
  before: Uint8Array,
  after: Uint8Array,
): Promise<Uint8Array> {
  const start = await startOf(root, task);
  const sides: string[] = [];
  for (const patch of [before, after]) sides.push(await resultCommit(root, start, patch));
  const { stdout } = await runGit(root, [
    ...['diff-tree', '-r', '-p', '--binary', '--full-index', '-M', '--no-ext-diff', '--no-textconv'],
    ...['--no-color', '--src-prefix=a/', '--dst-prefix=b/', '--ignore-submodules=none'],
    ...sides,
  ]);
  return stdout;
}

async function resultCommit(root: string, start: string, patch: Uint8Array): Promise<string> {
  const planned = await planOnCommit(root, parsePatch(patch), start);
  const { results, commit } = await commitPlan(planned, {
    message: 'A result',
    includeSelfRunning: () => true,
  });
  const left = results.filter(({ status }) => status !== 'applied' && status !== 'applied-modified');
  if (left.length > 0) throw new CodexError('notApplied', { left: left.length, total: results.length });
  return commit ?? start;
}
