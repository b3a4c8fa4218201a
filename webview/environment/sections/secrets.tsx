/** Secrets by name and time. A value is asked by VS Code itself and never comes to this page. */
import { TextBlock } from '../../ui/fields.tsx';
import { Button, Icon } from '../../ui/index.tsx';
import { t } from '../../words.ts';
import { ago, fieldWords } from '../words.ts';
import { Section, type SectionProps } from './section.tsx';

export function SecretsSection({ form, problems, opened, language, actions }: SectionProps) {
  const { secrets } = opened;
  return (
    <Section
      id="secrets"
      title={t('Secrets')}
      about={t(
        'Only the setup gets them, as variables; they are gone before the agent starts, and are taken out of everything that is shown. A value that was set can’t be read again.',
      )}
    >
      {secrets.length > 0 && (
        <table class="rows">
          <thead>
            <tr>
              <th scope="col">{t('Name')}</th>
              <th scope="col">{t('Set')}</th>
              <th scope="col">
                <span class="visually-hidden">{t('Actions')}</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {secrets.map(({ name, updatedAt, updatedBy }) => (
              <tr key={name}>
                <td class="mono">
                  <Icon name="key" /> {name}
                </td>
                <td title={new Date(updatedAt).toLocaleString(language)}>
                  {updatedBy === ''
                    ? ago(updatedAt, language)
                    : t('{when} by {who}', { when: ago(updatedAt, language), who: updatedBy })}
                </td>
                <td class="do">
                  <Button
                    look="icon"
                    icon="edit"
                    iconOnly
                    label={t('Replace {name}', { name })}
                    onClick={() => actions.putSecret(name)}
                  />
                  <Button
                    look="icon"
                    icon="trash"
                    iconOnly
                    label={t('Delete {name}', { name })}
                    onClick={() => actions.deleteSecret(name)}
                  />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <div class="row">
        <Button icon="add" label={t('Add Secret')} onClick={() => actions.putSecret()} />
      </div>
      <TextBlock
        id="allow-secrets-in"
        label={fieldWords('allowSecretsIn')}
        hint={t(
          'One a line. A secret that the setup leaves in any other file stops the turn; the agent can read these.',
        )}
        problem={problems.get('allowSecretsIn')}
        value={form.allowSecretsIn}
        placeholder="~/.npmrc"
        rows={2}
        onInput={(allowSecretsIn) => actions.set({ allowSecretsIn })}
      />
    </Section>
  );
}
