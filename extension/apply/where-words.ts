/** What the name of a branch has to be, and what was made beside the folder, in words. Pure: `t` translates. */
import type { Made, NameProblem } from '../../client/apply-to/index.ts';
import type { Translate } from '../../client/words/index.ts';

export function nameProblemWords(problem: NameProblem, name: string, t: Translate): string {
  switch (problem.kind) {
    case 'empty':
      return t('A branch needs a name.', {});
    case 'holds':
      if (problem.part === ' ') return t('The name of a branch can’t hold a space.', {});
      if (problem.part === 'control') return t('The name of a branch can’t hold a control character.', {});
      return t('The name of a branch can’t hold “{part}”.', { part: problem.part });
    case 'begins':
      return t('No part of a branch’s name can begin with “{part}”.', { part: problem.part });
    case 'ends':
      return t('No part of a branch’s name can end with “{part}”.', { part: problem.part });
    case 'reserved':
      return t('“{name}” means something else to git.', { name });
    case 'exists':
      return t('There is a branch “{branch}” already.', { branch: problem.branch });
    case 'below':
      return t('There is a branch “{branch}”, so no name can begin with it and a slash.', {
        branch: problem.branch,
      });
    case 'above':
      return t('There is a branch “{branch}”, so this name can’t be a branch too.', {
        branch: problem.branch,
      });
  }
}

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
