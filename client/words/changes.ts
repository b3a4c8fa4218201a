/** What a result does to one file, in words: never git's mode numbers, and no line counts of what has no lines. */
import type { FileChange } from '../../protocol/events.ts';
import { english, type Translate } from './template.ts';

export const CHANGE_WORDS: Record<FileChange['kind'], string> = {
  added: 'added',
  copied: 'copied',
  deleted: 'deleted',
  renamed: 'renamed',
  modified: 'modified',
  modeChanged: 'mode changed',
  typeChanged: 'type changed',
};

export type FileType = 'none' | 'file' | 'symlink' | 'submodule';

/** Git's modes, of which it has six. */
export function fileType(mode: string): FileType {
  switch (mode) {
    case '000000':
      return 'none';
    case '120000':
      return 'symlink';
    case '160000':
      return 'submodule';
    default:
      return 'file';
  }
}

const isExecutable = (mode: string) => mode === '100755';

/** The type of what is there afterwards, or was there before it was deleted. */
function typeOf({ kind, oldMode, newMode }: FileChange): FileType {
  return fileType(kind === 'deleted' ? oldMode : newMode);
}

/** Lines, as far as they say something: a link has a target and a submodule a commit, neither has lines. */
export function changedLines(file: FileChange): { added: number; removed: number } {
  if (file.binary) return { added: 0, removed: 0 };
  const lines = (mode: string, count = 0) => (fileType(mode) === 'file' ? count : 0);
  return { added: lines(file.newMode, file.added), removed: lines(file.oldMode, file.removed) };
}

/** What neither the kind of the change nor its counts say: `executable`, `symlink`, `empty file`, … */
export function changeNotes(file: FileChange, t: Translate = english): string[] {
  const { oldMode, newMode } = file;
  const type = typeOf(file);
  const before = fileType(oldMode);
  const replaced = file.kind !== 'deleted' && before !== 'none' && before !== type;
  if (type === 'symlink') return [replaced ? t('now a symlink', {}) : t('symlink', {})];
  if (type === 'submodule') return [replaced ? t('now a submodule', {}) : t('submodule', {})];
  const notes = replaced ? [t('now a file', {})] : [];
  if (file.binary) notes.push(t('binary', {}));
  if (file.kind === 'deleted') return notes;
  if (!file.binary && file.newBytes === 0) notes.push(t('empty file', {}));
  if (isExecutable(newMode) && !isExecutable(oldMode)) notes.push(t('executable', {}));
  if (!isExecutable(newMode) && isExecutable(oldMode) && !replaced) notes.push(t('no longer executable', {}));
  return notes;
}

/** All of it in one phrase, for whoever hears it: `src/a.ts, modified, 2 lines added, 1 line removed`. */
export function changeLabel(file: FileChange, t: Translate = english): string {
  const { added, removed } = changedLines(file);
  const parts = [
    file.from ? t('{from} to {path}', { from: file.from.path, path: file.path.path }) : file.path.path,
    // A mode has nothing to say but its note.
    file.kind === 'modeChanged' ? '' : t(CHANGE_WORDS[file.kind], {}),
    ...changeNotes(file, t),
    linesAdded(added, t),
    linesRemoved(removed, t),
  ];
  return parts.filter(Boolean).join(', ');
}

function linesAdded(count: number, t: Translate): string {
  if (count === 0) return '';
  return count === 1 ? t('1 line added', {}) : t('{count} lines added', { count });
}

function linesRemoved(count: number, t: Translate): string {
  if (count === 0) return '';
  return count === 1 ? t('1 line removed', {}) : t('{count} lines removed', { count });
}
