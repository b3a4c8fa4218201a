/** Said when an environment was changed elsewhere while it was changed here. */
import type { StoredEnvironment } from '../../protocol/environment.ts';
import type { EnvironmentField } from '../../protocol/environment-edit.ts';
import { Button, Icon } from '../ui/index.tsx';
import { t } from '../words.ts';
import { conflictFields, type Draft } from './draft.ts';
import { ago, fieldWords } from './words.ts';

interface ConflictProps {
  draft: Draft;
  theirs: StoredEnvironment;
  language: string;
  /** What is here can't be saved as it is. */
  blocked: boolean;
  reload: () => void;
  overwrite: () => void;
}

export function ConflictNotice({ draft, theirs, language, blocked, reload, overwrite }: ConflictProps) {
  const fields = named(conflictFields(draft));
  const when = ago(theirs.updatedAt, language);
  return (
    <div class="sentence warning" role="alert">
      <Icon name="warning" />
      <div>
        {theirs.updatedBy === ''
          ? t('It was changed elsewhere {when} while you changed it here: {fields}.', { when, fields })
          : t('{who} changed it {when} while you changed it here: {fields}.', {
              who: theirs.updatedBy,
              when,
              fields,
            })}
        <div class="next row">
          <Button label={t('Reload and Drop My Changes')} onClick={reload} />
          <Button label={t('Overwrite with Mine')} disabled={blocked} onClick={overwrite} />
        </div>
      </div>
    </div>
  );
}

export function TakenNotice({ fields }: { fields: readonly EnvironmentField[] }) {
  return (
    <div class="sentence" role="status">
      <Icon name="info" />
      <div>
        {t('It was changed elsewhere and taken over here: {fields}. Your own changes are kept.', {
          fields: named(fields),
        })}
      </div>
    </div>
  );
}

function named(fields: readonly EnvironmentField[]): string {
  return fields.map(fieldWords).join(', ');
}
