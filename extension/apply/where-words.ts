/** What was made beside the folder, in words. Pure: `t` translates. */
import type { Made } from '../../client/apply-to/index.ts';
import type { Translate } from '../../client/words/index.ts';

export function madeWords(made: Made, t: Translate): string {
  const commit = made.at.slice(0, 7);
  switch (made.what) {
    case 'branchMoved':
      return t('The result is on the branch {branch} as commit {commit}.', { branch: made.branch, commit });
    case 'branchMade':
      return t('The result is on the new branch {branch} as commit {commit}.', {
        branch: made.branch,
        commit,
      });
    case 'worktreeMade':
      return made.branch === null
        ? t('The result is in {folder}, not committed yet, on top of commit {commit}.', {
            folder: made.folder,
            commit,
          })
        : t('The result is in {folder}, not committed yet, on the new branch {branch} at commit {commit}.', {
            ...{ folder: made.folder, branch: made.branch, commit },
          });
  }
}

export function goneWords(made: Made, t: Translate): string {
  switch (made.what) {
    case 'branchMoved':
      return t('The branch {branch} is back at commit {commit}.', {
        branch: made.branch,
        commit: made.from.slice(0, 7),
      });
    case 'branchMade':
      return t('The branch {branch} is taken away.', { branch: made.branch });
    case 'worktreeMade':
      return t('The worktree {folder} is taken away.', { folder: made.folder });
  }
}
