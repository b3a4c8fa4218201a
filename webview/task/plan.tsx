/** The agent's plan: a list that stays where it was made, and how much of it is done. */
import { plainText } from '../../client/words/index.ts';
import { Icon } from '../ui/index.tsx';
import { t } from '../words.ts';
import type { PlanSteps } from './attempt.ts';

export function Plan({ steps, live }: { steps: PlanSteps; live: boolean }) {
  const done = steps.filter(({ state }) => state === 'completed').length;
  return (
    <section class="plan" aria-label={t('Plan')}>
      <h2>
        {t('Plan')} <span class="size">{t('{done} of {all}', { done, all: steps.length })}</span>
      </h2>
      <ul>
        {steps.map((step, at) => (
          <li key={at} class={step.state} aria-current={step.state === 'inProgress' ? 'step' : undefined}>
            <StepIcon state={step.state} live={live} />
            <span>{plainText(step.text)}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function StepIcon({ state, live }: { state: PlanSteps[number]['state']; live: boolean }) {
  switch (state) {
    case 'completed':
      return <Icon name="pass-filled" label={t('done')} />;
    case 'inProgress':
      return <Icon name={live ? 'sync' : 'circle-large'} spin={live} label={t('in progress')} />;
    case 'pending':
      return <Icon name="circle-large" label={t('pending')} />;
  }
}
