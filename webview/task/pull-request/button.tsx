/** In the header: the way to a pull request, and to what came of it. */
import { pullRequestIcon, pullRequestLabel } from '../../../client/words/index.ts';
import type { TaskSummary } from '../../../protocol/rpc.ts';
import { hasEnded } from '../../states.ts';
import { Button, Icon } from '../../ui/index.tsx';
import { t } from '../../words.ts';
import { CARD_ID } from './card.tsx';
import type { PullRequestPage } from './use-pull-request.ts';

interface ButtonProps {
  task: TaskSummary | null;
  page: PullRequestPage;
  /** There are changed files. */
  files: number;
  /** The holder knows of no reason why there could be none. */
  possible: boolean;
  newer: boolean;
}

export function PullRequestButton({ task, page, files, possible, newer }: ButtonProps) {
  if (!task || !possible || files === 0 || !hasEnded(task.state)) return null;
  const { desk, actions } = page;
  const state = task.pullRequest?.state;
  if (state === 'publishing' || (state !== undefined && !newer)) return null;
  const busy = desk.doing === 'reading' || desk.doing === 'publishing';
  return (
    <Button
      icon={state === 'open' ? 'repo-push' : 'git-pull-request-create'}
      label={state === 'open' ? t('Update Pull Request') : t('Create Pull Request')}
      busy={busy}
      onClick={() => actions.prepare()}
    />
  );
}

export function PullRequestChip({ task }: { task: TaskSummary | null }) {
  const view = task?.pullRequest;
  if (!view) return null;
  return (
    <button
      type="button"
      class="chip"
      title={t('Show the pull request')}
      onClick={() => document.getElementById(CARD_ID)?.scrollIntoView({ block: 'center' })}
    >
      <Icon name={pullRequestIcon(view)} />
      <span>{pullRequestLabel(view, t)}</span>
    </button>
  );
}
