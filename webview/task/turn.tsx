/** One turn: its prompt, what happened in the attempt that is shown, what it ended with. */
import { useMemo, useRef, useState } from 'preact/hooks';
import type { ErrorAction } from '../../protocol/errors.ts';
import type { Finding, FollowUp } from '../../protocol/report.ts';
import type { TaskSummary } from '../../protocol/rpc.ts';
import type { PageHost } from '../host.ts';
import { Markdown } from '../markdown/view.tsx';
import { hasEnded } from '../states.ts';
import { Icon } from '../ui/index.tsx';
import { t } from '../words.ts';
import type { DenialActions, EntryActions, ReportActions } from './actions.ts';
import { answerIsShown, type AttemptModel } from './attempt.ts';
import { Attempts } from './attempts.tsx';
import { attemptsOf } from './attempts-model.ts';
import { EntryView } from './entries.tsx';
import { SetupFailure } from './environment/failure.tsx';
import { PromptImages, type Pictures } from './images.tsx';
import { waitingSteers, type TurnModel } from './model.ts';
import { followUpId } from './report-model.ts';
import { ReportView } from './report.tsx';
import { Failure, Files } from './result.tsx';

export interface TurnPage {
  host: PageHost;
  task: TaskSummary | null;
  taskId: string;
  request: (promise: Promise<void>) => void;
  act: (action: ErrorAction) => void;
  pictures: Pictures;
  /** Request ids of suggested tasks that were started. */
  started: readonly string[];
  /** Sends a turn that mends it; undefined while none can be sent. */
  fix: ((finding: Finding) => Promise<void>) | undefined;
  folded: (id: string) => boolean | undefined;
  setFolded: (id: string, folded: boolean) => void;
  show: (attempt: number) => void;
  choose: ((attempt: number) => void) | undefined;
  chosen: number | undefined;
}

interface TurnProps {
  turn: TurnModel;
  shown: AttemptModel | undefined;
  /** The page's newest command. */
  newest: string | undefined;
  internet: DenialActions;
  /** A terminal in its sandbox can be opened. */
  terminal: boolean;
  page: TurnPage;
}

export function Turn({ turn, shown, newest, internet, terminal, page }: TurnProps) {
  const { host, request, task } = page;
  const attempts = attemptsOf(turn, task?.attempts ?? 1);
  const several = attempts.length > 1;
  const number = shown?.attempt ?? 1;
  const article = useRef<HTMLElement>(null);
  const [missing, setMissing] = useState(0);
  const showCommand = (wanted: number) => setMissing(revealCommand(article.current, wanted) ? 0 : wanted);
  const actions = useMemo<EntryActions>(
    () => ({
      openLink: (href) => request(host.request('task.openLink', { href })),
      openFile: (place) => request(host.request('task.openFile', place)),
      showCommand,
      openLog: () => request(host.request('task.openLog', { turn: turn.turn, attempt: Math.max(1, number) })),
      approve: (approvalId, answer) => {
        const said = host.request('task.approve', { approvalId, answer });
        request(said);
        return said;
      },
      environment: {
        open: () => request(host.request('task.environment', {})),
        approve: (what) => request(host.request('task.approveScript', what)),
      },
      internet,
      // Attempts may give their commands the same ids.
      folded: (id) => page.folded(several ? `${number}/${id}` : id),
      setFolded: (id, folded) => page.setFolded(several ? `${number}/${id}` : id, folded),
    }),
    [turn.turn, number, several, internet],
  );
  const openPatch = (path?: string) =>
    request(
      host.request('task.openPatch', {
        turn: turn.turn,
        attempt: number,
        ...(path === undefined ? {} : { path }),
      }),
    );
  const panel = `turn-${turn.turn}-flow`;
  const flow = shown && (
    <Flow {...{ turn, attempt: shown, newest, terminal, page, actions, openPatch }} several={several} />
  );
  return (
    <article ref={article}>
      {turn.prompt !== '' && <div class="prompt">{turn.prompt}</div>}
      {turn.images.length > 0 && <PromptImages images={turn.images} pictures={page.pictures} />}
      {several && (
        <Attempts
          attempts={attempts}
          shown={number}
          chosen={page.chosen}
          show={page.show}
          choose={page.choose}
          panel={panel}
        />
      )}
      <div
        key={number}
        class="flow"
        id={panel}
        {...(several ? { role: 'tabpanel', 'aria-labelledby': `${panel}-tab-${number}` } : {})}
      >
        {flow ?? <Working queued={turn.state === 'queued'} />}
      </div>
      {missing > 0 && (
        <div class="notice" role="status">
          <Icon name="info" />
          <span>{t('Command {number} is not on this page; the full log has it.', { number: missing })}</span>
        </div>
      )}
    </article>
  );
}

