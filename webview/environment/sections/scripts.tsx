/** What prepares the sandbox: the scripts, how long they may take, how long the outcome is used again. */
import { LIMITS } from '../../../protocol/limits.ts';
import { Problem, Select } from '../../ui/fields.tsx';
import { Button, Segments } from '../../ui/index.tsx';
import { t } from '../../words.ts';
import type { Choice, ScriptForm, ScriptKind, ScriptName } from '../form.ts';
import { fieldWords } from '../words.ts';
import { QuantityField } from './quantity.tsx';
import { Section, type SectionProps } from './section.tsx';

export function ScriptsSection(props: SectionProps) {
  const { form, file, actions } = props;
  return (
    <Section
      id="setup"
      title={t('Setup')}
      about={t(
        'Runs once, with the secrets and its own internet access; what it leaves on disk is kept for later tasks. The agent starts after it, without the secrets.',
      )}
    >
      <Script {...props} which="setup" />
      <Script {...props} which="maintenance" />
      <div class="grid">
        <QuantityField {...props} quantity="setupTimeoutMs" fallback={LIMITS.setupTimeoutMs.default} />
        <Select<Choice>
          id="setup-for-ask"
          label={fieldWords('setupForAsk')}
          value={form.setupForAsk}
          options={[
            { value: 'unset', label: t('No (default)') },
            { value: 'no', label: t('No: questions start at once') },
            { value: 'yes', label: t('Yes: questions wait for it') },
          ]}
          onChange={(setupForAsk) => actions.set({ setupForAsk })}
        />
        <QuantityField
          {...props}
          quantity="cacheMs"
          fallback={LIMITS.cacheMs.default}
          hint={t('How long a finished setup is used again; 0 for never.')}
        />
        <QuantityField
          {...props}
          quantity="parkedMs"
          fallback={LIMITS.parkedMs.default}
          hint={t('How long a sandbox waits for a follow-up.')}
        />
      </div>
      <div class="row">
        <Button icon="clear-all" label={t('Reset Cache')} onClick={actions.resetCache} />
        <span class="field-hint">{t('The next task sets up anew.')}</span>
      </div>
      {file.setup !== undefined && form.scripts.setup.kind === 'unset' && (
        <pre class="from-file" aria-label={t('The repository’s setup script')} tabIndex={0}>
          {file.setup}
        </pre>
      )}
    </Section>
  );
}

function kinds(fromFile: boolean): { value: ScriptKind; label: string; title: string }[] {
  return [
    fromFile
      ? { value: 'unset', label: t('From the repository'), title: t('What .codex/environment.yaml says') }
      : {
          value: 'unset',
          label: t('Automatic'),
          title: t('Installs what the lock files name: npm, pnpm, yarn, pip, poetry, uv, go, cargo, …'),
        },
    { value: 'none', label: t('None'), title: t('Nothing is run') },
    { value: 'script', label: t('Script'), title: t('Bash, in a session of its own') },
  ];
}

function Script({ which: name, form, problems, file, actions }: SectionProps & { which: ScriptName }) {
  const script = form.scripts[name];
  const problem = problems.get(`scripts.${name}`);
  const set = (change: Partial<ScriptForm>) =>
    actions.set({ scripts: { ...form.scripts, [name]: { ...script, ...change } } });
  const fromFile = file[name];
  const id = `script-${name}`;
  return (
    <div class="field script">
      <div class="row">
        <span class="label" id={`${id}-label`}>
          {fieldWords(name)}
        </span>
        <Segments
          label={fieldWords(name)}
          options={kinds(fromFile !== undefined)}
          value={script.kind}
          onChange={(kind) =>
            set({ kind, ...(kind === 'script' && script.text === '' && fromFile ? { text: fromFile } : {}) })
          }
        />
        <span class="grow" />
        {script.kind === 'script' && (
          <Button
            icon="go-to-file"
            label={name === 'setup' ? t('Edit Setup in a Tab') : t('Edit Maintenance in a Tab')}
            onClick={() => actions.openScript(name)}
          />
        )}
      </div>
      {script.kind === 'script' && (
        <textarea
          id={id}
          class="input mono"
          aria-labelledby={`${id}-label`}
          aria-invalid={problem ? true : undefined}
          aria-describedby={problem ? `${id}-problem` : undefined}
          rows={name === 'setup' ? 6 : 3}
          spellcheck={false}
          value={script.text}
          placeholder={name === 'setup' ? 'npm ci' : 'npm install'}
          onInput={(event) => set({ text: event.currentTarget.value })}
        />
      )}
      {problem && <Problem id={`${id}-problem`} text={problem} />}
      {name === 'maintenance' && (
        <p class="field-hint">{t('Runs after the checkout where a kept setup is used again.')}</p>
      )}
    </div>
  );
}
