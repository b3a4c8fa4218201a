/**
 * Applying a result to a folder, and undoing it: without VS Code, without git, without losing a byte.
 *
 *   const patch = parsePatch(bytes);
 *   const plan = await planApply(root, patch, { documents });          // reads only
 *   const outcome = await applyPlan(plan, { checkpoints, documents, info: {…}, include });
 *   const undone = await undoCheckpoint(checkpoints, id, { documents, force });
 *
 * `checkpoints` is `openCheckpoints(folder)`. All paths in plans and results are relative to `root`,
 * which is the top of the working tree. The index and HEAD of a repository are never touched.
 */
export type * from './types.ts';
export { planApply, type PlanOptions } from './plan.ts';
export { applyPlan, type ApplyOptions } from './apply.ts';
export { undoCheckpoint, type UndoOptions } from './undo.ts';
export { openCheckpoints, Checkpoints, type CheckpointOptions } from './checkpoints.ts';
export { nodeFileIO } from './node-io.ts';
export { runsByItself } from '../../protocol/self-running.ts';
export { refusalOf } from './paths.ts';
