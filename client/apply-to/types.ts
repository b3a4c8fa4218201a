/** Where a patch can go beside the working tree, and what is left of it there. */
import type { PathResult } from '../apply/types.ts';

export type Target =
  /** A commit on a local branch that no working tree stands on. */
  | { to: 'branch'; branch: string }
  /** A commit on a branch that does not exist yet. `start`: a branch, tag or commit. */
  | { to: 'newBranch'; branch: string; start: string }
  /**
   * A folder that does not exist yet, on a new branch, or with HEAD detached. With `commit` the patch is a
   * commit there, otherwise it lies there uncommitted.
   */
  | { to: 'worktree'; folder: string; start: string; branch: string | null; commit: boolean };

/** What was made, with all that is needed to see whether it is still so, and to take it away. */
export type Made =
  | { what: 'branchMoved'; root: string; branch: string; from: string; at: string }
  | { what: 'branchMade'; root: string; branch: string; at: string }
  | {
      what: 'worktreeMade';
      root: string;
      folder: string;
      branch: string | null;
      at: string;
      /** Of all files in it, ignored ones too. */
      tree: string;
    };

export interface AppliedTo {
  results: PathResult[];
  /** Null: nothing was made. Either nothing was to be done, or not all could be. */
  made: Made | null;
}
