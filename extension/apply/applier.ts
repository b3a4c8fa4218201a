/**
 * `Codex: Apply Patch` and `Codex: Undo Apply`.
 *
 * Order: which folder → the patch's bytes → a plan (reads only) → what the person has to decide →
 * apply, checkpoint first → what happened, in one sentence with its next step → tell the backend.
 * Never: a file that runs by itself without its own yes, a saved buffer, a half silent result.
 */
import * as vscode from 'vscode';
import {
  applyPlan,
  planApply,
  undoCheckpoint,
  type ApplyPlan,
  type Checkpoints,
  type PlanItem,
} from '../../client/apply/index.ts';
import { parsePatch } from '../../client/patch/index.ts';
import type { TaskView } from '../../protocol/rpc.ts';
import { errorText } from '../../protocol/errors.ts';
import type { Backend } from '../connection/backend.ts';
import type { Log } from '../platform/log.ts';
import { untrusted } from '../platform/trust.ts';
import { Dismissed, SentenceError, t } from '../platform/words.ts';
import type { TaskStore } from '../tasks/store.ts';
import { resultOf } from './attempts.ts';
import { openDocuments } from './documents.ts';
import type { TaskRecords } from './records.ts';
import { lineOf, summarize, summarizeUndo } from './words.ts';

export interface ApplierOptions {
  backend: Backend;
  store: TaskStore;
  records: TaskRecords;
  checkpoints: () => Checkpoints;
  log: Log;
  /** The top of the working tree that a task belongs to; asks when it is not certain. */
  rootFor(task: TaskView): Promise<string>;
  onBusy(taskId: string, busy: 'apply' | 'undo' | null): void;
}

/** Lines of a dialog: more is in the log. */
const SHOWN_FILES = 12;

export class Applier {
  readonly #options: ApplierOptions;

  constructor(options: ApplierOptions) {
    this.#options = options;
  }

  /** `attempt`: the one that is looked at; without it the chosen one, or the one that the person picks. */
  async apply(taskId: string, attempt?: number): Promise<void> {
    if (!vscode.workspace.isTrusted) throw untrusted();
    await this.#busy(taskId, 'apply', () => this.#apply(taskId, attempt));
  }

  async undo(taskId: string): Promise<void> {
    if (!vscode.workspace.isTrusted) throw untrusted();
    await this.#busy(taskId, 'undo', () => this.#undo(taskId));
  }

