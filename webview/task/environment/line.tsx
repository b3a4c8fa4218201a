/** The environment of a turn in a line; what holds and who said it on a click. */
import { useState } from 'preact/hooks';
import { cacheWords, environmentParts, modelWords } from '../../../client/words/index.ts';
import type { EventParams } from '../../../protocol/events.ts';
import { Icon } from '../../ui/index.tsx';
import { t } from '../../words.ts';
import type { EntryActions } from '../actions.ts';
import type { EnvironmentEntry } from './entry.ts';

export function EnvironmentLine({ entry, actions }: { entry: EnvironmentEntry; actions: EntryActions }) {
  const [open, setOpen] = useState(() => actions.folded(entry.id) === false);
  const { applied, cache } = entry;
  const id = `about-${entry.id}`;
  const newest = cache.at(-1);
  const toggle = () => {
    setOpen(!open);
    actions.setFolded(entry.id, open);
  };
  return (
    <section class="command environment">
      <button
        type="button"
        class="head"
        aria-expanded={open}
        aria-controls={open ? id : undefined}
        onClick={toggle}
      >
        <Icon name={open ? 'chevron-down' : 'chevron-right'} />
        <span class="line">
          <Icon name="server-environment" />{' '}
          {applied
            ? t('Environment {parts}', { parts: environmentParts(applied, t).join(' · ') })
            : t('Environment')}
        </span>
        {newest && <span class="end">{cacheWords(newest, t)}</span>}
      </button>
      {open && (
        <div class="details" id={id}>
          {applied && <Facts applied={applied} />}
          {cache.map((one) => (
            <p key={one.outcome}>
              {t('Cache')}: {cacheWords(one, t)}
            </p>
          ))}
          <button type="button" class="text-button" onClick={actions.environment.open}>
            {t('Open Environment')}
          </button>
        </div>
      )}
    </section>
  );
}

function Facts({ applied }: { applied: EventParams<'environment.applied'> }) {
  const { image, versions, workdir, setup, maintenance, variables, secrets, from, model, effort } = applied;
  const kinds = { script: t('script'), automatic: t('automatic'), none: t('none') };
  const rows: [field: string, name: string, value: string][] = [
    ['image', t('Image'), image],
    ['setup', t('Setup'), kinds[setup]],
    ['maintenance', t('Maintenance'), kinds[maintenance]],
    [
      'versions',
      t('Package versions'),
      Object.entries(versions)
        .map(([name, version]) => `${name} ${version}`)
        .join(', '),
    ],
    ['workdir', t('Working folder'), workdir],
    ['variables', t('Variables'), variables.join(', ')],
    ['secrets', t('Secrets'), secrets.join(', ')],
    ['model', t('Model'), model === undefined ? '' : modelWords({ model, effort }, t)],
  ];
  return (
    <dl>
      {rows
        .filter(([, , value]) => value !== '')
        .map(([field, name, value]) => (
          <div key={field}>
            <dt>{name}</dt>
            <dd>
              {value}
              {from[field] === 'file' && <span class="source"> {t('from the repository')}</span>}
            </dd>
          </div>
        ))}
    </dl>
  );
}
