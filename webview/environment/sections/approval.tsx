/** When a person is asked before a command of the agent runs. */
import { Select, TextBlock } from '../../ui/fields.tsx';
import { t } from '../../words.ts';
import type { Policy } from '../form.ts';
import { fieldWords } from '../words.ts';
import { Section, type SectionProps } from './section.tsx';

export function ApprovalSection({ form, problems, actions }: SectionProps) {
  return (
    <Section id="approval" title={fieldWords('approval')}>
      <div class="grid wide">
        <Select<Policy>
          id="approval-policy"
          label={t('Ask before a command runs')}
          value={form.policy}
          options={[
            { value: 'unset', label: t('Never (default)') },
            { value: 'never', label: t('Never') },
            { value: 'onRisk', label: t('When it is risky') },
            { value: 'always', label: t('Always') },
          ]}
          onChange={(policy) => actions.set({ policy })}
        />
      </div>
      <div class="grid wide">
        <TextBlock
          id="approval-allow"
          label={t('Allowed commands')}
          hint={t(
            'One a line: first words such as npm test, or a pattern with *. They run without a question.',
          )}
          problem={problems.get('allow')}
          value={form.allow}
          rows={2}
          onInput={(allow) => actions.set({ allow })}
        />
        <TextBlock
          id="approval-deny"
          label={t('Denied commands')}
          hint={t('They never run, whatever else is chosen.')}
          problem={problems.get('deny')}
          value={form.deny}
          rows={2}
          onInput={(deny) => actions.set({ deny })}
        />
      </div>
    </Section>
  );
}
