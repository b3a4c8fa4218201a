/** Which task a command is about: what a menu or a page names, else what the person picks. */
import * as vscode from 'vscode';
import type { TaskSummary } from '../protocol/rpc.ts';
import { Dismissed, SentenceError, t } from './platform/words.ts';
import { describeRow } from './tasks/describe.ts';
import type { TaskStore } from './tasks/store.ts';

/** A tree's node, a task's id, or nothing. */
export function taskIdOf(argument: unknown): string | null {
  if (typeof argument === 'string') return argument;
  if (typeof argument !== 'object' || argument === null || !('task' in argument)) return null;
  const { task } = argument;
  return typeof task === 'object' && task !== null && 'id' in task && typeof task.id === 'string'
    ? task.id
    : null;
}

export async function pickTask(
  store: TaskStore,
  argument: unknown,
  title: string,
  fits: (task: TaskSummary) => boolean,
): Promise<string> {
  const named = taskIdOf(argument);
  if (named !== null) return named;
  const tasks = store.tasks
    .filter((task) => !task.archived && fits(task))
    .sort((a, b) => b.updatedAt - a.updatedAt);
  if (tasks.length === 0) throw new SentenceError(t('There is no task for which this can be done.'));
  const [only] = tasks;
  if (only && tasks.length === 1) return only.id;
  const items = tasks.map((task) => {
    const words = describeRow(
      { kind: 'task', key: task.requestId, task },
      { applied: false, stopping: store.isStopping(task.id), access: 'off' },
      t,
    );
    return {
      label: words.label,
      description: words.description,
      iconPath: new vscode.ThemeIcon(words.icon.id.replace('~spin', '')),
      id: task.id,
    };
  });
  const picked = await vscode.window.showQuickPick(items, { title, matchOnDescription: true });
  if (!picked) throw new Dismissed();
  return picked.id;
}
