/**
 * “Review and Approve” of an environment file that differs from the default branch’s: VS Code’s own
 * comparison of the two, then the question. What is approved is the backend’s hash of what the task
 * ran, for this repository; the file is shown from the commit that was sent, where the folder has it.
 */
import * as vscode from 'vscode';
import { runGit } from '../../client/git/git.ts';
import type { Backend } from '../connection/backend.ts';
import { Dismissed, SentenceError, t } from '../platform/words.ts';
import type { TaskSummary } from '../../protocol/rpc.ts';
import type { TaskStore } from '../tasks/store.ts';
import { ENVIRONMENT_FILE } from './file.ts';

export const COMMIT_SCHEME = 'codex-commit-file';

interface At {
  root: string;
  /** Empty: a file that is not there. */
  commit: string;
}

export interface ApproverOptions {
  backend: Backend;
  store: TaskStore;
  folderOf: (taskId: string) => string | undefined;
}

export class CommitFiles implements vscode.TextDocumentContentProvider {
  async provideTextDocumentContent(uri: vscode.Uri): Promise<string> {
    const { root, commit } = JSON.parse(uri.query) as At;
    return commit === '' ? '' : ((await fileAt(root, commit)) ?? '');
  }
}

export function approver({ backend, store, folderOf }: ApproverOptions) {
  return async (taskId: string, { hash, path }: { hash: string; path: string }): Promise<void> => {
    const task = store.get(taskId);
    if (!task || path !== ENVIRONMENT_FILE) throw new SentenceError(t('The task is not there any more.'));
    const root = folderOf(taskId);
    if (root === undefined || !vscode.workspace.isTrusted) {
      throw new SentenceError(t('Open the folder of this task to see what it would run.'));
    }
    const { sha, headSha } = task.repo;
    const base = task.repo.defaultSha ?? (await defaultCommit(root));
    const sent = (await fileAt(root, sha)) !== null;
    const after = sent ? commitUri(root, sha) : vscode.Uri.joinPath(vscode.Uri.file(root), path);
    await vscode.commands.executeCommand(
      'vscode.diff',
      commitUri(root, base),
      after,
      t('{path}: default branch ↔ this task', { path }),
      { preview: true },
    );
    const yes = t('Approve');
    const facts = [
      t('From now on it may run with the secrets of the environment, in every task of this repository.'),
      t('Look at all of it: the image, versions, variables and folder decide what a script does, too.'),
      ...(sent || headSha === undefined
        ? []
        : [t('It was sent with local changes; shown is the file as it is in the folder now.')]),
    ];
    // Not modal: it is answered while the comparison is read.
    const question = [t('Let this environment file have the secrets?'), ...facts].join(' ');
    const answer = await vscode.window.showWarningMessage(question, yes, t('Cancel'));
    if (answer !== yes) throw new Dismissed();
    const { connection } = await backend.ready();
    await connection.call('environment.approveScript', { repoId: task.repo.repoId, hash });
    void offerNext(store.get(taskId) ?? task);
  };
}

/** A setup that failed for want of its secrets is tried again from here; the task is shown while it is. */
async function offerNext({ id, state }: TaskSummary): Promise<void> {
  const retry = t('Retry');
  const canRetry = state === 'failed' || state === 'cancelled';
  const said = await vscode.window.showInformationMessage(
    t('Approved. Its setup has the secrets whenever it runs from now on.'),
    ...(canRetry ? [retry] : []),
  );
  if (said !== retry) return;
  await vscode.commands.executeCommand('codexTasks.openTask', id);
  await vscode.commands.executeCommand('codexTasks.retryTask', id);
}

function commitUri(root: string, commit: string): vscode.Uri {
  const query = JSON.stringify({ root, commit } satisfies At);
  return vscode.Uri.from({ scheme: COMMIT_SCHEME, path: `/${ENVIRONMENT_FILE}`, query });
}

/** Null when the commit, or the file in it, is not there. */
async function fileAt(root: string, commit: string): Promise<string | null> {
  const { code, stdout } = await runGit(root, ['show', `${commit}:${ENVIRONMENT_FILE}`], {
    okCodes: [0, 128],
  });
  return code === 0 ? stdout.toString('utf8') : null;
}

async function defaultCommit(root: string): Promise<string> {
  for (const name of ['refs/remotes/origin/HEAD', 'refs/heads/main', 'refs/heads/master']) {
    const { code, stdout } = await runGit(root, ['rev-parse', '--verify', '--quiet', `${name}^{commit}`], {
      okCodes: [0, 1, 128],
    });
    if (code === 0) return stdout.toString('latin1').trim();
  }
  return '';
}
