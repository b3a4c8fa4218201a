/** A pull request in words: where it stands, what it would be, what a person should know before it is made. Pure. */
import type { FileChange } from '../../protocol/events.ts';
import type {
  ChecksSummary,
  DelicateFile,
  PullRequestPreview,
  PullRequestState,
  PullRequestView,
} from '../../protocol/pull-request.ts';
import { english, type Translate } from './template.ts';

/** Names of a list that a sentence shows. */
const SHOWN_PATHS = 3;

export const PULL_REQUEST_STATE_WORDS: Record<PullRequestState | 'draft', string> = {
  publishing: 'publishing',
  open: 'open',
  draft: 'draft',
  merged: 'merged',
  closed: 'closed',
};

export const DELICATE_WORDS: Record<DelicateFile['why'], string> = {
  workflow: 'runs in CI',
  submodule: 'brings in another repository',
  hook: 'runs as a git hook',
  selfRunning: 'runs by itself',
  codeowners: 'says who reviews',
};

export const VERDICT_OF_REVIEW_WORDS: Record<NonNullable<PullRequestView['verdict']>, string> = {
  approved: 'approved',
  changesRequested: 'changes requested',
};

/** There is one already, and it takes what came since. */
export function isUpdate({ existing }: Pick<PullRequestPreview, 'existing'>): boolean {
  return existing?.state === 'open';
}

/** Something that a person should see, or say yes to, before it is pushed. */
export function hasQuestion(
  preview: Pick<PullRequestPreview, 'delicate' | 'conflicts' | 'unpushedCommits'>,
): boolean {
  return preview.delicate.length > 0 || preview.conflicts.length > 0 || preview.unpushedCommits > 0;
}

type Standing = Pick<PullRequestView, 'state' | 'draft'>;

export function pullRequestIcon({ state, draft }: Standing): string {
  switch (state) {
    case 'publishing':
      return 'git-pull-request-create';
    case 'open':
      return draft ? 'git-pull-request-draft' : 'git-pull-request';
    case 'merged':
      return 'git-merge';
    case 'closed':
      return 'git-pull-request-closed';
  }
}

export function pullRequestStateWords({ state, draft }: Standing, t: Translate = english): string {
  return t(PULL_REQUEST_STATE_WORDS[state === 'open' && draft ? 'draft' : state], {});
}

/** `#482 · open`. */
export function pullRequestLabel(
  view: Standing & Pick<PullRequestView, 'number'>,
  t: Translate = english,
): string {
  const state = pullRequestStateWords(view, t);
  return view.number === undefined ? state : `#${view.number} · ${state}`;
}

/** What failed is said first; nothing where nothing was checked. */
export function checksWords({ passed, failed, running }: ChecksSummary, t: Translate = english): string {
  const parts = [
    failed > 0 ? t('{count} failed', { count: failed }) : '',
    running > 0 ? t('{count} running', { count: running }) : '',
    passed > 0 ? t('{count} passed', { count: passed }) : '',
  ].filter((part) => part !== '');
  return parts.length === 0 ? '' : t('Checks: {parts}', { parts: parts.join(', ') });
}

export function commentsWords(count: number, t: Translate = english): string {
  return count === 1 ? t('1 comment', {}) : t('{count} comments', { count });
}

/** `12 files, 2 of them binary`. */
export function filesWords(files: readonly FileChange[], filesCut: boolean, t: Translate = english): string {
  const [count, binary] = [files.length, files.filter((file) => file.binary).length];
  if (filesCut) return t('more than {count} files', { count });
  const all = count === 1 ? t('1 file', {}) : t('{count} files', { count });
  if (binary === 0) return all;
  return count === 1 ? t('1 binary file', {}) : t('{files}, {binary} of them binary', { files: all, binary });
}

export interface PullRequestNote {
  icon: 'info' | 'warning';
  text: string;
}

/** What stands in no field of the form and that a person would want to have known. */
export function previewNotes(
  preview: Pick<PullRequestPreview, 'unpushedCommits' | 'behind' | 'conflicts' | 'base'>,
  t: Translate = english,
): PullRequestNote[] {
  const { unpushedCommits, behind, conflicts, base } = preview;
  const notes: PullRequestNote[] = [];
  if (unpushedCommits > 0) {
    notes.push({
      icon: 'warning',
      text:
        unpushedCommits === 1
          ? t('1 commit of yours is not pushed yet, and goes along.', {})
          : t('{count} commits of yours are not pushed yet, and go along.', { count: unpushedCommits }),
    });
  }
  if (conflicts.length > 0) {
    const more = conflicts.length - SHOWN_PATHS;
    const paths = [...conflicts.slice(0, SHOWN_PATHS), ...(more > 0 ? ['…'] : [])].join(', ');
    notes.push({
      icon: 'warning',
      text: t('“{base}” has changed since in a way that conflicts ({paths}).', { base, paths }),
    });
  } else if (behind > 0) {
    notes.push({
      icon: 'info',
      text:
        behind === 1
          ? t('“{base}” has gone on by 1 commit since; nothing conflicts.', { base })
          : t('“{base}” has gone on by {count} commits since; nothing conflicts.', { base, count: behind }),
    });
  }
  return notes;
}

export function delicateTitle(count: number, t: Translate = english): string {
  return count === 1
    ? t('1 file needs a second look: it runs by itself, or brings in other code.', {})
    : t('{count} files need a second look: they run by themselves, or bring in other code.', { count });
}
