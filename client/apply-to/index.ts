/**
 * Applying a result elsewhere than to the working tree: another branch, a new branch, a new worktree.
 *
 *   const plan = await planApplyTo(root, parsePatch(bytes), { to: 'newBranch', branch, start });
 *   const { results, made } = await applyTo(plan, { message, checkpoints });
 *   if (made) await undoApplyTo(made);
 */
export type * from './types.ts';
export { applyTo, planApplyTo, type ApplyToOptions, type TargetPlan } from './apply-to.ts';
export { localBranches, type LocalBranch } from './branches.ts';
export { baseOf } from './plan.ts';
export { Deliveries, type Delivery } from './records.ts';
export { undoApplyTo } from './undo.ts';
export { folderMustBeFree } from './worktrees.ts';
