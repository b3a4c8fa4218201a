/**
 * `Codex: Apply To…`: a result beside the folder, with nothing of the person's touched.
 *
 * Order: which folder → where to → the patch's bytes → a plan (reads only) → what the person has to decide →
 * written, and recorded so that it can be taken away → what was made, with its next steps → tell the backend.
 * Nothing is written when a file does not fit, unless the person wants the others all the same.
 */
import * as vscode from 'vscode';
import type { Checkpoints } from '../../client/apply/index.ts';
import {
  applyTo,
  baseOf,
  planApplyTo,
  undoApplyTo,
  type Deliveries,
  type Delivery,
} from '../../client/apply-to/index.ts';
import { inspectFolder } from '../../client/git/folder.ts';
import { parsePatch } from '../../client/patch/index.ts';
import { errorText } from '../../protocol/errors.ts';
import type { TaskView } from '../../protocol/rpc.ts';
import type { ReviewState } from '../../protocol/states.ts';
import type { Backend } from '../connection/backend.ts';
import { problemWords } from '../folders/repository.ts';
import type { Log } from '../platform/log.ts';
import { untrusted } from '../platform/trust.ts';
import { SentenceError, t } from '../platform/words.ts';
import { resultOf } from './attempts.ts';
import { decide } from './decide.ts';
import type { TaskRecords } from './records.ts';
import { tell, type Step } from './tell.ts';
import { pickTarget } from './where.ts';
import { goneWords, madeWords } from './where-words.ts';
import { summarize } from './words.ts';

export interface ElsewhereOptions {
  backend: Backend;
  records: TaskRecords;
  /** For what a worktree's files are written with; none is left. */
  checkpoints: () => Checkpoints;
  deliveries: () => Deliveries;
  log: Log;
  rootFor(task: TaskView): Promise<string>;
  reviewed(taskId: string, review: ReviewState): Promise<void>;
  report: (thrown: unknown) => void;
}

export class Elsewhere {
  readonly #options: ElsewhereOptions;

  constructor(options: ElsewhereOptions) {
    this.#options = options;
  }

  async apply(taskId: string): Promise<void> {
    if (!vscode.workspace.isTrusted) throw untrusted();
    const { backend, checkpoints, deliveries, log, report } = this.#options;
    const { connection } = await backend.ready();
    const { task } = await connection.call('task.get', { taskId });
    const { turn, attempt } = await resultOf(task, undefined);
    const root = await this.#options.rootFor(task);
    await mustHaveCommits(root, task);
    const { title } = task;
    const target = await pickTarget({ root, title, taskId, start: await baseOf(root, task) });

    const plan = await working(t('Looking where “{title}” fits …', { title }), async () => {
      const bytes = await connection.patch(taskId, turn.turn, attempt.attempt);
      return planApplyTo(root, parsePatch(bytes), target);
    });
    const chosen = await decide(plan.planned.plan);
    const of = { taskId, turn: turn.turn, label: title };
    const { results, made } = await working(t('Applying “{title}” …', { title }), () =>
      applyTo(plan, {
        message: `${title}\n\nCodex task ${taskId}, turn ${turn.turn}.`,
        ...{ checkpoints: checkpoints(), info: of, partly: chosen.partly },
        includeSelfRunning: () => chosen.selfRunning,
      }),
    );
    const { left } = summarize(results, t);
    for (const line of left) log.warn(`Not applied: ${line}`);
    if (made === null) return tell({ sentence: t('Nothing was written.'), left, report });
    const delivery = deliveries().add(made, of);
    log.info(`Applied turn ${turn.turn} of ${taskId} elsewhere: ${made.what}, ${left.length} files not.`);
    await this.#reviewed(taskId, left.length === 0 ? 'applied' : 'partly');
    const undo: Step = { label: t('Undo'), run: () => this.undo(delivery.id) };
    const steps = made.what === 'worktreeMade' ? [openingStep(made.folder), undo] : [undo];
    tell({ sentence: madeWords(made, t), left, steps, report });
  }

  /** Throws `CodexError` madeChanged when it is the person's by now. */
  async undo(id: string): Promise<void> {
    if (!vscode.workspace.isTrusted) throw untrusted();
    const { deliveries, records, report } = this.#options;
    const delivery = deliveries().get(id);
    if (!delivery) throw new SentenceError(t('This checkpoint is not there any more.'));
    const { made, taskId } = delivery;
    await working(t('Undoing …'), () => undoApplyTo(made));
    deliveries().markUndone(id);
    const stands = (one: Delivery) => one.taskId === taskId && one.undoneAt === null;
    if (taskId !== null && !records.applied(taskId) && !deliveries().list().some(stands))
      await this.#reviewed(taskId, 'open');
    tell({ sentence: goneWords(made, t), report });
  }

  async #reviewed(taskId: string, review: ReviewState): Promise<void> {
    await this.#options
      .reviewed(taskId, review)
      .catch((thrown: unknown) =>
        this.#options.log.warn(`The review state was not stored: ${errorText(thrown)}`),
      );
  }
}

export function openingStep(folder: string): Step {
  const uri = vscode.Uri.file(folder);
  return {
    label: t('Open Worktree'),
    run: () => vscode.commands.executeCommand('vscode.openFolder', uri, { forceNewWindow: true }),
  };
}

async function mustHaveCommits(root: string, task: TaskView): Promise<void> {
  const facts = await inspectFolder(root);
  const { name } = task.repo;
  const here = { label: t('Apply Patch'), command: 'codexTasks.applyPatch', args: [task.id] };
  switch (facts.kind) {
    case 'repository':
      return;
    case 'notGit':
      throw new SentenceError(
        t(
          '“{name}” is no git repository, so it has no branches and no worktrees. Apply to the folder instead.',
          {
            name,
          },
        ),
        [here],
      );
    case 'noCommits':
      throw new SentenceError(
        t('“{name}” has no commit yet that a branch could start from. Apply to the folder instead.', {
          name,
        }),
        [here],
      );
    case 'noWorkTree':
    case 'foreignOwner':
    case 'missing':
    case 'gitMissing':
      throw new SentenceError(problemWords(facts)?.sentence ?? '');
  }
}

async function working<T>(title: string, act: () => Promise<T>): Promise<T> {
  return vscode.window.withProgress({ location: vscode.ProgressLocation.Notification, title }, act);
}
