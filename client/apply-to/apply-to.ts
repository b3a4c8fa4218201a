/**
 * A patch to another branch, a new branch or a new worktree: by git, beside everything of the person's.
 * In order: the place is checked → the patch is planned on the commit → blobs, tree and commit are
 * written → only then a ref or a folder appears. It must never touch the index, HEAD or files of a
 * working tree that was there before, run a hook, or move a branch that has moved.
 */
import { resolve } from 'node:path';
import { CodexError } from '../../protocol/errors.ts';
import { applyPlan } from '../apply/apply.ts';
import type { Checkpoints } from '../apply/checkpoints.ts';
import { chooseItems, openOf, resultsOf, setResult, type ChooseOptions } from '../apply/choose.ts';
import { planApply } from '../apply/plan.ts';
import type { CheckpointInfo, PathResult } from '../apply/types.ts';
import type { Patch } from '../patch/types.ts';
import { moveBranch, mustNotBeCheckedOut, nameMustBeValid, tipOf } from './branches.ts';
import { commitPlan, type CommitOptions } from './commit.ts';
import { planOnCommit, type CommitPlan } from './plan.ts';
import type { AppliedTo, Made, Target } from './types.ts';
import { addWorktree, folderMustBeFree, removeWorktree, treeOfFolder } from './worktrees.ts';

export interface TargetPlan {
  target: Target;
  patch: Patch;
  /** `planned.plan.items` are what a preview shows. */
  planned: CommitPlan;
}

export interface ApplyToOptions extends CommitOptions {
  /** For a worktree without a commit. */
  checkpoints: Checkpoints;
  info?: Partial<CheckpointInfo>;
}

/** What a branch's log says of a move. */
const WHY = 'codex-tasks: apply a result';

/**
 * Reads only. Throws `CodexError` refUnknown | branchNameInvalid | branchExists | branchCheckedOut |
 * worktreeExists | gitFailed.
 */
export async function planApplyTo(root: string, patch: Patch, target: Target): Promise<TargetPlan> {
  const planned = await planOnCommit(root, patch, await startOf(root, target));
  if (target.to !== 'worktree' || target.commit) return { target, patch, planned };
  // Its files are a working tree's, and there a submodule is not ours to check out.
  for (const index of planned.gitlinks.keys()) {
    planned.plan.items[index] = { ...planned.plan.items[index]!, verdict: 'refused', reason: 'submodule' };
  }
  return { target, patch, planned };
}

/** A branch as a whole ref, so that a tag of the same name is not meant. */
async function startOf(root: string, target: Target): Promise<string> {
  switch (target.to) {
    case 'branch':
      nameMustBeValid(target.branch);
      if ((await tipOf(root, target.branch)) === null)
        throw new CodexError('refUnknown', { ref: target.branch });
      await mustNotBeCheckedOut(root, target.branch);
      return `refs/heads/${target.branch}`;
    case 'newBranch':
      await branchMustBeFree(root, target.branch);
      return target.start;
    case 'worktree':
      if (target.branch !== null) await branchMustBeFree(root, target.branch);
      await folderMustBeFree(resolve(root, target.folder));
      return target.start;
  }
}

async function branchMustBeFree(root: string, branch: string): Promise<void> {
  nameMustBeValid(branch);
  if ((await tipOf(root, branch)) !== null) throw new CodexError('branchExists', { branch });
}

/** Throws also `CodexError` branchMoved | identityMissing. */
export async function applyTo(
  { target, patch, planned }: TargetPlan,
  options: ApplyToOptions,
): Promise<AppliedTo> {
  const { root, start } = planned;
  switch (target.to) {
    case 'branch': {
      const { branch } = target;
      const { results, commit } = await commitPlan(planned, options);
      if (commit === null) return { results, made: null };
      await mustNotBeCheckedOut(root, branch);
      await moveBranch(root, branch, commit, start, WHY);
      return { results, made: { what: 'branchMoved', root, branch, from: start, at: commit } };
    }
    case 'newBranch': {
      const { branch } = target;
      const { results, commit } = await commitPlan(planned, options);
      if (commit === null) return { results, made: null };
      await moveBranch(root, branch, commit, null, WHY);
      return { results, made: { what: 'branchMade', root, branch, at: commit } };
    }
    case 'worktree': {
      if (!target.commit) return inNewFolder(target, patch, planned, options);
      const { results, commit } = await commitPlan(planned, options);
      if (commit === null) return { results, made: null };
      return { results, made: await made(root, { ...target, at: commit }) };
    }
  }
}

type Worktree = Extract<Target, { to: 'worktree' }>;

async function inNewFolder(
  target: Worktree,
  patch: Patch,
  { root, start, plan }: CommitPlan,
  options: ApplyToOptions,
): Promise<AppliedTo> {
  const withheld = mayGoOn(plan, options);
  if (withheld !== null) return { results: withheld, made: null };
  const folder = await addWorktree(root, { ...target, at: start }, WHY);
  const { include, includeSelfRunning, checkpoints, info } = options;
  let results: PathResult[];
  try {
    const outcome = await applyPlan(await planApply(folder, patch), {
      checkpoints,
      info: { repo: root, ...info },
      ...(include ? { include } : {}),
      ...(includeSelfRunning ? { includeSelfRunning } : {}),
    });
    results = outcome.results;
    // The folder goes as a whole, so there is nothing that this could bring back.
    if (outcome.checkpointId !== null) checkpoints.remove(outcome.checkpointId);
  } catch (error) {
    const tree = await treeOfFolder(folder);
    await removeWorktree(root, { folder, branch: target.branch, at: start, tree });
    throw error;
  }
  return { results, made: await record(root, folder, target.branch, start) };
}

/** Null when it may; otherwise what is said of each path. */
function mayGoOn(
  plan: CommitPlan['plan'],
  options: ChooseOptions & { partly?: boolean },
): PathResult[] | null {
  const choice = chooseItems(plan, options);
  const left = [...choice.results.values()].some(
    ({ status, reason }) => status !== 'applied' && reason !== 'runsByItself',
  );
  const open = openOf(choice);
  if (open.length > 0 && (!left || options.partly)) return null;
  for (const index of open) setResult(plan, choice, index, 'refused', 'allOrNothing');
  return resultsOf(choice);
}

async function made(root: string, of: Worktree & { at: string }): Promise<Made> {
  const folder = await addWorktree(root, of, WHY);
  return record(root, folder, of.branch, of.at);
}

async function record(root: string, folder: string, branch: string | null, at: string): Promise<Made> {
  return { what: 'worktreeMade', root, folder, branch, at, tree: await treeOfFolder(folder) };
}
