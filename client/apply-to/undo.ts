/** Takes away what `applyTo` made, if it is still as it was made; otherwise it is the person's now. */
import { CodexError } from '../../protocol/errors.ts';
import { deleteBranch, moveBranch, mustNotBeCheckedOut, tipOf } from './branches.ts';
import type { Made } from './types.ts';
import { removeWorktree } from './worktrees.ts';

/** Throws `CodexError` madeChanged | branchCheckedOut | branchMoved | gitFailed. Once more is fine. */
export async function undoApplyTo(made: Made): Promise<void> {
  const { root } = made;
  switch (made.what) {
    case 'branchMoved': {
      const tip = await tipOf(root, made.branch);
      if (tip === made.from) return;
      if (tip !== made.at) throw new CodexError('madeChanged', { what: made.branch });
      await mustNotBeCheckedOut(root, made.branch);
      return moveBranch(root, made.branch, made.from, made.at, 'codex-tasks: undo');
    }
    case 'branchMade': {
      const tip = await tipOf(root, made.branch);
      if (tip === null) return;
      if (tip !== made.at) throw new CodexError('madeChanged', { what: made.branch });
      await mustNotBeCheckedOut(root, made.branch);
      return deleteBranch(root, made.branch, made.at);
    }
    case 'worktreeMade':
      return removeWorktree(root, made);
  }
}
