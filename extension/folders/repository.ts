/** What `client/git` knows of a folder, in words: why nothing can be sent from it, and what to know. */
import { inspectFolder, type Folder } from '../../client/git/folder.ts';
import type { ComposerFolder } from '../../protocol/pages.ts';
import { t } from '../platform/words.ts';

export type FolderFacts = Folder;
/** A task can start from it; one without a commit is sent as its files are. */
export type Sendable = Extract<Folder, { kind: 'repository' | 'noCommits' | 'notGit' }>;

export function isSendable(facts: FolderFacts): facts is Sendable {
  return facts.kind === 'repository' || facts.kind === 'noCommits' || facts.kind === 'notGit';
}

export async function inspect(folder: string): Promise<FolderFacts> {
  return inspectFolder(folder);
}

/** Why no task can start from it, with its next step; undefined when one can. */
export function problemWords(facts: FolderFacts): ComposerFolder['problem'] {
  switch (facts.kind) {
    case 'repository':
    case 'noCommits':
    case 'notGit':
      return undefined;
    case 'noWorkTree':
      return {
        sentence: t(
          'This is a repository without a working tree, or the inside of a .git folder. Open the working tree.',
        ),
        action: 'openFolder',
        label: t('Open Folder'),
      };
    case 'foreignOwner':
      return {
        sentence: t(
          'This repository belongs to another user, so git refuses to read it. Add it to git’s safe.directory if you trust it.',
        ),
        action: 'trustRepository',
        label: t('Manage Unsafe Repositories'),
      };
    case 'missing':
      return {
        sentence: t('This folder is not there any more.'),
        action: 'openFolder',
        label: t('Open Folder'),
      };
    case 'gitMissing':
      return {
        sentence: t('Git was not found. Install it, or set its path in the setting “git.path”.'),
        action: 'installGit',
        label: t('Get Git'),
      };
  }
}

/** What hinders nothing but is good to know. */
export function hintWords(facts: FolderFacts): string {
  if (facts.kind === 'notGit') return t('This is no git repository; its files are sent as they are.');
  if (facts.kind === 'noCommits') return t('There is no commit yet; the files are sent as they are.');
  if (facts.kind !== 'repository') return '';
  const hints: string[] = [];
  if (facts.branch === null) hints.push(t('No branch is checked out; the task starts from this commit.'));
  if (facts.hasSubmodules) hints.push(t('The content of submodules is not sent.'));
  return hints.join(' ');
}
