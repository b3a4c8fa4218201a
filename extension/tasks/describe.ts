/** A row of the list as words and an icon. Pure: `t` translates. */
import {
  accessWords,
  errorWords,
  phaseWords,
  pullRequestIcon,
  pullRequestLabel,
  pullRequestStateWords,
  REVIEW_WORDS,
  STATE_WORDS,
  type Translate,
} from '../../client/words/index.ts';
import type { AccessLevel } from '../../protocol/egress.ts';
import type { TaskSummary } from '../../protocol/rpc.ts';
import { hasEnded } from '../../protocol/states.ts';
import type { PendingTask, Row } from './store.ts';

export interface RowWords {
  label: string;
  description: string;
  tooltip: string;
  icon: { id: string; color?: string };
  /** Words that the menus' when-clauses look for. */
  context: string[];
}

/** What the backend's summary does not say of a task. */
export interface RowFacts {
  applied: boolean;
  /** The person stopped it, and it has not ended yet. */
  stopping: boolean;
  /** Of the task's environment. */
  access: AccessLevel;
}

export function describeRow(row: Row, facts: RowFacts, t: Translate): RowWords {
  return row.kind === 'task' ? describeTask(row.task, facts, t) : describePending(row.pending, t);
}

function describePending(pending: PendingTask, t: Translate): RowWords {
  const stages: Record<PendingTask['stage'], string> = {
    connecting: t('connecting', {}),
    snapshot: t('reading the folder', {}),
    pushing: t('sending the repository', {}),
    creating: t('sending', {}),
  };
  return {
    label: pending.title,
    description: stages[pending.stage],
    tooltip: `${pending.title}\n${pending.repoName}`,
    icon: { id: 'loading~spin' },
    context: ['pending'],
  };
}

function describeTask(task: TaskSummary, facts: RowFacts, t: Translate): RowWords {
  const { applied, access } = facts;
  const ended = hasEnded(task.state);
  const stopping = facts.stopping && !ended;
  const context = ['task'];
  if (!ended && !stopping) context.push('cancel');
  if (task.state === 'failed' || task.state === 'cancelled') context.push('retry');
  if (ended) context.push('archive', 'followUp');
  if (task.patch && task.patch.files > 0 && task.state === 'completed' && !applied) context.push('apply');
  if (task.patch && task.patch.files > 0) context.push('result');
  if (task.pullRequest?.url !== undefined) context.push('pullRequest');
  if (applied) context.push('undo');
  // Until a follow-up has gone on from the chosen one.
  if (ended && task.attempts > 1 && task.turns === 1) context.push('choose');
  const place = task.repo.branch === undefined ? task.repo.sha.slice(0, 7) : task.repo.branch;
  return {
    label: task.title,
    description: stopping
      ? t('stopping …', {})
      : [description(task, applied, t), attemptsWords(task, t), ended ? '' : shortAccess(access, t)]
          .filter(Boolean)
          .join(' · '),
    tooltip: [
      task.title,
      `${task.repo.name} · ${place}${task.repo.includesLocal ? ` · ${t('with local changes', {})}` : ''}`,
      stopping ? t('stopping …', {}) : t(STATE_WORDS[task.state], {}),
      ...(task.pullRequest ? [pullRequestWords(task.pullRequest, t)] : []),
      ...(access === 'off' ? [] : [accessWords(access, t)]),
      ...(task.error ? [errorWords(task.error, t).text] : []),
    ].join('\n'),
    icon: icon(task, applied),
    context,
  };
}

function pullRequestWords(view: NonNullable<TaskSummary['pullRequest']>, t: Translate): string {
  const state = pullRequestStateWords(view, t);
  return view.number === undefined
    ? t('Pull request: {state}', { state })
    : t('Pull request #{number} in {repo}: {state}', { number: view.number, repo: view.repo, state });
}

/** One is what everyone expects, and says nothing. */
function attemptsWords(
  { attempts, attemptsDone, chosenAttempt, turns, state }: TaskSummary,
  t: Translate,
): string {
  if (attempts < 2 || turns > 1) return '';
  if (chosenAttempt !== undefined) return t('attempt {attempt}', { attempt: chosenAttempt });
  if (hasEnded(state) || attemptsDone === undefined) return t('{count} attempts', { count: attempts });
  return t('{done} of {all} done', { done: attemptsDone, all: attempts });
}

/** Off is what everyone expects, and says nothing. */
export function shortAccess(access: AccessLevel, t: Translate): string {
  switch (access) {
    case 'off':
      return '';
    case 'limited':
      return t('limited internet', {});
    case 'on':
      return t('internet', {});
  }
}

function description(task: TaskSummary, applied: boolean, t: Translate): string {
  switch (task.state) {
    case 'queued':
    case 'preparing':
    case 'waiting':
      return t(STATE_WORDS[task.state], {});
    case 'running':
      return task.phase ? phaseWords(task.phase, t) : t(STATE_WORDS.running, {});
    case 'failed':
      return task.error ? errorWords(task.error, t).text : t(STATE_WORDS.failed, {});
    case 'cancelled':
      return t(STATE_WORDS.cancelled, {});
    case 'completed': {
      if (task.pullRequest) return pullRequestLabel(task.pullRequest, t);
      if (applied && task.review !== 'partly') return t(REVIEW_WORDS.applied, {});
      if (task.review !== 'open' && task.review !== 'none') return t(REVIEW_WORDS[task.review], {});
      return task.patch && task.patch.files > 0 ? countWords(task.patch, t) : task.mode;
    }
  }
}

export function countWords(patch: NonNullable<TaskSummary['patch']>, t: Translate): string {
  const lines = [patch.added > 0 ? `+${patch.added}` : '', patch.removed > 0 ? `−${patch.removed}` : ''];
  const files = patch.files === 1 ? t('1 file', {}) : t('{count} files', { count: patch.files });
  return [lines.filter(Boolean).join(' '), files].filter(Boolean).join(' · ');
}

function icon(task: TaskSummary, applied: boolean): RowWords['icon'] {
  switch (task.state) {
    case 'queued':
      return { id: 'clock' };
    case 'preparing':
    case 'running':
      return { id: 'sync~spin', color: 'progressBar.background' };
    case 'waiting':
      return { id: 'bell-dot', color: 'list.warningForeground' };
    case 'failed':
      return { id: 'error', color: 'list.errorForeground' };
    case 'cancelled':
      return { id: 'circle-slash' };
    case 'completed':
      if (task.pullRequest)
        return {
          id: pullRequestIcon(task.pullRequest),
          ...(task.pullRequest.state === 'open' ? { color: 'charts.green' } : {}),
          ...(task.pullRequest.state === 'merged' ? { color: 'charts.purple' } : {}),
        };
      if (applied || task.review === 'applied' || task.review === 'partly')
        return { id: 'check', color: 'testing.iconPassed' };
      if (task.review === 'open') return { id: 'circle-filled', color: 'charts.blue' };
      return { id: task.mode === 'ask' ? 'comment' : 'check' };
  }
}
