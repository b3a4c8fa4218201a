/**
 * Sending a task, or a test of an environment. In order: its row in the list, at once → a backend that can run it → the folder as
 * it is now → its commits pushed to the backend → the task. The same request id is the same task,
 * however often this is tried. Nothing of the folder is changed; what fails takes the row away again
 * and says why.
 */
import * as vscode from 'vscode';
import { sendPictures, type Picture } from '../client/attachments.ts';
import type { BackendConnection, Hello } from '../client/connection/index.ts';
import { CodexError } from '../protocol/errors.ts';
import type { ReviewTarget } from '../protocol/pages.ts';
import type { ParamsIn, RepoAtCommit, TaskSummary } from '../protocol/rpc.ts';
import type { Mode } from '../protocol/states.ts';
import type { TaskRecords } from './apply/records.ts';
import type { Backend } from './connection/backend.ts';
import type { Folders } from './folders/folders.ts';
import { sendCommits, snapshotWarningWords } from './folders/send.ts';
import type { Log } from './platform/log.ts';
import { includeLocalChanges, setting } from './platform/settings.ts';
import { untrusted } from './platform/trust.ts';
import { Dismissed, SentenceError, t } from './platform/words.ts';
import { reviewPrompt, reviewTitle, sendsLocal } from './review-mode/prompt.ts';
import { titleOf, type TaskStore } from './tasks/store.ts';

export interface Submission {
  requestId: string;
  prompt: string;
  mode: Mode;
  folder: vscode.WorkspaceFolder;
  includeLocal: boolean;
  /** How it is run, where that was chosen. */
  run?: Pick<ParamsIn<'task.create'>, 'attempts' | 'model' | 'effort'>;
  images?: readonly Picture[];
  /** Of a review; its prompt may then be empty. */
  review?: ReviewTarget;
}
export type Submit = (submission: Submission) => Promise<TaskSummary>;
/** The setup alone, with the folder as it is sent by default. */
export type TestEnvironment = (of: {
  requestId: string;
  name: string;
  folder: vscode.WorkspaceFolder;
}) => Promise<TaskSummary>;

export interface SubmitOptions {
  backend: Backend;
  folders: Folders;
  store: TaskStore;
  records: TaskRecords;
  log: Log;
  /** The name of the environment that new tasks run in. */
  environment: () => string;
  /** Kept over restarts: the person allowed the local sandbox. */
  allowLocalSandbox: () => Promise<void>;
}

export function submitter(options: SubmitOptions): Submit {
  const send = sender(options);
  return async ({ prompt, run, images = [], review, ...of }) => {
    if (prompt.trim() === '' && review === undefined) throw new SentenceError(t('The prompt is empty.'));
    const { requestId, mode } = of;
    if (review === 'local') await mustHaveChanges(options, of.folder);
    return send({
      ...of,
      includeLocal: review === undefined ? of.includeLocal : sendsLocal(review, of.includeLocal),
      title: prompt.trim() === '' && review !== undefined ? reviewTitle(review) : titleOf(prompt),
      needsModel: true,
      create: async (connection, repo) => {
        const sent = await sendPictures(connection, images);
        return connection.call('task.create', {
          ...{ requestId, mode, repo, ...run },
          prompt: review === undefined ? prompt : reviewPrompt(review, repo, prompt),
          environment: options.environment(),
          ...(sent.length === 0 ? {} : { images: sent }),
        });
      },
    });
  };
}

export function environmentTester(options: SubmitOptions): TestEnvironment {
  const send = sender(options);
  return ({ requestId, name, folder }) =>
    send({
      requestId,
      folder,
      mode: 'code',
      includeLocal: includeLocalChanges(folder.uri),
      title: t('Test of the environment “{name}”', { name }),
      needsModel: false,
      create: (connection, repo) => connection.call('environment.test', { requestId, name, repo }),
    });
}

async function mustHaveChanges({ folders }: SubmitOptions, folder: vscode.WorkspaceFolder): Promise<void> {
  const facts = await folders.sendable(folder);
  if (facts.kind !== 'repository')
    throw new SentenceError(t('There is no commit yet that changes could be compared with.'));
  if (!facts.dirty) throw new SentenceError(t('There are no local changes to review.'));
}

