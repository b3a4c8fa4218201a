/** Which model works in this environment, and how much it thinks. Where its requests go is the owner's. */
import { effortWords } from '../../../client/words/index.ts';
import { Effort } from '../../../protocol/states.ts';
import { Select } from '../../ui/fields.tsx';
import { t } from '../../words.ts';
import { fieldWords } from '../words.ts';
import { Section, type SectionProps } from './section.tsx';

export function ModelSection({ form, opened: { models }, actions }: SectionProps) {
  const [standard] = models;
  const known = models.find(({ name }) => name === form.model);
  const several = new Set(models.map(({ connection }) => connection)).size > 1;
  const label = ({ name, connection }: (typeof models)[number]) =>
    several && connection !== undefined && !name.startsWith(`${connection}/`)
      ? `${name} · ${connection}`
      : name;
  const isGone = form.model !== '' && !known;
  // Nobody knows what an unknown one takes.
  const meant = form.model === '' ? standard : known;
  const efforts = meant ? (meant.efforts ?? []) : Effort.options;
  const isOffered = (effort: Effort) => effort === form.effort || efforts.includes(effort);
  return (
    <Section
      id="model"
      title={fieldWords('model')}
      about={t('A task can ask for another one. Which models there are is set up in the backend.')}
    >
      <div class="grid">
        <Select
          id="model-name"
          label={fieldWords('model')}
          value={form.model}
          options={[
            {
              value: '',
              label: standard ? t('{value} (default)', { value: standard.name }) : t('the backend’s own'),
            },
            ...models.map((model) => ({ value: model.name, label: label(model) })),
            ...(isGone
              ? [
                  {
                    value: form.model,
                    label: models.length > 0 ? t('{model} (not there)', { model: form.model }) : form.model,
                  },
                ]
              : []),
          ]}
          onChange={(model) => actions.set({ model })}
        />
        <Select<Effort | 'unset'>
          id="model-effort"
          label={fieldWords('effort')}
          hint={t('How much it thinks before it acts.')}
          value={form.effort}
          options={[
            { value: 'unset', label: t('the model’s own (default)') },
            ...Effort.options
              .filter(isOffered)
              .map((effort) => ({ value: effort, label: effortWords(effort, t) })),
          ]}
          onChange={(effort) => actions.set({ effort })}
        />
      </div>
    </Section>
  );
}
