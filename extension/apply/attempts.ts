/** Which attempt's result is meant: the one that is looked at, the chosen one, or the one that a person picks. */
import * as vscode from 'vscode';
import type { AttemptView, TaskView, TurnView } from '../../protocol/rpc.ts';
import { Dismissed, SentenceError, t } from '../platform/words.ts';
import { countWords } from '../tasks/describe.ts';

export interface Result {
  turn: TurnView;
  attempt: AttemptView;
}

/** Of the newest turn that changed files. */
export async function resultOf(task: TaskView, wanted: number | undefined): Promise<Result> {
  const turn = task.turnList.findLast((one) => one.attempts.some(hasFiles));
  if (!turn) throw new SentenceError(t('This task has no result that could be applied.'));
  const results = turn.attempts.filter(hasFiles);
  const number = wanted ?? task.chosenAttempt ?? (results.length > 1 ? await pick(task, results) : undefined);
  const attempt = number === undefined ? results[0] : results.find((one) => one.attempt === number);
  if (!attempt)
    throw new SentenceError(
      t('Attempt {attempt} has no result that could be applied.', { attempt: number ?? 1 }),
    );
  return { turn, attempt };
}

/** For `Codex: Choose Attempt…`: of all that changed something or answered. */
export async function pickAttempt(task: TaskView): Promise<number> {
  const attempts = (task.turnList[0]?.attempts ?? []).filter(
    ({ state, patch }) => state === 'completed' || patch !== undefined,
  );
  if (attempts.length === 0) throw new SentenceError(t('No attempt has a result yet.'));
  return pick(task, attempts);
}

async function pick(task: TaskView, attempts: readonly AttemptView[]): Promise<number> {
  const picked = await vscode.window.showQuickPick(
    attempts.map(({ attempt, patch, answer }) => ({
      label: t('Attempt {attempt}', { attempt }),
      description: [
        attempt === task.chosenAttempt ? t('chosen') : '',
        patch && patch.files > 0 ? countWords(patch, t) : '',
      ]
        .filter((part) => part !== '')
        .join(' · '),
      ...(answer ? { detail: answer.trim().split('\n')[0] ?? '' } : {}),
      attempt,
    })),
    { title: t('Which attempt of “{title}”?', { title: task.title }) },
  );
  if (!picked) throw new Dismissed();
  return picked.attempt;
}

function hasFiles({ patch }: AttemptView): boolean {
  return (patch?.files ?? 0) > 0;
}
