/** The top of a task's page: title, what can be done next, what it is about, where it stands. */
import { useEffect, useState } from 'preact/hooks';
import { phaseWords, roughWords, STATE_WORDS } from '../../client/words/index.ts';
import type { WireError } from '../../protocol/errors.ts';
import type { TaskHostState } from '../../protocol/pages.ts';
import type { TaskSummary } from '../../protocol/rpc.ts';
import type { Phase } from '../../protocol/states.ts';
import { hasEnded } from '../states.ts';
import { clock, duration } from '../format.ts';
import { Button, Icon } from '../ui/index.tsx';
import { t } from '../words.ts';
import { savedBy } from './environment/entry.ts';
import { AccessChip } from './internet/chip.tsx';
import type { AttemptModel, PhaseModel } from './attempt.ts';
import type { TaskModel, TurnModel } from './model.ts';
import { PullRequestButton, PullRequestChip } from './pull-request/button.tsx';
import type { PullRequestPage } from './pull-request/use-pull-request.ts';
import { UsageChip } from './usage.tsx';

export interface HeaderActions {
  stop: () => void;
  retry: () => void;
  apply: () => void;
  /** To a branch or a worktree. */
  applyTo: () => void;
  undo: () => void;
}

interface HeaderProps {
  model: TaskModel;
  /** The attempt of the newest turn that is looked at. */
  shown: AttemptModel | undefined;
  task: TaskSummary | null;
  host: TaskHostState;
  actions: HeaderActions;
  /** Of internet access, which the chip opens. */
  log: { open: boolean; toggle: () => void };
  /** An attempt has to be chosen: that is the next step, and no other button is filled. */
  choose: boolean;
  pullRequest: PullRequestPage;
  /** A result that the pull request's branch does not have yet. */
  newer: boolean;
  /** Its form is open: the next step is there. */
  asks: boolean;
}

export function Header(props: HeaderProps) {
  const { model, shown, task, host, actions, log, choose, pullRequest, newer, asks } = props;
  const turn = model.turns.at(-1);
  const state = task?.state ?? turn?.state ?? 'queued';
  const files = shown?.patch?.summary.files ?? task?.patch?.files ?? 0;
  const running = !hasEnded(state);
  return (
    <header>
      <div class="title">
        <h1>{task?.title ?? model.title}</h1>
        {running && (
          <Button
            icon="debug-stop"
            label={host.busy === 'stop' ? t('Stopping …') : t('Stop')}
            busy={host.busy === 'stop'}
            onClick={actions.stop}
          />
        )}
        {(state === 'failed' || state === 'cancelled') && (
          <Button
            look={choose || hasNextStep(shown?.error ?? turn?.error) ? 'secondary' : 'primary'}
            icon="refresh"
            label={t('Retry')}
            onClick={actions.retry}
          />
        )}
        {host.applied && (
          <Button icon="discard" label={t('Undo Apply')} busy={host.busy === 'undo'} onClick={actions.undo} />
        )}
        {host.canApply && files > 0 && (
          <Button icon="git-branch" iconOnly label={t('Apply To…')} onClick={actions.applyTo} />
        )}
        <PullRequestButton
          task={task}
          page={pullRequest}
          files={choose ? 0 : files}
          possible={host.pullRequests === true}
          newer={newer}
        />
        {host.canApply && files > 0 && !host.applied && (
          <Button
            look={
              choose || asks || running || state !== 'completed' || isSeenTo(task) ? 'secondary' : 'primary'
            }
            icon="git-pull-request-go-to-changes"
            label={files === 1 ? t('Apply 1 file') : t('Apply {count} files', { count: files })}
            busy={host.busy === 'apply'}
            onClick={actions.apply}
          />
        )}
      </div>
      <div class="chips" role="group" aria-label={t('About this task')}>
        {task && (
          <>
            <Chip icon="repo" text={task.repo.name} />
            <Chip icon="git-branch" text={commitWords(task)} title={task.repo.headSha ?? task.repo.sha} />
          </>
        )}
        {model.sandbox && (
          <Chip
            icon={model.sandbox.kind === 'docker' ? 'package' : 'vm'}
            text={model.sandbox.kind === 'docker' ? t('container') : t('local sandbox')}
          />
        )}
        <AccessChip
          level={model.access ?? host.internet?.level ?? 'off'}
          sentence={host.internet?.sentence}
          open={log.open}
          onClick={log.toggle}
        />
        <PullRequestChip task={task} />
        <UsageChip model={model} shown={shown} />
        {host.connection !== 'connected' && (
          <Chip
            icon="debug-disconnect"
            text={host.connection === 'lost' ? t('Reconnecting …') : t('Connecting …')}
          />
        )}
      </div>
      <PhaseBar turn={turn} shown={shown} state={state} />
    </header>
  );
}

