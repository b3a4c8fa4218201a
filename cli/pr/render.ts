/** A pull request, or what it would be, as lines of a terminal. Pure. */
import {
  checksWords,
  commentsWords,
  DELICATE_WORDS,
  delicateTitle,
  errorWords,
  filesWords,
  previewNotes,
  pullRequestLabel,
  VERDICT_OF_REVIEW_WORDS,
} from '../../client/words/index.ts';
import type { PullRequestPreview, PullRequestView } from '../../protocol/pull-request.ts';
import { tameLine, tameName, tameText, type Paint } from '../terminal.ts';

export function pullRequestLines(view: PullRequestView, colours: Paint): string[] {
  const { checks, comments = 0, verdict, branch, base, repo, host, url, error } = view;
  const facts = [
    checks ? checksWords(checks) : '',
    comments > 0 ? commentsWords(comments) : '',
    verdict ? VERDICT_OF_REVIEW_WORDS[verdict] : '',
  ].filter(Boolean);
  return [
    `${colours.bold(tameLine(view.title))}  ${pullRequestLabel(view)}`,
    `${host}/${repo}: ${tameName(branch)} → ${tameName(base)}`,
    ...(facts.length > 0 ? [facts.join(' · ')] : []),
    ...(view.othersPushed ? ['Others have pushed to the branch since.'] : []),
    ...(error ? [colours.red(tameText(errorWords(error).text))] : []),
    ...(url === undefined ? [] : [tameLine(url)]),
  ];
}

/** What is good to know before it is pushed; for standard error. */
export function previewLines(preview: PullRequestPreview, localChanges: 'include' | 'leaveOut'): string[] {
  const { host, repo, files, filesCut } = preview;
  return [
    `${filesWords(files, filesCut)} to ${host}/${repo}`,
    ...(preview.localChanges && localChanges === 'leaveOut'
      ? ['The local changes that the task began with are left out; --include-local takes them along.']
      : []),
    ...previewNotes(preview).map(({ text }) => tameText(text)),
  ];
}

export function delicateLines({ delicate }: PullRequestPreview): string[] {
  return [
    delicateTitle(delicate.length),
    ...delicate.map(({ path, why }) => `  ${tameName(path)}  ${DELICATE_WORDS[why]}`),
  ];
}
