/** What a person has to decide before anything is written: files that do not fit, files that run by themselves. */
import * as vscode from 'vscode';
import type { ApplyPlan, PlanItem } from '../../client/apply/index.ts';
import { Dismissed, SentenceError, t, type Button } from '../platform/words.ts';
import { lineOf } from './words.ts';

/** Lines of a dialog: more is in the log. */
const SHOWN_FILES = 12;

export interface Decision {
  selfRunning: boolean;
  /** Some files do not fit, and the others are wanted all the same. */
  partly: boolean;
}

/** Asks only when there is something to decide. `next`: buttons for a result of which nothing fits. */
export async function decide({ items }: ApplyPlan, next: readonly Button[] = []): Promise<Decision> {
  const doable = items.filter((item) => item.verdict === 'applies');
  const blocked = items.filter((item) => item.verdict === 'conflict' || item.verdict === 'refused');
  const selfRunning = doable.filter((item) => item.runsByItself);
  const [first] = blocked;
  if (doable.length === 0) {
    if (!first) throw new SentenceError(t('Everything in this result is here already.'));
    throw new SentenceError(
      t('Nothing of this result fits here. {reason}', { reason: lineOf(first, t) }),
      next,
    );
  }
  if (blocked.length > 0) {
    const go = t('Apply the Others');
    const answer = await vscode.window.showWarningMessage(
      t('{count} of {all} files can be applied.', { count: doable.length, all: items.length }),
      { modal: true, detail: `${t('Not applied:')}\n${list(blocked.map((item) => lineOf(item, t)))}` },
      go,
    );
    if (answer !== go) throw new Dismissed();
  }
  const partly = blocked.length > 0;
  if (selfRunning.length === 0) return { selfRunning: false, partly };
  return { selfRunning: await askOfSelfRunning(selfRunning, doable.length > selfRunning.length), partly };
}

async function askOfSelfRunning(items: readonly PlanItem[], areOthers: boolean): Promise<boolean> {
  const all = t('Apply Them Too');
  const without = t('Leave Them Out');
  const answer = await vscode.window.showWarningMessage(
    items.length === 1
      ? t('This result changes 1 file that runs by itself.')
      : t('This result changes {count} files that run by themselves.', { count: items.length }),
    {
      modal: true,
      detail: `${list(items.map((item) => item.path.path))}\n\n${t('An editor, a shell, a hook or a CI service runs such files without asking. Read them first.')}`,
    },
    all,
    ...(areOthers ? [without] : []),
  );
  if (answer === undefined) throw new Dismissed();
  return answer === all;
}

export function list(lines: readonly string[]): string {
  const shown = lines.slice(0, SHOWN_FILES).map((line) => `• ${line}`);
  if (lines.length > SHOWN_FILES) shown.push(t('… and {count} more', { count: lines.length - SHOWN_FILES }));
  return shown.join('\n');
}
