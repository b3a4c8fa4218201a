/**
 * What a person is asked before a command runs: a notification per question and window, and the command that
 * picks among the open ones. A notification can't be taken back by an extension, so a click on one that is
 * out of date says so; the backend takes the first answer alone.
 */
import * as vscode from 'vscode';
import { ANSWER_WORDS, APPROVAL_REASON_WORDS, askWords, plainText } from '../../client/words/index.ts';
import type { ApprovalAnswer, OpenApproval } from '../../protocol/approval.ts';
import { CodexError } from '../../protocol/errors.ts';
import type { Backend } from '../connection/backend.ts';
import { Dismissed, SentenceError, t } from '../platform/words.ts';
import type { TaskStore } from '../tasks/store.ts';
import { OpenApprovals } from './open.ts';
import { shown } from './shown.ts';

export interface ApprovalsOptions {
  backend: Backend;
  store: TaskStore;
  report(thrown: unknown): void;
  isInSight(taskId: string): boolean;
}

export class Approvals implements vscode.Disposable {
  readonly #options: ApprovalsOptions;
  readonly #open: OpenApprovals;
  readonly #stop: () => void;

  constructor(options: ApprovalsOptions) {
    this.#options = options;
    const { backend, store } = options;
    this.#open = new OpenApprovals({
      tasks: () => store.tasks,
      list: async () => (await (await backend.ready()).connection.call('approval.list', {})).approvals,
      onNew: (question) => {
        this.#notify(question).catch((thrown: unknown) => options.report(thrown));
      },
    });
    this.#stop = store.onChange(() => this.#open.update());
  }

  async answer(taskId: string, approvalId: string, answer: ApprovalAnswer): Promise<void> {
    const { connection } = await this.#options.backend.ready();
    await connection.call('approval.answer', { taskId, approvalId, answer });
  }

  /** The command: which of the open ones, then what is said. */
  async pick(): Promise<void> {
    const open = this.#open.all;
    if (open.length === 0) throw new SentenceError(t('No task waits for an answer.'));
    const items = open.map((question) => ({
      label: shown(question.command, 'list').line,
      description: this.#titleOf(question.taskId),
      detail: t(APPROVAL_REASON_WORDS[question.reason]),
      question,
    }));
    const title = t('Answer Pending Approval');
    const [only] = items;
    const picked = only && items.length === 1 ? only : await vscode.window.showQuickPick(items, { title });
    if (!picked) throw new Dismissed();
    await this.#say(picked.question, title);
  }

  async #say({ taskId, approvalId, command, cwd, reason }: OpenApproval, title: string): Promise<void> {
    const { line, answers } = shown(command, 'list');
    const openTask = { label: t('Open Task'), answer: null };
    const said = await vscode.window.showQuickPick(
      [...answers.map((answer) => ({ label: t(ANSWER_WORDS[answer]), answer })), openTask],
      {
        title: `${title}: ${line}`,
        placeHolder: [
          this.#titleOf(taskId),
          t(APPROVAL_REASON_WORDS[reason]),
          t('Folder: {cwd}', { cwd: plainText(cwd) }),
        ].join(' · '),
      },
    );
    if (!said) throw new Dismissed();
    if (said.answer === null) await vscode.commands.executeCommand('codexTasks.openTask', taskId);
    else await this.answer(taskId, approvalId, said.answer);
  }

  dispose(): void {
    this.#stop();
  }

  async #notify(question: OpenApproval): Promise<void> {
    // There it stands already, with the whole command.
    if (this.#options.isInSight(question.taskId)) return;
    const openTask = t('Open Task');
    const { line, answers: offered } = shown(question.command, 'notification');
    const words = askWords({ ...question, command: line, title: this.#titleOf(question.taskId) }, t);
    const labels = offered.map((answer) => t(ANSWER_WORDS[answer]));
    const said = await vscode.window.showWarningMessage(words, ...labels, openTask);
    if (said === openTask) await vscode.commands.executeCommand('codexTasks.openTask', question.taskId);
    const answer = offered.find((one) => t(ANSWER_WORDS[one]) === said);
    if (answer === undefined) return;
    try {
      await this.answer(question.taskId, question.approvalId, answer);
    } catch (thrown) {
      if (!(thrown instanceof CodexError && thrown.code === 'approvalGone')) throw thrown;
      void vscode.window.showInformationMessage(t('It was answered already, or the task has ended.'));
    }
  }

  #titleOf(taskId: string): string {
    return this.#options.store.get(taskId)?.title ?? t('Task');
  }
}
