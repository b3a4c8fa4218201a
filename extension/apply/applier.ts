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
  type ApplyReason,
  type Checkpoints,
  type WirePath,
} from '../../client/apply/index.ts';
import { parsePatch } from '../../client/patch/index.ts';
import type { TaskView } from '../../protocol/rpc.ts';
import type { ReviewState } from '../../protocol/states.ts';
import { errorText } from '../../protocol/errors.ts';
import type { Backend } from '../connection/backend.ts';
import type { Log } from '../platform/log.ts';
import { untrusted } from '../platform/trust.ts';
import { SentenceError, t, type Button } from '../platform/words.ts';
import type { TaskStore } from '../tasks/store.ts';
import { resultOf } from './attempts.ts';
import { decide } from './decide.ts';
import { openDocuments } from './documents.ts';
import type { TaskRecords } from './records.ts';
import { tell, type Step } from './tell.ts';
import { undoAsking } from './undo.ts';
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
  /** Files of the task's folder are other than they were. */
  onUndone: (taskId: string) => void;
  report: (thrown: unknown) => void;
}

/** Where the three sides are texts, so that a person can merge them. */
const MERGEABLE: readonly (ApplyReason | undefined)[] = ['contextChanged', 'exists', 'tooCostly'];

export class Applier {
  readonly #options: ApplierOptions;

  constructor(options: ApplierOptions) {
    this.#options = options;
  }

  /** `attempt`: the one that is looked at; without it the chosen one, or the one that the person picks. */
  async apply(taskId: string, attempt?: number): Promise<void> {
    await this.#busy(taskId, 'apply', () => this.#apply(taskId, attempt));
  }

  /** What was applied last of this task. */
  async undo(taskId: string): Promise<void> {
    const record = this.#options.records.applied(taskId);
    if (!record) throw new SentenceError(t('Nothing of this task was applied from here.'));
    const store = this.#options.checkpoints();
    const id = record.checkpoints.findLast((one) => store.get(one) !== null);
    if (id === undefined)
      throw new SentenceError(
        t('The checkpoint of this apply is not there any more, so it can’t be undone.'),
      );
    await this.#busy(taskId, 'undo', () => this.#undo(id, record.root, taskId));
  }

  /** One of the list of checkpoints. */
  async undoCheckpoint(id: string): Promise<void> {
    const checkpoint = this.#options.checkpoints().get(id);
    if (!checkpoint) throw new SentenceError(t('This checkpoint is not there any more.'));
    const { root, taskId } = checkpoint;
    await this.#busy(taskId, 'undo', () => this.#undo(id, root, taskId));
  }

  /** A checkpoint is gone: what it was of stays applied. */
  async forget(id: string): Promise<void> {
    const { records, checkpoints } = this.#options;
    const taskId = checkpoints().get(id)?.taskId ?? null;
    checkpoints().remove(id);
    const record = taskId === null ? undefined : records.applied(taskId);
    if (taskId === null || !record?.checkpoints.includes(id)) return;
    await records.setApplied(taskId, {
      ...record,
      checkpoints: record.checkpoints.filter((one) => one !== id),
    });
  }

  async #busy(taskId: string | null, what: 'apply' | 'undo', work: () => Promise<void>): Promise<void> {
    if (!vscode.workspace.isTrusted) throw untrusted();
    if (taskId === null) return work();
    this.#options.onBusy(taskId, what);
    try {
      await work();
    } finally {
      this.#options.onBusy(taskId, null);
    }
  }

  async #apply(taskId: string, wanted: number | undefined): Promise<void> {
    const { backend, records, log } = this.#options;
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
    const merging = (of: readonly { path: WirePath; reason?: ApplyReason }[]) =>
      resolving(taskId, attempt.attempt, of);
    const elsewhere = { label: t('Apply To…'), command: 'codexTasks.applyTo', args: [taskId] };
    const chosen = await decide(plan, [...merging(plan.items), elsewhere]);

    const outcome = await applyPlan(plan, {
      checkpoints: this.#options.checkpoints(),
      documents,
      info: { repo: root, taskId, turn: turn.turn, label: task.title },
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
    if (summary.applied > 0 || whole) await this.#review(taskId, whole ? 'applied' : 'partly');
    const steps = ['codexTasks.undoApply', 'codexTasks.showChanges'] as const;
    const labels = [t('Undo'), t('Review Changes')];
    tell({
      sentence: summary.sentence,
      left: summary.left,
      steps: [
        ...merging(outcome.results).map(stepOf),
        ...(outcome.checkpointId === null
          ? []
          : steps.map((command, index) => stepOf({ command, label: labels[index]!, args: [taskId] }))),
      ],
      report: this.#options.report,
    });
  }

  async #undo(id: string, root: string, taskId: string | null): Promise<void> {
    const { log, checkpoints, report, onUndone } = this.#options;
    const isKept = checkpoints().get(id)?.keptFrom !== undefined;
    const results = await undoAsking(checkpoints(), id, root);
    const left = results.filter((one) => one.status === 'stale' || one.status === 'failed');
    const lines = left.map((one) => lineOf(one, t));
    if (taskId !== null) {
      if (left.length === 0 && !isKept) await this.#undone(id, taskId);
      onUndone(taskId);
    }
    for (const line of lines) log.warn(`Not restored: ${line}`);
    tell({ sentence: summarizeUndo(results, t), left: lines, report });
  }

  /** Of decisions in a review there is no record: the review sees for itself what stands. */
  async #undone(id: string, taskId: string): Promise<void> {
    const { records, checkpoints } = this.#options;
    const record = records.applied(taskId);
    if (!record?.checkpoints.includes(id)) return;
    const others = record.checkpoints.filter((one) => one !== id);
    const newest = others.at(-1);
    const turn =
      record.checkpoints.at(-1) !== id || newest === undefined
        ? record.turn
        : (checkpoints().get(newest)?.turn ?? record.turn - 1);
    await records.setApplied(
      taskId,
      newest === undefined ? undefined : { ...record, turn, checkpoints: others },
    );
    // A backend that is slow to answer keeps nobody from working on.
    void this.#review(taskId, 'open');
  }

  async #review(taskId: string, review: ReviewState): Promise<void> {
    const { backend, store, log } = this.#options;
    await backend.connection
      ?.call('task.review', { taskId, review })
      .then(({ task }) => store.changed(task))
      .catch((thrown: unknown) => log.warn(`The review state was not stored: ${errorText(thrown)}`));
  }
}

/** The merge editor for what does not fit, where there is something to merge. */
function resolving(
  taskId: string,
  attempt: number,
  files: readonly { path: WirePath; reason?: ApplyReason }[],
): Button[] {
  const paths = files
    .filter(({ path, reason }) => path.bytes === undefined && MERGEABLE.includes(reason))
    .map(({ path }) => path.path);
  if (paths.length === 0) return [];
  const args = [taskId, { attempt, paths }];
  return [{ label: t('Merge by Hand'), command: 'codexTasks.resolveConflict', args }];
}

function stepOf({ label, command, args = [] }: Button): Step {
  return { label, run: () => vscode.commands.executeCommand(command, ...args) };
}
