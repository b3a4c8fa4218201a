/**
 * Several attempts at one task: which one is shown, how they compare, which one is the task's. Tabs, moved
 * through by the arrow keys; the comparison stands below them once there is something to compare.
 */
import { useRef } from 'preact/hooks';
import { errorWords, STATE_WORDS } from '../../client/words/index.ts';
import type { TurnState } from '../../protocol/states.ts';
import { duration, short } from '../format.ts';
import { hasEnded } from '../states.ts';
import { Button, Icon } from '../ui/index.tsx';
import { t } from '../words.ts';
import type { AttemptModel } from './attempt.ts';
import { answerLine } from './attempts-model.ts';
import { useNow } from './header.tsx';

interface AttemptsProps {
  attempts: readonly AttemptModel[];
  shown: number;
  chosen: number | undefined;
  show: (attempt: number) => void;
  /** Undefined when there is nothing to choose, or not yet. */
  choose: ((attempt: number) => void) | undefined;
  panel: string;
}

export function Attempts({ attempts, shown, chosen, show, choose, panel }: AttemptsProps) {
  const group = useRef<HTMLDivElement>(null);
  const move = (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const at = attempts.findIndex(({ attempt }) => attempt === shown);
    const next = (at + step + attempts.length) % attempts.length;
    const to = attempts[next];
    if (!to) return;
    show(to.attempt);
    (group.current?.children[next] as HTMLElement | undefined)?.focus();
  };
  return (
    <section class="attempts" aria-label={t('Attempts')}>
      <div class="attempts-bar">
        <div class="tabs" role="tablist" aria-label={t('Attempts')} ref={group} onKeyDown={move}>
          {attempts.map((one) => (
            <button
              key={one.attempt}
              type="button"
              role="tab"
              id={`${panel}-tab-${one.attempt}`}
              aria-selected={one.attempt === shown}
              aria-controls={panel}
              tabIndex={one.attempt === shown ? 0 : -1}
              onClick={() => show(one.attempt)}
            >
              <StateIcon state={one.state} />
              <span>{t('Attempt {attempt}', { attempt: one.attempt })}</span>
              <Lines attempt={one} />
              {one.attempt === chosen && <Icon name="check" label={t('chosen')} />}
            </button>
          ))}
        </div>
        <span class="grow" />
        {choose && shown !== chosen && (
          <Button
            look={chosen === undefined ? 'primary' : 'secondary'}
            icon="check"
            label={t('Use This Attempt')}
            onClick={() => choose(shown)}
          />
        )}
      </div>
      {attempts.some(({ state }) => hasEnded(state)) && (
        <Comparison attempts={attempts} shown={shown} chosen={chosen} show={show} />
      )}
    </section>
  );
}

function Lines({ attempt: { patch } }: { attempt: AttemptModel }) {
  if (!patch || patch.summary.files === 0) return null;
  const { added, removed } = patch.summary;
  return (
    <span class="counts">
      <span class="added">+{added}</span>
      <span class="removed">−{removed}</span>
    </span>
  );
}

const STATE_ICONS: Record<TurnState, string> = {
  queued: 'clock',
  preparing: 'sync',
  running: 'sync',
  waiting: 'bell-dot',
  completed: 'pass',
  failed: 'error',
  cancelled: 'circle-slash',
};

function StateIcon({ state }: { state: TurnState }) {
  return (
    <Icon
      name={STATE_ICONS[state]}
      spin={state === 'running' || state === 'preparing'}
      label={t(STATE_WORDS[state])}
    />
  );
}

type ComparisonProps = Pick<AttemptsProps, 'attempts' | 'shown' | 'chosen' | 'show'>;

function Comparison({ attempts, shown, chosen, show }: ComparisonProps) {
  const now = useNow(attempts.some(({ state }) => !hasEnded(state)));
  return (
    <div class="comparison">
      <table>
        <thead>
          <tr>
            <th scope="col">{t('Attempt')}</th>
            <th scope="col">{t('State')}</th>
            <th scope="col">{t('Files')}</th>
            <th scope="col">{t('Lines')}</th>
            <th scope="col">{t('Time')}</th>
            <th scope="col">{t('Tokens')}</th>
            <th scope="col">{t('Answer')}</th>
          </tr>
        </thead>
        <tbody>
          {attempts.map((one) => {
            const { attempt, state, patch, usage, durationMs, startedAt } = one;
            return (
              <tr key={attempt} class={attempt === shown ? 'shown' : ''}>
                <th scope="row">
                  <button
                    type="button"
                    class="text-button"
                    aria-label={t('Show attempt {attempt}', { attempt })}
                    onClick={() => show(attempt)}
                  >
                    {attempt === chosen ? t('{attempt}, chosen', { attempt }) : String(attempt)}
                  </button>
                </th>
                <td>{t(STATE_WORDS[state])}</td>
                <td>{patch ? patch.summary.files : '–'}</td>
                <td>{patch ? <Lines attempt={one} /> : '–'}</td>
                <td>{duration(durationMs ?? Math.max(0, now - startedAt))}</td>
                <td>{usage ? short(usage.inputTokens + usage.outputTokens) : '–'}</td>
                <td class="answer">{one.error ? errorWords(one.error, t).text : answerLine(one)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
