/** What others said of a pull request, as a follow-up: picked from a list, with all that asks for something ticked. */
import { randomUUID } from 'node:crypto';
import * as vscode from 'vscode';
import type { BackendConnection } from '../../client/connection/index.ts';
import { plainText } from '../../client/words/index.ts';
import type { Feedback, FeedbackCheck, FeedbackComment } from '../../protocol/pull-request.ts';
import { Dismissed, SentenceError, t } from '../platform/words.ts';

/** Of one request. */
const MOST = 100;
const LINE_CHARACTERS = 200;

interface Row extends vscode.QuickPickItem {
  comment?: string;
  check?: string;
}

/** Resolves once the follow-up has begun. */
export async function followUpFeedback(connection: BackendConnection, taskId: string): Promise<void> {
  const { feedback } = await vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, title: t('Reading comments and checks …') },
    () => connection.call('pullRequest.feedback', { taskId }),
  );
  const rows = feedbackRows(feedback);
  if (rows.length === 0) throw new SentenceError(t('There are no comments, and no check has failed.'));
  const picked = await vscode.window.showQuickPick(rows, {
    title: t('Follow up on comments and failed checks'),
    placeHolder: t('Enter starts the follow-up'),
    canPickMany: true,
    matchOnDescription: true,
    matchOnDetail: true,
    ignoreFocusOut: true,
  });
  if (!picked || picked.length === 0) throw new Dismissed();
  const [comments, checks] = [
    picked.flatMap(({ comment }) => comment ?? []),
    picked.flatMap(({ check }) => check ?? []),
  ];
  if (comments.length > MOST || checks.length > MOST) {
    throw new SentenceError(
      t('One follow-up takes {count} comments and {count} checks at most. Untick some, then try again.', {
        count: MOST,
      }),
    );
  }
  await connection.call('pullRequest.followUp', { taskId, requestId: randomUUID(), comments, checks });
}

export function feedbackRows({ comments, checks }: Feedback): Row[] {
  const failed = checks.filter(({ outcome }) => outcome === 'failed');
  // Newest last: of very many those are ticked that one follow-up takes.
  const older = Math.max(0, comments.length - MOST);
  return [
    ...failed.map((check, at) => ({ ...checkRow(check), picked: at < MOST })),
    ...comments.map((comment, at) => ({ ...commentRow(comment), picked: at >= older })),
  ];
}

function checkRow({ id, name, summary }: FeedbackCheck): Row {
  return {
    label: `$(error) ${line(name)}`,
    description: t('failed check'),
    ...(summary ? { detail: line(summary) } : {}),
    check: id,
  };
}

function commentRow({ id, author, body, path, line: at }: FeedbackComment): Row {
  const place = path === undefined ? '' : at === undefined ? path : `${path}:${at}`;
  return {
    label: `$(comment) ${line(author)}`,
    ...(place === '' ? {} : { description: line(place) }),
    detail: line(body),
    comment: id,
  };
}

/** Others' words: one line, and no icon of theirs. */
function line(text: string): string {
  const plain = plainText(text).replaceAll('$(', '$ (').replace(/\s+/g, ' ').trim();
  return plain.length > LINE_CHARACTERS ? `${plain.slice(0, LINE_CHARACTERS - 1)}…` : plain;
}