/** Something has become of its result. */
function isSeenTo(task: TaskSummary | null): boolean {
  return task?.review === 'applied' || task?.pullRequest !== undefined;
}

/** Something better than trying the same again. */
function hasNextStep(error: WireError | undefined): boolean {
  return error !== undefined && (error.action !== undefined || error.code === 'setupFailed');
}

function Chip({ icon, text, title }: { icon: string; text: string; title?: string }) {
  return (
    <span class="chip" title={title ?? text}>
      <Icon name={icon} />
      <span>{text}</span>
    </span>
  );
}

function commitWords(task: TaskSummary): string {
  const sha = (task.repo.headSha ?? task.repo.sha).slice(0, 7);
  const place = task.repo.branch === undefined ? sha : `${task.repo.branch} @ ${sha}`;
  return task.repo.includesLocal ? t('{place} + local changes', { place }) : place;
}

/** Always these; the others only when the turn has them. */
const USUAL: readonly Phase[] = ['checkout', 'agent', 'patch'];
interface PhaseBarProps {
  turn: TurnModel | undefined;
  shown: AttemptModel | undefined;
  state: TaskSummary['state'];
}

/** Its own, and of what was done for several at once, what it has none of. */
function phasesOf(turn: TurnModel | undefined, shown: AttemptModel | undefined): PhaseModel[] {
  const own = shown?.phases ?? [];
  const shared = (turn?.attempts ?? []).flatMap(({ attempt, phases }) =>
    // What prepares the environment is told of the first one.
    attempt === 1 ? phases.filter(({ phase }) => phase === 'setup') : [],
  );
  return [...shared.filter(({ phase }) => !own.some((one) => one.phase === phase)), ...own];
}

const ORDER: readonly Phase[] = ['setup', 'checkout', 'maintenance', 'agent', 'patch'];

function PhaseBar({ turn, shown, state }: PhaseBarProps) {
  const known = phasesOf(turn, shown);
  const running = known.some((phase) => phase.durationMs === undefined) && !hasEnded(state);
  const now = useNow(running);
  const saved = savedBy((turn?.attempts ?? []).flatMap(({ entries }) => entries));
  const phases = ORDER.filter(
    (phase) =>
      known.some((one) => one.phase === phase) ||
      (phase === 'setup' && saved) ||
      (USUAL.includes(phase) && !(phase === 'patch' && turn !== undefined && turn.mode !== 'code')),
  );
  return (
    <ol class="phases" aria-label={t('Progress')}>
      {phases.map((phase) => {
        const its = known.find((one) => one.phase === phase);
        const active = its !== undefined && its.durationMs === undefined && running;
        const cached = !its && phase === 'setup' ? saved : undefined;
        const look = cached ? 'ok' : !its ? 'pending' : active ? 'active' : (its.outcome ?? 'cancelled');
        const parts: string[] = [];
        if (cached) {
          const { savedMs } = cached;
          parts.push(
            savedMs === undefined ? t('cached') : t('cached, saved {time}', { time: roughWords(savedMs) }),
          );
        }
        if (its?.durationMs !== undefined) parts.push(duration(its.durationMs));
        // Its time does not run while a person is waited for.
        else if (active && phase === 'agent' && shown?.state === 'waiting')
          parts.push(t(STATE_WORDS.waiting));
        else if (its && active) parts.push(clock(now - its.startedAt));
        const commands = shown?.commands ?? 0;
        if (phase === 'agent' && commands > 0)
          parts.push(commands === 1 ? t('1 command') : t('{count} commands', { count: commands }));
        if (look === 'failed' || look === 'cancelled') parts.push(t(STATE_WORDS[look]));
        return (
          <li key={phase} class={`${look} ${phase}`} aria-current={active ? 'step' : undefined}>
            <span class="name">{t(phase === 'patch' ? 'Result' : phaseWords(phase))}</span>{' '}
            {parts.join(' · ')}
          </li>
        );
      })}
    </ol>
  );
}

/** The time, once a second while something runs. */
export function useNow(running: boolean): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    if (!running) return;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [running]);
  return now;
}
