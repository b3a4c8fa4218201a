/** The page's own state of the task's pull request: the desk as the holder tells it, and what can be asked for. */
import { useMemo, useRef, useState } from 'preact/hooks';
import type { PageParams, PullRequestDesk, PullRequestOffer } from '../../../protocol/pages.ts';
import { isOwnAlone, type PullRequestView } from '../../../protocol/pull-request.ts';
import type { TaskSummary } from '../../../protocol/rpc.ts';
import type { PageHost } from '../../host.ts';

export interface PullRequestActions {
  prepare: (asked?: { localChanges?: 'include' | 'leaveOut' }) => void;
  take: (offer: PullRequestOffer) => void;
  publish: (written: PageParams<'task.publishPullRequest'>) => void;
  keep: (kept: string) => void;
  leave: () => void;
  refresh: () => void;
  openPage: () => void;
  followUp: () => void;
}

export interface PullRequestPage {
  desk: PullRequestDesk;
  onDesk: (desk: PullRequestDesk) => void;
  actions: PullRequestActions;
}

/** What the page shows when something is asked for. */
export interface Looked {
  /** Of several attempts. */
  attempt: number | undefined;
  view: PullRequestView | undefined;
}

export function usePullRequest(
  host: PageHost,
  request: (promise: Promise<void>) => void,
  looked: () => Looked,
): PullRequestPage {
  const [desk, setDesk] = useState<PullRequestDesk>({ doing: 'nothing' });
  const now = useRef(desk);
  now.current = desk;
  const shown = useRef(looked);
  shown.current = looked;
  const actions = useMemo<PullRequestActions>(() => {
    const prepare = (asked: { localChanges?: 'include' | 'leaveOut'; own?: boolean } = {}) => {
      const { attempt, view } = shown.current();
      const own = asked.own ?? now.current.form?.own ?? (view?.state === 'open' && isOwnAlone(view));
      request(
        host.request('task.preparePullRequest', {
          ...{ own, ...(attempt === undefined ? {} : { attempt }) },
          ...(asked.localChanges === undefined ? {} : { localChanges: asked.localChanges }),
        }),
      );
    };
    return {
      prepare,
      take: (offer) => {
        if (offer === 'connect') request(host.request('task.connectForge', {}));
        else prepare(offer === 'own' ? { own: true } : {});
      },
      publish: (written) => request(host.request('task.publishPullRequest', written)),
      keep: (kept) => void host.request('task.keepPullRequest', { kept }).catch(() => undefined),
      leave: () => request(host.request('task.leavePullRequest', {})),
      refresh: () => request(host.request('task.refreshPullRequest', {})),
      openPage: () => request(host.request('task.openPullRequest', {})),
      followUp: () => request(host.request('task.followUpPullRequest', {})),
    };
  }, []);
  return { desk, onDesk: setDesk, actions };
}

/** Whether the form stands over the log. An update in which nothing is to be decided has none: its card tells. */
export function isFormOpen({ form, doing, problem }: PullRequestDesk, task: TaskSummary | null): boolean {
  const none = form ? !form.asks : task?.pullRequest?.state === 'open';
  if (none) return false;
  if (problem) return problem.at === 'form';
  return form !== undefined || doing === 'reading';
}
