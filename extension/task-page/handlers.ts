/** What a task's page may ask for, and how it is done here. */
import * as vscode from 'vscode';
import { join } from 'node:path';
import type { ApprovalAnswer } from '../../protocol/approval.ts';
import type { Attachment } from '../../protocol/events.ts';
import type { PageHandlers, PageParams, TaskPageMethod } from '../../protocol/pages.ts';
import type { ChangesDoor } from '../changes/door.ts';
import type { TaskRecords } from '../apply/records.ts';
import type { TaskActions } from '../tasks/actions.ts';
import type { TaskStore } from '../tasks/store.ts';
import type { PullRequestsDoor } from '../pull-requests/door.ts';
import { actionCommand } from '../report.ts';
import { SentenceError, t } from '../platform/words.ts';
import type { TaskDocuments } from './documents.ts';

export interface HandlersOptions {
  actions: TaskActions;
  changes: Pick<ChangesDoor, 'show' | 'apply' | 'applyTo' | 'undo'>;
  documents: TaskDocuments;
  pullRequests: Pick<PullRequestsDoor, 'handlers'>;
  records: TaskRecords;
  store: TaskStore;
  /** Shows the page of another task. */
  openTask(taskId: string): void;
  /** Tells the page a picture. */
  image(image: Attachment): Promise<void>;
  approve(approvalId: string, answer: ApprovalAnswer): Promise<void>;
  environment: {
    open(): Promise<void>;
    approve(taskId: string, what: PageParams<'task.approveScript'>): Promise<void>;
  };
  internet: {
    change(): Promise<void>;
    allow(taskId: string, what: PageParams<'task.allow'>): Promise<void>;
    show(after: number): Promise<void>;
    save(title: string): Promise<void>;
  };
}

export function taskPageHandlers(taskId: string, options: HandlersOptions): PageHandlers<TaskPageMethod> {
  const { actions, changes, documents, environment, internet, records, store } = options;
  const title = () => store.get(taskId)?.title ?? t('Task');
  return {
    ...options.pullRequests.handlers(taskId),
    'task.followUp': ({ requestId, prompt, mode }) => actions.followUp(taskId, { requestId, prompt, mode }),
    'task.cancel': () => actions.cancel(taskId),
    'task.retry': () => actions.retry(taskId),
    'task.steer': (what) => actions.steer(taskId, what),
    'task.startFollowUp': async (what) => {
      const known = store.tasks.find(({ requestId }) => requestId === what.requestId);
      if (known) {
        options.openTask(known.id);
        return;
      }
      const folder = records.folder(taskId);
      const started = await actions.startSuggested(taskId, what);
      if (folder !== undefined) await records.setFolder(started, folder);
    },
    'task.chooseAttempt': ({ attempt }) => actions.choose(taskId, attempt),
    'task.image': ({ image }) => options.image(image),
    'task.apply': ({ attempt }) => changes.apply(taskId, attempt),
    'task.applyTo': () => changes.applyTo(taskId),
    'task.undo': () => changes.undo(taskId),
    'task.approve': ({ approvalId, answer }) => options.approve(approvalId, answer),
    'task.openLog': ({ turn, attempt }) => documents.open({ taskId, turn, attempt }, title()),
    'task.openPatch': ({ turn, attempt, path }) => changes.show(taskId, { turn, attempt }, path),
    'task.openFile': async (place) => openFile(records.folder(taskId), place),
    'task.openLink': async ({ href }) => {
      await vscode.env.openExternal(vscode.Uri.parse(href, true));
    },
    'task.copy': async ({ text }) => {
      await vscode.env.clipboard.writeText(text);
    },
    'task.environment': () => environment.open(),
    'task.approveScript': (what) => environment.approve(taskId, what),
    'task.openTerminal': async () => {
      await vscode.commands.executeCommand('codexTasks.openTerminal', taskId);
    },
    'task.internet': () => internet.change(),
    'task.allow': (what) => internet.allow(taskId, what),
    'task.egress': ({ after }) => internet.show(after),
    'task.exportEgress': () => internet.save(title()),
    'task.act': async ({ action }) => {
      if (action === 'retry') return actions.retry(taskId);
      const { command, args } = actionCommand(action);
      await vscode.commands.executeCommand(command, ...(args ?? []));
    },
  };
}

/** A file that a text names: only below the folder that the task is of, and only if it is there. */
async function openFile(
  root: string | undefined,
  { path, line = 1, endLine = line }: PageParams<'task.openFile'>,
): Promise<void> {
  const roots =
    root === undefined ? (vscode.workspace.workspaceFolders ?? []).map(({ uri }) => uri.fsPath) : [root];
  if (path.split(/[\\/]/).includes('..'))
    throw new SentenceError(t('{path} is not in this folder.', { path }));
  for (const folder of roots) {
    const uri = vscode.Uri.file(join(folder, path));
    const found = await vscode.workspace.fs.stat(uri).then(
      (stat) => (stat.type & vscode.FileType.File) !== 0,
      () => false,
    );
    if (!found) continue;
    const from = new vscode.Position(line - 1, 0);
    // Whole lines; a single one is only pointed at.
    const to = endLine > line ? new vscode.Position(endLine - 1, Number.MAX_SAFE_INTEGER) : from;
    await vscode.window.showTextDocument(uri, { preview: true, selection: new vscode.Range(from, to) });
    return;
  }
  throw new SentenceError(t('{path} is not in this folder.', { path }));
}
