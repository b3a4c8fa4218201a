/**
 * A pull request without credentials of the backend's: the result becomes a commit on a local branch, the person's
 * own git pushes it, and the person's own session makes the pull request.
 *
 * Order: plan on the commit that the task started from → commit → a branch whose name is free here and there →
 * push → the pull request. Nothing of the working tree or the index is touched. What an earlier try has done is
 * found again and gone on from: the same commit is not made twice, and no pull request of the same branch.
 */
import { numbered } from '../../protocol/branch-name.ts';
import { CodexError } from '../../protocol/errors.ts';
import { AGENT } from '../../protocol/pull-request.ts';
import type { TaskSummary } from '../../protocol/rpc.ts';
import { moveBranch, mustNotBeCheckedOut, nameMustBeValid, tipOf } from '../apply-to/branches.ts';
import { commitPlan, type CommitOptions } from '../apply-to/commit.ts';
import { planOnCommit, type CommitPlan } from '../apply-to/plan.ts';
import { authorOf } from '../git/author.ts';
import { gitLine } from '../git/git.ts';
import { parsePatch, type Patch } from '../patch/index.ts';
import { delicateInPatch } from './delicate.ts';
import type { ForgeRemote } from './folder.ts';
import type { NewPullRequest } from './github.ts';
import { bringBranch, isBelow, pushBranch, remoteTip, type Push } from './push.ts';
import { startOf } from './start.ts';

/** Whoever has more of one name chooses another. */
const NUMBERS_TRIED = 20;
const WHY = 'codex-tasks: a pull request';

export interface OwnPush {
  root: string;
  remote: ForgeRemote;
  task: Pick<TaskSummary, 'id' | 'repo'>;
  turn: number;
  title: string;
  /** From the task's base, or from the result that the branch has already. */
  patch: Uint8Array;
  /** Paths of the delicate files that the person has said yes to. */
  confirmed: readonly string[];
  signal?: AbortSignal;
}

/** Pushes the result on a branch of its own; gives the name that it got. */
export async function pushResult(push: OwnPush & { branch: string }): Promise<{ branch: string }> {
  const { root } = push;
  nameMustBeValid(push.branch);
  const planned = await planOnCommit(root, readConfirmed(push), await startOf(root, push.task));
  const commit = await committed(planned, await optionsOf(push));
  if (commit === null) throw new CodexError('forgeNothingToPublish');
  for (let number = 1; number <= NUMBERS_TRIED; number++) {
    const branch = numbered(push.branch, number);
    const at = placeOf(push, branch);
    const [here, there] = [await tipOf(root, branch), await remoteTip(at)];
    if (here !== null && !(await isSame(root, here, commit))) continue;
    if (there !== null && there !== here) continue;
    if (here === null) await moveBranch(root, branch, commit, null, WHY);
    if (there === null) await pushBranch(at);
    return { branch };
  }
  throw new CodexError('branchExists', { branch: push.branch });
}

/** Adds what came since to the branch of the pull request, on top of what others have pushed there. */
export async function pushUpdate(push: OwnPush & { branch: string }): Promise<void> {
  const { root, branch } = push;
  const at = placeOf(push, branch);
  const there = await remoteTip(at);
  if (there === null) throw new CodexError('forgeBranchGone', { branch });
  const tip = await tipOf(root, branch);
  await mustNotBeCheckedOut(root, branch);
  const start = await startOfUpdate(at, tip, there);
  const planned = await planOnCommit(root, readConfirmed(push), start);
  const isOurs = start === tip;
  // Null: nothing is new, an earlier try has come as far as this.
  const commit = (await committed(planned, await optionsOf(push), isOurs ? undefined : branch)) ?? start;
  if (commit !== tip) await moveBranch(root, branch, commit, tip, WHY);
  await pushBranch(at);
}

/** The newer one of the branch here and there. Throws `CodexError` forgeBranchMoved where neither is. */
async function startOfUpdate(at: Push, tip: string | null, there: string): Promise<string> {
  if (tip === there) return there;
  await bringBranch(at, there);
  if (tip === null || (await isBelow(at.root, tip, there))) return there;
  if (await isBelow(at.root, there, tip)) return tip;
  throw new CodexError('forgeBranchMoved', { branch: at.branch });
}

function placeOf({ root, remote, signal }: OwnPush, branch: string): Push {
  const name = remote.pushTo?.name ?? remote.name;
  return { root, remote: name, branch, host: remote.host, ...(signal ? { signal } : {}) };
}

/** The branch as a pull request names it: in the person's fork, where they push to one. */
export function headOf({ pushTo }: ForgeRemote, branch: string): Pick<NewPullRequest, 'head' | 'from'> {
  return { head: branch, ...(pushTo ? { from: pushTo.repo } : {}) };
}

/** Where the branch of a pull request is, as the forge has it. Throws `CodexError` forgeRefused: in another's repository. */
export function pushedFrom(remote: ForgeRemote, from: string | null): ForgeRemote {
  const is = (repo: string | undefined) => repo?.toLowerCase() === from?.toLowerCase();
  const { pushTo, ...plain } = remote;
  if (from === null || is(pushTo?.repo)) return remote;
  if (is(remote.repo)) return plain;
  throw new CodexError('forgeRefused', { host: remote.host, why: 'headElsewhere', repo: from });
}

/** Looked for in the bytes that are pushed, whatever a list has shown. */
function readConfirmed({ patch, confirmed }: OwnPush): Patch {
  const parsed = parsePatch(patch);
  const open = delicateInPatch(parsed).filter(({ path }) => !confirmed.includes(path));
  if (open.length === 0) return parsed;
  const paths = open.map(({ path }) => path).join(', ');
  throw new CodexError('forgeNotConfirmed', { count: open.length, paths });
}

/** `others`: the branch that others have pushed to. */
async function committed(
  planned: CommitPlan,
  options: CommitOptions,
  others?: string,
): Promise<string | null> {
  const { results, commit } = await commitPlan(planned, options);
  const left = results.filter(({ status }) => status !== 'applied' && status !== 'applied-modified');
  if (left.length === 0) return commit;
  if (others === undefined) throw new CodexError('notApplied', { left: left.length, total: results.length });
  // What only waits for the others of the result is not in the way.
  const conflicts = left.filter(({ reason }) => reason !== 'allOrNothing').map(({ path }) => path.path);
  throw new CodexError('forgeConflicts', { branch: others, paths: conflicts.join(', ') });
}

async function optionsOf({ root, task, turn, title }: OwnPush): Promise<CommitOptions> {
  const author = await authorOf(root);
  if (!author) throw new CodexError('identityMissing');
  const signed = `Signed-off-by: ${author.name} <${author.email}>`;
  // A line of its own could pass for a trailer.
  const subject = title.replace(/\s+/g, ' ').trim();
  return {
    message: `${subject}\n\nCodex task ${task.id}, turn ${turn}.\n\n${signed}`,
    coAuthor: AGENT,
    // Confirmed, or it would not have come this far.
    includeSelfRunning: () => true,
  };
}

/** The same files on the same commit. */
async function isSame(root: string, one: string, other: string): Promise<boolean> {
  const of = (commit: string) => gitLine(root, ['show', '-s', '--format=%T %P', commit]);
  return (await of(one)) === (await of(other));
}
