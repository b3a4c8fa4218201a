/**
 * What a person is asked before a command runs: a notification per question and window, and the command that
 * picks among the open ones. A notification can't be taken back by an extension, so a click on one that is
 * out of date says so; the backend takes the first answer alone.
 */
import * as vscode from 'vscode';
import {
  ANSWERS,
  ANSWER_WORDS,
  APPROVAL_REASON_WORDS,
  askWords,
  plainText,
} from '../../client/words/index.ts';
import type { ApprovalAnswer, OpenApproval } from '../../protocol/approval.ts';
import { CodexError } from '../../protocol/errors.ts';
import type { Backend } from '../connection/backend.ts';
import { Dismissed, SentenceError, t } from '../platform/words.ts';
import type { TaskStore } from '../tasks/store.ts';
import { OpenApprovals } from './open.ts';

export interface ApprovalsOptions {
  backend: Backend;
  store: TaskStore;
  report(thrown: unknown): void;
  isInSight(taskId: string): boolean;
}

/** More of a command than this does not fit a notification: the task's page has it whole. */
const SHOWN_CHARS = 300;

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
      label: oneLine(question.command),
      description: this.#titleOf(question.taskId),
      detail: t(APPROVAL_REASON_WORDS[question.reason]),
      question,
    }));
    const title = t('Answer Pending Approval');
    const [only] = items;
    const picked = only && items.length === 1 ? only : await vscode.window.showQuickPick(items, { title });
    if (!picked) throw new Dismissed();
    const { question } = picked;
    const answers = ANSWERS.map((answer) => ({ label: t(ANSWER_WORDS[answer]), answer }));
    const said = await vscode.window.showQuickPick(answers, {
      title: `${title}: ${oneLine(question.command)}`,
      placeHolder: t(APPROVAL_REASON_WORDS[question.reason]),
    });
    if (!said) throw new Dismissed();
    await this.answer(question.taskId, question.approvalId, said.answer);
  }

  dispose(): void {
    this.#stop();
  }

  async #notify(question: OpenApproval): Promise<void> {
    // There it stands already, with the whole command.
    if (this.#options.isInSight(question.taskId)) return;
    const openTask = t('Open Task');
    const isWhole = question.command.length <= SHOWN_CHARS && !question.command.includes('\n');
    const words = askWords(
      { ...question, command: oneLine(question.command), title: this.#titleOf(question.taskId) },
      t,
    );
    // Who says yes has seen all of it.
    const offered = isWhole ? ANSWERS : ANSWERS.filter((answer) => answer === 'never');
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

function oneLine(command: string): string {
  const [first = ''] = plainText(command).split('\n');
  const isCut = first.length > SHOWN_CHARS || command.includes('\n');
  return isCut ? `${first.slice(0, SHOWN_CHARS)} …` : first;
}