type Sending = Pick<Submission, 'requestId' | 'mode' | 'folder' | 'includeLocal'> & {
  title: string;
  needsModel: boolean;
  create: (connection: BackendConnection, repo: RepoAtCommit) => Promise<{ task: TaskSummary }>;
};

function sender(options: SubmitOptions) {
  const { backend, folders, store, records, log } = options;
  return async ({ requestId, title, mode, folder, includeLocal, needsModel, create }: Sending) => {
    if (!vscode.workspace.isTrusted) throw untrusted();
    store.addPending({
      requestId,
      title,
      mode,
      repoName: folder.name,
      stage: 'connecting',
      createdAt: Date.now(),
    });
    try {
      const unsaved = includeLocal ? unsavedIn(folder) : 0;
      const connection = await runnable(options, needsModel);
      store.setStage(requestId, 'snapshot');
      const facts = await folders.sendable(folder);
      const { repo, warnings } = await sendCommits(connection, facts, {
        // Without a commit there is nothing but what is on disk.
        includeLocal: facts.kind === 'repository' ? includeLocal && facts.dirty : true,
        token: await backend.token(),
        url: await backend.url(),
        onPush: () => store.setStage(requestId, 'pushing'),
      });
      for (const { code, params } of warnings) log.warn(`Snapshot: ${code} ${JSON.stringify(params)}`);
      store.setStage(requestId, 'creating');
      const { task } = await create(connection, repo);
      await records.setFolder(task.id, facts.root);
      store.changed(task);
      const said = [unsavedWords(unsaved), snapshotWarningWords(warnings)].filter(Boolean).join(' ');
      if (said !== '') void vscode.window.showInformationMessage(said);
      return task;
    } catch (thrown) {
      store.dropPending(requestId);
      throw thrown;
    }
  };
}

function unsavedIn(folder: vscode.WorkspaceFolder): number {
  return vscode.workspace.textDocuments.filter(
    (document) => document.isDirty && vscode.workspace.getWorkspaceFolder(document.uri) === folder,
  ).length;
}

function unsavedWords(count: number): string {
  if (count === 0) return '';
  return count === 1
    ? t('1 file with unsaved changes was sent as it is on disk.')
    : t('{count} files with unsaved changes were sent as they are on disk.', { count });
}

/** A backend that has a sandbox and, if needed, a model; asks for what is missing. */
async function runnable(
  { backend, allowLocalSandbox }: SubmitOptions,
  needsModel: boolean,
): Promise<BackendConnection> {
  let { connection, hello } = await backend.ready();
  if (hello.sandbox.kind === 'none') {
    if (!backend.isOwn) throw new CodexError('sandboxUnavailable', { reason: hello.sandbox.detail });
    await askForLocalSandbox(hello, allowLocalSandbox);
    await backend.restart();
    ({ connection, hello } = await backend.ready());
  }
  if (needsModel && !hello.model.configured && !hello.model.scripted) {
    throw new SentenceError(t('No model is set up: the backend has no API key.'), [
      backend.isOwn
        ? { label: t('Set API Key'), command: 'codexTasks.setApiKey' }
        : { label: t('Show Logs'), command: 'codexTasks.showLogs' },
    ]);
  }
  return connection;
}

async function askForLocalSandbox(hello: Hello, allow: () => Promise<void>): Promise<void> {
  if (setting('sandbox') === 'docker') {
    throw new CodexError('sandboxUnavailable', { reason: hello.sandbox.detail });
  }
  const yes = t('Use the Local Sandbox');
  const docker = t('Get Docker');
  const answer = await vscode.window.showWarningMessage(
    t('There is no Docker to run tasks in. Use the confined local sandbox?'),
    {
      modal: true,
      detail: `${hello.sandbox.detail}\n\n${t('It is a process on this machine without network that can write its own copy of the repository only. A container separates more.')}`,
    },
    yes,
    docker,
  );
  if (answer === docker) {
    await vscode.env.openExternal(vscode.Uri.parse('https://docs.docker.com/get-started/get-docker/'));
  }
  if (answer !== yes) throw new Dismissed();
  await allow();
}