interface FlowProps {
  turn: TurnModel;
  attempt: AttemptModel;
  several: boolean;
  newest: string | undefined;
  terminal: boolean;
  page: TurnPage;
  actions: EntryActions;
  openPatch: (path?: string) => void;
}

function Flow({ turn, attempt, several, newest, terminal, page, actions, openPatch }: FlowProps) {
  const { host, request, act } = page;
  const state = several ? attempt.state : turn.state;
  const live = !hasEnded(state);
  const { report } = attempt;
  const error = attempt.error ?? (state === 'failed' ? turn.error : undefined);
  // What runs on beside the agent is no sign of what the agent does.
  const idle =
    live &&
    state !== 'waiting' &&
    !attempt.entries.some((entry) => entry.kind === 'command' && !entry.item.end && !entry.item.background);
  const on: ReportActions = {
    start: (followUp, index) => started(page, turn, attempt, followUp, index),
    isStarted: (followUp, index) =>
      page.started.includes(followUpId(whereOf(page, turn, attempt), index, followUp)),
    fix: page.fix,
    copy: (text) => {
      const copied = host.request('task.copy', { text });
      request(copied);
      return copied;
    },
  };
  return (
    <>
      {attempt.entries.map((entry) => (
        <EntryView
          key={entry.id}
          entry={entry}
          rev={entry.rev}
          live={live}
          newest={entry.id === newest}
          actions={actions}
        />
      ))}
      {waitingSteers(turn, attempt).map(({ id, text }) => (
        <div key={id} class="said-waiting">
          <div class="prompt waiting">{text}</div>
          <span class="hint">
            <Icon name={live ? 'clock' : 'circle-slash'} />
            {live
              ? t('The agent gets it with its next request.')
              : t('The turn ended before the agent got this.')}
          </span>
        </div>
      ))}
      {!answerIsShown(attempt) && attempt.answer !== undefined && (
        <div class="message">
          <Markdown text={attempt.answer} actions={actions} />
        </div>
      )}
      {attempt.patch && attempt.patch.summary.files > 0 && (
        <Files patch={attempt.patch} openPatch={openPatch} />
      )}
      {report && <ReportView report={report} actions={actions} on={on} />}
      {state === 'failed' &&
        error &&
        (error.code === 'setupFailed' ? (
          <SetupFailure
            error={error}
            terminal={terminal ? () => request(host.request('task.openTerminal', {})) : undefined}
            open={actions.environment.open}
            retry={() => request(host.request('task.retry', {}))}
          />
        ) : (
          <Failure error={error} act={act} />
        ))}
      {state === 'cancelled' && (
        <div class="notice">
          <Icon name="circle-slash" />
          <span>{t('Stopped. What it had done by then is kept.')}</span>
        </div>
      )}
      {idle && <Working queued={state === 'queued'} />}
    </>
  );
}

function Working({ queued }: { queued: boolean }) {
  return (
    <div class="notice working">
      <Icon name="loading" spin />
      <span>{queued ? t('Waiting for its turn …') : t('Working …')}</span>
    </div>
  );
}

function whereOf(page: TurnPage, { turn }: TurnModel, { attempt }: AttemptModel) {
  return { taskId: page.taskId, turn, attempt };
}

function started(
  page: TurnPage,
  turn: TurnModel,
  attempt: AttemptModel,
  followUp: FollowUp,
  index: number,
): Promise<void> {
  const requestId = followUpId(whereOf(page, turn, attempt), index, followUp);
  const asked = page.host.request('task.startFollowUp', { requestId, prompt: followUp.prompt });
  page.request(asked);
  return asked;
}

/** Unfolds what a command printed and brings it into sight; false where it is not on the page. */
function revealCommand(article: HTMLElement | null, number: number): boolean {
  const selector = `[data-number="${number}"]`;
  const found = article?.querySelector(selector) ?? document.querySelector(selector);
  const head = found?.querySelector<HTMLButtonElement>('.head');
  if (!found || !head) return false;
  if (head.getAttribute('aria-expanded') === 'false') head.click();
  head.focus({ preventScroll: true });
  requestAnimationFrame(() => found.scrollIntoView({ block: 'nearest' }));
  return true;
}
