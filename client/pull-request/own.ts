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
import { baseOf, planOnCommit } from '../apply-to/plan.ts';
import { authorOf } from '../git/author.ts';
import { gitLine } from '../git/git.ts';
import { parsePatch, type Patch } from '../patch/index.ts';
import { delicateInPatch } from './delicate.ts';
import type { ForgeRemote } from './folder.ts';
import {
  createPullRequest,
  type GitHubSession,
  type MadePullRequest,
  type NewPullRequest,
} from './github.ts';
import { pushBranch, remoteTip } from './push.ts';

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
  const { root, remote, signal } = push;
  nameMustBeValid(push.branch);
  const planned = await planOnCommit(root, readConfirmed(push), await baseOf(root, push.task));
  const commit = await committed(planned, await optionsOf(push));
  if (commit === null) throw new CodexError('forgeNothingToPublish');
  for (let number = 1; number <= NUMBERS_TRIED; number++) {
    const branch = numbered(push.branch, number);
    const at = { root, remote: remote.name, branch, host: remote.host, ...(signal ? { signal } : {}) };
    const [here, there] = [await tipOf(root, branch), await remoteTip(at)];
    if (here !== null && !(await isSame(root, here, commit))) continue;
    if (there !== null && there !== here) continue;
    if (here === null) await moveBranch(root, branch, commit, null, WHY);
    if (there === null) await pushBranch(at);
    return { branch };
  }
  throw new CodexError('branchExists', { branch: push.branch });
}

/** Adds what came since to the branch of the pull request. */
export async function pushUpdate(push: OwnPush & { branch: string }): Promise<void> {
  const { root, remote, branch, signal } = push;
  const tip = await tipOf(root, branch);
  if (tip === null) throw new CodexError('refUnknown', { ref: branch });
  await mustNotBeCheckedOut(root, branch);
  const planned = await planOnCommit(root, readConfirmed(push), `refs/heads/${branch}`);
  const commit = await committed(planned, await optionsOf(push));
  // Nothing new: an earlier try has come as far as this.
  if (commit !== null) await moveBranch(root, branch, commit, tip, WHY);
  await pushBranch({ root, remote: remote.name, branch, host: remote.host, ...(signal ? { signal } : {}) });
}

/** All of it, with the person's own git and session. */
export async function publishOwn(
  push: OwnPush & { branch: string },
  session: GitHubSession,
  wanted: Omit<NewPullRequest, 'head'>,
): Promise<MadePullRequest & { branch: string }> {
  const { branch } = await pushResult(push);
  return { ...(await createPullRequest(session, { ...wanted, head: branch })), branch };
}

/** Looked for in the bytes that are pushed, whatever a list has shown. */
function readConfirmed({ patch, confirmed }: OwnPush): Patch {
  const parsed = parsePatch(patch);
  const open = delicateInPatch(parsed).filter(({ path }) => !confirmed.includes(path));
  if (open.length === 0) return parsed;
  const paths = open.map(({ path }) => path).join(', ');
  throw new CodexError('forgeNotConfirmed', { count: open.length, paths });
}

async function committed(
  planned: Awaited<ReturnType<typeof planOnCommit>>,
  options: CommitOptions,
): Promise<string | null> {
  const { results, commit } = await commitPlan(planned, options);
  const left = results.filter(({ status }) => status !== 'applied' && status !== 'applied-modified');
  if (left.length > 0) throw new CodexError('notApplied', { left: left.length, total: results.length });
  return commit;
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
