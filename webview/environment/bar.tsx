/** The top of an environment: its name, and what can be done with all of it. */
import { DEFAULT_ENVIRONMENT_NAME } from '../../protocol/environment.ts';
import type { EnvironmentList } from '../../protocol/pages.ts';
import { Button, Icon } from '../ui/index.tsx';
import { t } from '../words.ts';

interface BarProps {
  name: string;
  list: EnvironmentList;
  dirty: boolean;
  /** It can't be saved as it is. */
  blocked: boolean;
  busy: 'save' | 'test' | 'reset' | null;
  mac: boolean;
  save: () => void;
  discard: () => void;
  test: () => void;
  copy: () => void;
  remove: () => void;
  use: () => void;
  refresh: () => void;
}

export function Bar(props: BarProps) {
  const { name, list, dirty, blocked, busy, mac } = props;
  const isDefault = name === DEFAULT_ENVIRONMENT_NAME;
  const offline = list.connection !== 'connected';
  return (
    <header>
      <div class="title">
        <h2>{name}</h2>
        {list.forTasks === name ? (
          <span class="chip" title={t('New tasks of this workspace run in it')}>
            <Icon name="check" />
            <span>{t('for new tasks')}</span>
          </span>
        ) : (
          <button type="button" class="chip" onClick={props.use}>
            <span>{t('Use for New Tasks')}</span>
          </button>
        )}
        {offline && (
          <span class="chip">
            <Icon name="debug-disconnect" />
            <span>{list.connection === 'lost' ? t('Reconnecting …') : t('Connecting …')}</span>
          </span>
        )}
      </div>
      <div class="buttons">
        <Button
          look="primary"
          icon="save"
          label={mac ? t('Save (⌘S)') : t('Save (Ctrl+S)')}
          disabled={!dirty || blocked || busy !== null}
          busy={busy === 'save'}
          onClick={props.save}
        />
        {dirty && <Button label={t('Discard Changes')} onClick={props.discard} />}
        <Button
          icon="beaker"
          label={dirty ? t('Save and Test Setup') : t('Test Setup')}
          disabled={list.folder === null || blocked || busy !== null}
          busy={busy === 'test'}
          onClick={props.test}
        />
        <span class="grow" />
        <Button look="icon" icon="copy" iconOnly label={t('Copy {name}', { name })} onClick={props.copy} />
        <Button
          look="icon"
          icon={isDefault ? 'discard' : 'trash'}
          iconOnly
          label={isDefault ? t('Reset to Defaults') : t('Delete {name}', { name })}
          onClick={props.remove}
        />
        {offline && (
          <Button look="icon" icon="refresh" iconOnly label={t('Try Again')} onClick={props.refresh} />
        )}
      </div>
      <p class="field-hint">
        {list.folder === null
          ? t('Open a folder to test the setup with it.')
          : t('The setup is tested with the folder {folder}.', { folder: list.folder })}
      </p>
    </header>
  );
}
