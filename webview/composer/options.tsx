/** How a task is run: of what a review is, how many attempts, by which model. Small menus below the box. */
import type { ComposerState, PageParams, ReviewTarget } from '../../protocol/pages.ts';
import type { Effort } from '../../protocol/states.ts';
import { Icon } from '../ui/index.tsx';
import { t } from '../words.ts';

interface OptionsProps {
  state: ComposerState;
  choose: (choice: PageParams<'composer.choose'>) => void;
}

export function Options({ state, choose }: OptionsProps) {
  const { models, model, effort, attempts, review, mode } = state;
  const efforts = (models?.find(({ name }) => name === model) ?? models?.[0])?.efforts ?? [];
  return (
    <>
      {mode === 'review' && (
        <Menu
          label={t('What is reviewed')}
          value={review}
          options={[
            { value: 'local', label: t('Local changes') },
            { value: 'branch', label: t('This branch') },
            { value: 'commit', label: t('Newest commit') },
          ]}
          onChange={(value) => choose({ review: value as ReviewTarget })}
        />
      )}
      {models && models.length > 1 && (
        <Menu
          label={t('Model')}
          value={model}
          options={[
            { value: '', label: t('Default model') },
            ...models.map(({ name }) => ({ value: name, label: name })),
          ]}
          onChange={(value) => choose({ model: value })}
        />
      )}
      {efforts.length > 0 && (
        <Menu
          label={t('Effort')}
          value={effort}
          options={[
            { value: '', label: t('Default effort') },
            ...efforts.map((one) => ({ value: one, label: effortWords(one) })),
          ]}
          onChange={(value) => choose({ effort: value as Effort | '' })}
        />
      )}
      <Menu
        label={t('Attempts')}
        value={String(attempts)}
        options={[1, 2, 3, 4].map((count) => ({
          value: String(count),
          label: count === 1 ? t('1 attempt') : t('{count} attempts', { count }),
        }))}
        onChange={(value) => choose({ attempts: Number(value) })}
      />
    </>
  );
}

function effortWords(effort: Effort): string {
  switch (effort) {
    case 'none':
      return t('No effort');
    case 'minimal':
      return t('Minimal effort');
    case 'low':
      return t('Low effort');
    case 'medium':
      return t('Medium effort');
    case 'high':
      return t('High effort');
    case 'xhigh':
      return t('Highest effort');
  }
}

interface MenuProps {
  label: string;
  value: string;
  options: readonly { value: string; label: string }[];
  onChange: (value: string) => void;
}

/** A menu of the system's own, that looks like a chip. */
function Menu({ label, value, options, onChange }: MenuProps) {
  return (
    <span class="chip menu">
      <select
        aria-label={label}
        title={label}
        value={value}
        onChange={(event) => onChange(event.currentTarget.value)}
      >
        {options.map((option) => (
          <option key={option.value} value={option.value} selected={option.value === value}>
            {option.label}
          </option>
        ))}
      </select>
      <Icon name="chevron-down" />
    </span>
  );
}
