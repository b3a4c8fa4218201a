/** What shows the tasks outside the list: the badge, the status bar, the notifications at the end. */
import * as vscode from 'vscode';
import type { TaskSummary } from '../../protocol/rpc.ts';
import { groupOf, hasEnded } from '../../protocol/states.ts';
import type { Backend } from '../connection/backend.ts';
import { setting } from '../platform/settings.ts';
import { t } from '../platform/words.ts';
import { errorWords } from '../../client/words/index.ts';
import { countWords } from './describe.ts';
import type { Change, TaskStore } from './store.ts';
import type { TaskNode } from './tree.ts';

export function showBadge(view: vscode.TreeView<TaskNode>, store: TaskStore): () => void {
  const update = () => {
    const count = store.groups().get('needsReview')?.length ?? 0;
    view.badge =
      count === 0
        ? undefined
        : {
            value: count,
            tooltip: count === 1 ? t('1 task needs review') : t('{count} tasks need review', { count }),
          };
  };
  update();
  return store.onChange(update);
}

export function showStatusBar(store: TaskStore, backend: Backend): vscode.Disposable {
  const item = vscode.window.createStatusBarItem('codexTasks.status', vscode.StatusBarAlignment.Left, 1);
  item.name = 'Codex Tasks';
  item.command = 'codexTasks.tasks.focus';
  const update = () => {
    const groups = store.groups();
    const waiting = store.tasks.filter((task) => !task.archived && task.state === 'waiting').length;
    const running = (groups.get('running')?.length ?? 0) - waiting;
    const review = groups.get('needsReview')?.length ?? 0;
    const lost = backend.status.kind === 'lost' || backend.status.kind === 'refused';
    const parts = [
      lost ? '$(debug-disconnect)' : '',
      waiting > 0 ? `$(bell-dot) ${waiting}` : '',
      running > 0 ? `$(sync~spin) ${running}` : '',
      review > 0 ? `$(circle-filled) ${review}` : '',
    ].filter(Boolean);
    item.text = parts.length > 0 ? `Codex ${parts.join(' ')}` : 'Codex';
    const words = [
      lost ? t('The backend does not answer') : t('Connected to {place}', { place: backend.place }),
      ...(waiting === 0
        ? []
        : [waiting === 1 ? t('1 task waits for you') : t('{count} tasks wait for you', { count: waiting })]),
      running === 1 ? t('1 task runs') : t('{count} tasks run', { count: running }),
      review === 1 ? t('1 task needs review') : t('{count} tasks need review', { count: review }),
    ];
    item.tooltip = words.join('\n');
    item.accessibilityInformation = { label: `Codex. ${words.join('. ')}`, role: 'button' };
    if (backend.status.kind === 'none') item.hide();
    else item.show();
  };
  update();
  return vscode.Disposable.from(item, { dispose: store.onChange(update) }, backend.onDidChange(update));
}

/** Only for what ended while this window knew that it ran, and is not in sight already. */
export function notifyEnds(store: TaskStore, isInSight: (taskId: string) => boolean): () => void {
  return store.onChange((changes) => {
    for (const { before, after } of changes.filter(endedNow)) {
      if (before && !isInSight(after.id)) void notify(after);
    }
  });
}

function endedNow({ before, after }: Change): boolean {
  return before !== undefined && !hasEnded(before.state) && hasEnded(after.state);
}

async function notify(task: TaskSummary): Promise<void> {
  const wanted = setting('notifications');
  if (wanted === 'off' || task.state === 'cancelled') return;
  if (task.state === 'failed') {
    const reason = task.error ? errorWords(task.error, t).text : '';
    await offer(
      vscode.window.showWarningMessage,
      t('“{title}” failed. {reason}', { title: task.title, reason }),
      [
        { label: t('Open'), command: 'codexTasks.openTask' },
        { label: t('Retry'), command: 'codexTasks.retryTask' },
      ],
      task.id,
    );
    return;
  }
  if (wanted === 'failures') return;
  const patch = groupOf(task.state, task.review) === 'needsReview' ? task.patch : undefined;
  const reviewable = patch !== undefined && patch.files > 0;
  const text = reviewable
    ? t('“{title}” is done: {counts}.', { title: task.title, counts: countWords(patch, t) })
    : t('“{title}” is done.', { title: task.title });
  await offer(
    vscode.window.showInformationMessage,
    text,
    [
      { label: t('Open'), command: 'codexTasks.openTask' },
      ...(reviewable ? [{ label: t('Apply'), command: 'codexTasks.applyPatch' }] : []),
    ],
    task.id,
  );
}

type Show = (text: string, ...buttons: string[]) => Thenable<string | undefined>;

async function offer(
  show: Show,
  text: string,
  buttons: { label: string; command: string }[],
  taskId: string,
) {
  const answer = await show(text, ...buttons.map((button) => button.label));
  const chosen = buttons.find((button) => button.label === answer);
  if (chosen) await vscode.commands.executeCommand(chosen.command, taskId);
}
