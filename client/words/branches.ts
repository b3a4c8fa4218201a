/** The sentences for what stands in the way of a result on a branch or in a worktree. */
import type { NameProblem } from '../../protocol/branch-name.ts';
import type { ErrorCode } from '../../protocol/errors.ts';
import { BRANCH_NAME_BYTES } from '../../protocol/limits.ts';
import { english, type Translate } from './template.ts';

export const BRANCH_ERROR_WORDS = {
  branchNameInvalid: [
    '“{branch}” can’t be the name of a branch. Choose another name.',
    'This can’t be the name of a branch. Choose another name.',
  ],
  branchExists: [
    'There is a branch “{branch}” already. Choose another name, or apply to that branch.',
    'There is a branch of this name already. Choose another name.',
  ],
  branchCheckedOut: [
    'The branch “{branch}” is checked out in {folder}. Apply to that folder, or choose another branch.',
    'The branch is checked out. Apply to its folder, or choose another branch.',
  ],
  branchMoved: [
    'The branch “{branch}” has moved in the meantime. Look at what is new there, then try again.',
    'The branch has moved in the meantime. Look at what is new there, then try again.',
  ],
  worktreeExists: [
    'There is something at {folder} already. Choose a folder that does not exist.',
    'There is something in that place already. Choose a folder that does not exist.',
  ],
  madeChanged: [
    '{what} has been changed since the result was put there, so it is not taken away. Remove it yourself if you do not need it.',
    'It has been changed since the result was put there, so it is not taken away.',
  ],
  identityMissing: [
    'Git does not know who you are, and a commit needs an author. Set user.name and user.email, then try again.',
  ],
} satisfies Partial<Record<ErrorCode, readonly string[]>>;

export function nameProblemWords(problem: NameProblem, name: string, t: Translate = english): string {
  switch (problem.kind) {
    case 'empty':
      return t('A branch needs a name.', {});
    case 'tooLong':
      return t('The name of a branch can’t be longer than {count} bytes.', { count: BRANCH_NAME_BYTES });
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
