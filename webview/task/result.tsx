/** What a turn ended with: the changed files with their counts, or what failed and the next step. */
import { errorWords } from '../../client/words/index.ts';
import type { WireError } from '../../protocol/errors.ts';
import type { FileChange } from '../../protocol/events.ts';
import { bytes } from '../format.ts';
import { Button, Icon } from '../ui/index.tsx';
import { t } from '../words.ts';
import type { TurnModel } from './model.ts';

interface FilesProps {
  patch: NonNullable<TurnModel['patch']>;
  openPatch: (path?: string) => void;
}

export function Files({ patch, openPatch }: FilesProps) {
  const { summary, files, filesCut } = patch;
  return (
    <section class="files" aria-label={t('Changed files')}>
      <ul>
        {files.map((file) => (
          <li key={file.path.path}>
            <button type="button" title={kindWords(file)} onClick={() => openPatch(file.path.path)}>
              <Icon name={kindIcon(file)} label={kindWords(file)} />
              <span class="path">
                {file.from ? `${file.from.path} → ` : ''}
                {file.path.path}
              </span>
              <Counts file={file} />
            </button>
          </li>
        ))}
      </ul>
      <div class="foot">
        <span>
          {summary.files === 1 ? t('1 file') : t('{count} files', { count: summary.files })}
          {filesCut ? ` · ${t('the first {count} are shown', { count: files.length })}` : ''} ·{' '}
          {bytes(summary.bytes)}
        </span>
        <a href="#" onClick={(event) => (event.preventDefault(), openPatch())}>
          {t('open patch')}
        </a>
      </div>
    </section>
  );
}

function Counts({ file }: { file: FileChange }) {
  if (file.binary) {
    const before = file.oldBytes === undefined ? null : bytes(file.oldBytes);
    const after = file.newBytes === undefined ? null : bytes(file.newBytes);
    const text = before && after ? `${before} → ${after}` : (after ?? before ?? t('binary'));
    return <span class="counts size">{text}</span>;
  }
  const mode = file.oldMode !== file.newMode && file.kind !== 'added' && file.kind !== 'deleted';
  return (
    <span class="counts">
      {mode && <span class="size">{`${file.oldMode} → ${file.newMode}`}</span>}
      {(file.added ?? 0) > 0 && <span class="added">+{file.added}</span>}
      {(file.removed ?? 0) > 0 && <span class="removed">−{file.removed}</span>}
    </span>
  );
}

function kindIcon(file: FileChange): string {
  switch (file.kind) {
    case 'added':
    case 'copied':
      return file.binary ? 'file-binary' : 'diff-added';
    case 'deleted':
      return 'diff-removed';
    case 'renamed':
      return 'diff-renamed';
    case 'modified':
    case 'modeChanged':
    case 'typeChanged':
      return file.binary ? 'file-binary' : 'diff-modified';
  }
}

function kindWords(file: FileChange): string {
  switch (file.kind) {
    case 'added':
      return t('added');
    case 'copied':
      return t('copied');
    case 'deleted':
      return t('deleted');
    case 'renamed':
      return t('renamed');
    case 'modified':
      return t('modified');
    case 'modeChanged':
      return t('mode changed');
    case 'typeChanged':
      return t('type changed');
  }
}

export function Failure({
  error,
  act,
}: {
  error: WireError;
  act: (action: NonNullable<WireError['action']>) => void;
}) {
  const words = errorWords(error, t);
  const action = words.action;
  return (
    <div class="sentence error" role="alert">
      <Icon name="error" />
      <div>
        {words.text}
        {action && (
          <div class="next">
            <Button look="primary" label={action.label} onClick={() => act(action.id)} />
          </div>
        )}
      </div>
    </div>
  );
}
