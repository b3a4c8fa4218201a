/** The environments of the backend, one chosen: moved through by the arrow keys; a menu where it is narrow. */
import { levelWords } from '../../client/words/index.ts';
import type { EnvironmentList } from '../../protocol/pages.ts';
import { Select } from '../ui/fields.tsx';
import { Button, Icon } from '../ui/index.tsx';
import { t } from '../words.ts';

interface ListProps {
  list: EnvironmentList;
  /** It has changes that are not saved. */
  dirty: (name: string) => boolean;
  select: (name: string) => void;
  make: () => void;
}

export function List({ list, dirty, select, make }: ListProps) {
  const { environments, selected, forTasks } = list;
  const move = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const at = environments.findIndex(({ name }) => name === selected);
    const next = environments[(at + step + environments.length) % environments.length];
    if (!next) return;
    select(next.name);
    (event.currentTarget as HTMLElement).querySelector<HTMLElement>(`#pick-${at + step}`)?.focus();
  };
  return (
    <nav aria-label={t('Environments')}>
      <div class="nav-head">
        <h1>{t('Environments')}</h1>
        <Button look="icon" icon="add" iconOnly label={t('New Environment')} onClick={make} />
      </div>
      <div class="narrow">
        <Select
          id="pick-one"
          label={t('Environment')}
          labelHidden
          value={selected}
          options={environments.map(({ name }) => ({ value: name, label: dirty(name) ? `● ${name}` : name }))}
          onChange={select}
        />
        <Button look="icon" icon="add" iconOnly label={t('New Environment')} onClick={make} />
      </div>
      <div class="names" role="listbox" aria-label={t('Environments')} onKeyDown={move}>
        {environments.map(({ name, image, level }, at) => (
          <button
            key={name}
            id={`pick-${at}`}
            type="button"
            role="option"
            aria-selected={name === selected}
            tabIndex={name === selected ? 0 : -1}
            onClick={() => select(name)}
          >
            <span class="line">
              <span class="name">{name}</span>
              {name === forTasks && <Icon name="check" label={t('New tasks run in it')} />}
              {dirty(name) && <Icon name="circle-filled" label={t('changes that are not saved')} />}
            </span>
            <span class="quiet-line">{[image ?? '', levelWords(level, t)].filter(Boolean).join(' · ')}</span>
          </button>
        ))}
      </div>
    </nav>
  );
}