  async #busy(taskId: string, what: 'apply' | 'undo', work: () => Promise<void>): Promise<void> {
    this.#options.onBusy(taskId, what);
    try {
      await work();
    } finally {
      this.#options.onBusy(taskId, null);
    }
  }

  async #apply(taskId: string, wanted: number | undefined): Promise<void> {
    const { backend, records, store, log } = this.#options;
    const { connection } = await backend.ready();
    const { task } = await connection.call('task.get', { taskId });
    const { turn, attempt } = await resultOf(task, wanted);
    const root = await this.#options.rootFor(task);

    // What an earlier turn changed is there already when it was applied here; else all is taken.
    const applied = records.applied(taskId);
    const here = applied?.root === root ? applied : undefined;
    if (here && (here.attempt ?? 1) !== attempt.attempt && turn.turn === here.turn)
      throw new SentenceError(
        t('Attempt {attempt} of this task is applied here. Undo that first.', { attempt: here.attempt ?? 1 }),
        [{ label: t('Undo Apply'), command: 'codexTasks.undoApply', args: [taskId] }],
      );
    const after = here && here.turn < turn.turn ? { from: here.turn } : {};
    const bytes = await connection.patch(taskId, turn.turn, attempt.attempt, after);
    const documents = openDocuments(root);
    const plan = await planApply(root, parsePatch(bytes), { documents });
    const chosen = await decide(plan);

    const outcome = await applyPlan(plan, {
      checkpoints: this.#options.checkpoints(),
      documents,
      info: { repo: root, taskId, turn: turn.turn, label: task.title },
      include: chosen.include,
      includeSelfRunning: () => chosen.selfRunning,
    });
    const summary = summarize(outcome.results, t);
    log.info(`Applied turn ${turn.turn} of ${taskId}: ${summary.applied} files, ${summary.left.length} not.`);
    for (const line of summary.left) log.warn(`Not applied: ${line}`);
    if (outcome.checkpointId !== null) {
      const checkpoints = [...(here?.checkpoints ?? []), outcome.checkpointId];
      await records.setApplied(taskId, { turn: turn.turn, attempt: attempt.attempt, root, checkpoints });
    }
    const whole =
      summary.left.length === 0 && !plan.items.some((item) => item.runsByItself && !chosen.selfRunning);
    if (summary.applied > 0 || whole) {
      await connection
        .call('task.review', { taskId, review: whole ? 'applied' : 'partly' })
        .then(({ task: after }) => store.changed(after))
        .catch((error: unknown) => log.warn(`The review state was not stored: ${errorText(error)}`));
    }
    void this.#tell(taskId, summary.sentence, summary.left, outcome.checkpointId !== null);
  }

  async #undo(taskId: string): Promise<void> {
    const { records, backend, store, log } = this.#options;
    const record = records.applied(taskId);
    const id = record?.checkpoints.at(-1);
    if (!record || id === undefined)
      throw new SentenceError(t('Nothing of this task was applied from here.'));
    const checkpoints = this.#options.checkpoints();
    const documents = openDocuments(record.root);
    let { results } = await undoCheckpoint(checkpoints, id, { documents });
    const stale = results.filter((one) => one.status === 'stale');
    if (stale.length > 0) {
      const restore = t('Restore Them Too');
      const answer = await vscode.window.showWarningMessage(
        stale.length === 1
          ? t('1 file was changed since it was applied.')
          : t('{count} files were changed since they were applied.', { count: stale.length }),
        {
          modal: true,
          detail: `${list(stale.map((one) => one.path.path))}\n\n${t('Restoring them puts your later changes aside; they are kept in a checkpoint of their own.')}`,
        },
        restore,
      );
      if (answer === restore) {
        const forced = await undoCheckpoint(checkpoints, id, { documents, force: true });
        results = [
          ...results.filter((one) => one.status !== 'stale'),
          ...forced.results.filter((one) => one.status !== 'unchanged'),
        ];
      }
    }
    const left = results.filter((one) => one.status === 'stale' || one.status === 'failed');
    const earlier = record.checkpoints.slice(0, -1);
    if (left.length === 0) {
      await records.setApplied(
        taskId,
        earlier.length > 0 ? { ...record, turn: record.turn - 1, checkpoints: earlier } : undefined,
      );
      void backend.connection
        ?.call('task.review', { taskId, review: 'open' })
        .then(({ task }) => store.changed(task))
        .catch((error: unknown) => log.warn(`The review state was not stored: ${errorText(error)}`));
    }
    for (const one of left) log.warn(`Not restored: ${lineOf(one, t)}`);
    void this.#tell(
      taskId,
      summarizeUndo(results, t),
      left.map((one) => lineOf(one, t)),
      false,
    );
  }

  async #tell(taskId: string, sentence: string, left: readonly string[], undoable: boolean): Promise<void> {
    const undo = t('Undo');
    const review = t('Review Changes');
    const details = t('Show Details');
    const buttons = [...(undoable ? [undo, review] : []), ...(left.length > 0 ? [details] : [])];
    const [first] = left;
    const text = first === undefined ? sentence : `${sentence} ${first}${left.length > 1 ? ' …' : ''}`;
    const show = left.length > 0 ? vscode.window.showWarningMessage : vscode.window.showInformationMessage;
    const answer = await show(text, ...buttons);
    if (answer === undo) await vscode.commands.executeCommand('codexTasks.undoApply', taskId);
    if (answer === review) await vscode.commands.executeCommand('codexTasks.showChanges', taskId);
    if (answer === details) await vscode.commands.executeCommand('codexTasks.showLogs');
  }
}

interface Decision {
  include: (item: PlanItem) => boolean;
  selfRunning: boolean;
}

/** Asks only when there is something to decide. */
async function decide(plan: ApplyPlan): Promise<Decision> {
  const doable = plan.items.filter((item) => item.verdict === 'applies');
  const blocked = plan.items.filter((item) => item.verdict === 'conflict' || item.verdict === 'refused');
  const selfRunning = doable.filter((item) => item.runsByItself);
  const plain = doable.length - selfRunning.length;
  const [first] = blocked;
  if (doable.length === 0) {
    if (!first) throw new SentenceError(t('Everything in this result is here already.'));
    throw new SentenceError(t('Nothing of this result fits here. {reason}', { reason: lineOf(first, t) }));
  }
  if (blocked.length > 0) {
    const go = t('Apply the Others');
    const answer = await vscode.window.showWarningMessage(
      t('{count} of {all} files can be applied.', { count: doable.length, all: plan.items.length }),
      { modal: true, detail: `${t('Not applied:')}\n${list(blocked.map((item) => lineOf(item, t)))}` },
      go,
    );
    if (answer !== go) throw new Dismissed();
  }
  if (selfRunning.length === 0) return { include: () => true, selfRunning: false };
  const all = t('Apply Them Too');
  const without = t('Leave Them Out');
  const answer = await vscode.window.showWarningMessage(
    selfRunning.length === 1
      ? t('This result changes 1 file that runs by itself.')
      : t('This result changes {count} files that run by themselves.', { count: selfRunning.length }),
    {
      modal: true,
      detail: `${list(selfRunning.map((item) => item.path.path))}\n\n${t('An editor, a shell, a hook or a CI service runs such files without asking. Read them first.')}`,
    },
    all,
    ...(plain > 0 ? [without] : []),
  );
  if (answer === undefined) throw new Dismissed();
  return { include: () => true, selfRunning: answer === all };
}

function list(lines: readonly string[]): string {
  const shown = lines.slice(0, SHOWN_FILES).map((line) => `• ${line}`);
  if (lines.length > SHOWN_FILES) shown.push(t('… and {count} more', { count: lines.length - SHOWN_FILES }));
  return shown.join('\n');
}
