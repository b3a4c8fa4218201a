/** What a turn ended with: the changed files with their counts, or what failed and the next step. */
import {
  CHANGE_WORDS,
  changedLines,
  changeLabel,
  changeNotes,
  errorWords,
  fileType,
} from '../../client/words/index.ts';
import type { WireError } from '../../protocol/errors.ts';
import type { FileChange } from '../../protocol/events.ts';
import { bytes } from '../format.ts';
import { Button, Icon } from '../ui/index.tsx';
import { t } from '../words.ts';
import type { AttemptModel } from './attempt.ts';

interface FilesProps {
  patch: NonNullable<AttemptModel['patch']>;
  openPatch: (path?: string) => void;
}

export function Files({ patch, openPatch }: FilesProps) {
  const { summary, files, filesCut } = patch;
  return (
    <section class="files" aria-label={t('Changed files')}>
      <ul>
        {files.map((file) => (
          <li key={file.path.path}>
            <button
              type="button"
              title={t(CHANGE_WORDS[file.kind])}
              aria-label={changeLabel(file, t)}
              onClick={() => openPatch(file.path.path)}
            >
              <Icon name={kindIcon(file)} />
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
          {t('show changes')}
        </a>
      </div>
    </section>
  );
}

function Counts({ file }: { file: FileChange }) {
  const { added, removed } = changedLines(file);
  const notes = [...changeNotes(file, t), file.binary ? sizes(file) : ''].filter(Boolean);
  return (
    <span class="counts">
      {notes.length > 0 && <span class="size">{notes.join(' · ')}</span>}
      {added > 0 && <span class="added">+{added}</span>}
      {removed > 0 && <span class="removed">−{removed}</span>}
    </span>
  );
}

function sizes({ oldBytes, newBytes }: FileChange): string {
  const known = [oldBytes, newBytes].filter((size) => size !== undefined);
  return known.map(bytes).join(' → ');
}

function kindIcon(file: FileChange): string {
  if (file.kind === 'deleted') return 'diff-removed';
  if (fileType(file.newMode) === 'symlink') return 'file-symlink-file';
  if (fileType(file.newMode) === 'submodule') return 'file-submodule';
  switch (file.kind) {
    case 'added':
    case 'copied':
      return file.binary ? 'file-binary' : 'diff-added';
    case 'renamed':
      return 'diff-renamed';
    case 'modified':
    case 'modeChanged':
    case 'typeChanged':
      return file.binary ? 'file-binary' : 'diff-modified';
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
