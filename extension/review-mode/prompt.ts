/** What a review is about, as the prompt says it: the commits are named, so that nothing is guessed. */
import type { ReviewTarget } from '../../protocol/pages.ts';
import type { RepoAtCommit } from '../../protocol/rpc.ts';
import { t } from '../platform/words.ts';

export const REVIEW_TARGETS: readonly ReviewTarget[] = ['local', 'branch', 'commit'];

/** What is sent along: local changes have to be for a review of them, and must not for one of a commit. */
export function sendsLocal(target: ReviewTarget, includeLocal: boolean): boolean {
  switch (target) {
    case 'local':
      return true;
    case 'branch':
      return includeLocal;
    case 'commit':
      return false;
  }
}

/** A title until the backend has made its own. */
export function reviewTitle(target: ReviewTarget): string {
  switch (target) {
    case 'local':
      return t('Review of the local changes');
    case 'branch':
      return t('Review of the branch');
    case 'commit':
      return t('Review of the newest commit');
  }
}

/** The sentence, and below it what the person wrote. */
export function reviewPrompt(target: ReviewTarget, repo: RepoAtCommit, wish: string): string {
  return [aboutWords(target, repo), wish.trim()].filter((part) => part !== '').join('\n\n');
}

function aboutWords(target: ReviewTarget, { sha, headSha, branch, defaultSha }: RepoAtCommit): string {
  const head = headSha ?? sha;
  switch (target) {
    case 'local':
      return t('Review the local changes: what commit {sha} changes against {head}.', { sha, head });
    case 'branch': {
      const name = branch ?? head;
      return defaultSha === undefined
        ? t(
            'Review the changes of {name} against the default branch, from where it left that branch to {sha}.',
            {
              name,
              sha,
            },
          )
        : t(
            'Review the changes of {name} against the default branch (its newest commit is {base}), from where it left that branch to {sha}.',
            { name, base: defaultSha, sha },
          );
    }
    case 'commit':
      return t('Review commit {sha}: what it changes against its parent.', { sha: head });
  }
}
