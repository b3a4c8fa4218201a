/** Internet access of both phases: what it is now; it is changed in VS Code's own dialogs. */
import { policyWords, riskWords } from '../../../client/words/index.ts';
import { accessLevel } from '../../../protocol/egress.ts';
import { Button, Icon, Link } from '../../ui/index.tsx';
import { t } from '../../words.ts';
import { Section, type SectionProps } from './section.tsx';

export function InternetSection({ opened, actions }: SectionProps) {
  const { internet } = opened.environment;
  const rows = [
    { phase: 'agent', label: t('While the agent works'), button: t('Change the Agent’s Access …') },
    { phase: 'setup', label: t('During setup'), button: t('Change the Setup’s Access …') },
  ] as const;
  return (
    <Section id="internet" title={t('Internet access')}>
      {rows.map(({ phase, label, button }) => {
        const off = accessLevel(internet[phase]) === 'off';
        return (
          <div class="row access" key={phase}>
            <Icon name={off ? 'lock' : 'globe'} />
            <div class="grow">
              <strong>{label}</strong>
              <div class="field-hint">{policyWords(internet[phase], t)}</div>
            </div>
            <Button label={button} onClick={() => actions.internet(phase)} />
          </div>
        );
      })}
      <p class="field-hint">
        {riskWords(t)[0]} <Link onClick={actions.learnMore}>{t('Learn More')}</Link>
      </p>
    </Section>
  );
}
