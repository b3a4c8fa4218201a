/** Rows of the list of changes as words. Pure: `t` translates. */
import {
  applyReasonWords,
  bytesWords,
  CHANGE_WORDS,
  changeLabel,
  changeNotes,
  changedLines,
  type Translate,
} from '../../client/words/index.ts';
import type { ItemState, ReviewFile, ReviewHunk, WholePart } from '../../client/review/index.ts';
import type { FileChange } from '../../protocol/events.ts';
import type { FileReview } from './file-review.ts';
import type { ChangesSession } from './session.ts';

export interface ChangeRow {
  label: string;
  description: string;
  tooltip: string;
  /** For whoever hears it. */
  aria: string;
  /** Words that the menus' when-clauses look for. */
  context: string[];
  icon?: { id: string; color?: string };
  /** Ticked: all of it is accepted. */
  checked?: boolean;
}

export function describeResult(session: ChangesSession, t: Translate): ChangeRow {
  const { all, accepted, rejected, open } = session.counts();
  const { ref, title } = session.result;
  const parts = [
    open === all
      ? all === 1
        ? t('1 change', {})
        : t('{count} changes', { count: all })
      : t('{open} of {all} open', { open, all }),
    accepted > 0 ? t('{count} accepted', { count: accepted }) : '',
    rejected > 0 ? t('{count} rejected', { count: rejected }) : '',
    ref.attempt > 1 ? t('attempt {attempt}', { attempt: ref.attempt }) : '',
  ].filter(Boolean);
  return {
    label: title,
    description: parts.join(' · '),
    tooltip: [title, ref.root, parts.join(' · ')].join('\n'),
    aria: [title, ...parts].join(', '),
    context: ['changesResult', ...(open > 0 ? ['open'] : [])],
    icon: open > 0 ? { id: 'request-changes' } : { id: 'check', color: 'testing.iconPassed' },
  };
}

export function describeFile(file: FileReview, told: readonly FileChange[], t: Translate): ChangeRow {
  const change = changeOf(file.file, told);
  const path = file.file.path.path;
  const slash = path.lastIndexOf('/');
  const [label, folder] = [path.slice(slash + 1), slash < 0 ? '' : path.slice(0, slash)];
  const decided = decidedWords(file.items, t);
  const notes = [
    counts(changedLines(change)),
    change.from ? t('renamed from {path}', { path: change.from.path }) : '',
    ['added', 'deleted', 'copied'].includes(change.kind) ? t(CHANGE_WORDS[change.kind], {}) : '',
    ...changeNotes(change, t),
    change.binary ? sizes(change) : '',
    file.runsByItself ? t('runs by itself', {}) : '',
    decided,
    file.problem === null ? '' : applyReasonWords(file.problem, t),
    file.problem === null && isTouched(file) ? t('changed by you', {}) : '',
  ].filter(Boolean);
  const open = file.items.some(({ decision }) => decision === 'open');
  return {
    label,
    description: [...notes, folder].filter(Boolean).join(' · '),
    tooltip: [path, notes.join(' · ')].join('\n'),
    aria: [changeLabel(change, t), decided].filter(Boolean).join(', '),
    context: ['changesFile', ...(open ? ['open'] : []), ...(isTouched(file) ? ['touched'] : [])],
    checked: file.items.length > 0 && file.items.every(({ decision }) => decision === 'accepted'),
  };
}

export function describeItem(file: FileReview, item: ItemState, t: Translate): ChangeRow {
  const hunk = file.hunk(item.id);
  const touched = file.place(item.id)?.touched ?? false;
  const decided = decidedWords([item], t);
  const label = hunk ? hunkLabel(file, hunk, t) : partLabel(file.file, item.id, t);
  const notes = [
    hunk ? counts({ added: hunk.added.length, removed: hunk.removed.length }) : '',
    touched ? t('changed by you', {}) : '',
    decided,
    item.decision === 'open' && item.inFile ? t('in the file', {}) : '',
  ].filter(Boolean);
  return {
    label,
    description: notes.join(' · '),
    tooltip: hunk ? linesOf(hunk) : label,
    aria: [label, ...notes].join(', '),
    context: [
      'changesItem',
      ...(item.decision === 'open' ? ['open'] : []),
      ...(hunk ? ['hunk'] : []),
      ...(touched ? ['touched'] : []),
    ],
    icon: iconOf(item, touched),
    checked: item.decision === 'accepted',
  };
}

/** As the backend tells it, with sizes; else as the patch says. */
export function changeOf(file: ReviewFile, told: readonly FileChange[]): FileChange {
  const known = told.find(({ path }) => path.path === file.path.path && path.bytes === file.path.bytes);
  if (known) return known;
  const [first, last] = [file.parts[0]!, file.parts.at(-1)!];
  const lines = (op: string) =>
    file.parts
      .flatMap(({ body }) => (body.type === 'text' ? body.hunks : []))
      .reduce((sum, hunk) => sum + hunk.lines.filter((line) => line.op === op).length, 0);
  const binary = last.body.type === 'binary' || last.body.type === 'binaryWithoutContent';
  return {
    path: file.path,
    ...(file.from ? { from: file.from } : {}),
    kind: file.kind,
    ...(binary ? {} : { added: lines('+'), removed: lines('-') }),
    binary,
    // A pure rename names no mode: it is a file before and after.
    oldMode: first.oldMode ?? (first.kind === 'added' ? '000000' : '100644'),
    newMode: last.newMode ?? (last.kind === 'deleted' ? '000000' : '100644'),
  };
}

function isTouched(file: FileReview): boolean {
  return file.places.some(({ touched }) => touched);
}

function hunkLabel(file: FileReview, hunk: ReviewHunk, t: Translate): string {
  const place = file.place(hunk.id);
  const line = (place?.range.start ?? hunk.new.start) + 1;
  const lines = hunk.added.length > 0 ? hunk.added : hunk.removed;
  const text = Buffer.from(lines.find((one) => Buffer.from(one).toString().trim() !== '') ?? lines[0] ?? []);
  const shown = text.toString('utf8').trim().slice(0, LABEL_CHARACTERS);
  return shown === '' ? t('Line {line}', { line }) : t('Line {line}: {text}', { line, text: shown });
}

const LABEL_CHARACTERS = 80;
const TOOLTIP_LINES = 30;

function linesOf(hunk: ReviewHunk): string {
  const lines = [
    ...hunk.removed.map((line) => `− ${Buffer.from(line).toString('utf8').trimEnd()}`),
    ...hunk.added.map((line) => `+ ${Buffer.from(line).toString('utf8').trimEnd()}`),
  ];
  return [...lines.slice(0, TOOLTIP_LINES), ...(lines.length > TOOLTIP_LINES ? ['…'] : [])].join('\n');
}

function partLabel(file: ReviewFile, id: string, t: Translate): string {
  const part = file.whole.find((one) => one.id === id);
  return part ? partWords(file, part.what, t) : '';
}

export function partWords(file: ReviewFile, what: WholePart['what'], t: Translate): string {
  const from = file.from?.path ?? '';
  switch (what) {
    case 'added':
      return t('New file', {});
    case 'deleted':
      return t('Deletion', {});
    case 'renamed':
      return t('Rename from {path}', { path: from });
    case 'copied':
      return t('Copy of {path}', { path: from });
    case 'mode':
      return file.parts.at(-1)?.newMode === '100755'
        ? t('Executable (mode 755)', {})
        : t('Not executable (mode 644)', {});
    case 'content':
      return t('Binary content', {});
    case 'link':
      return t('Symbolic link', {});
    case 'submodule':
      return t('Submodule', {});
    case 'typeChanged':
      return t('Change of type', {});
  }
}

function counts({ added, removed }: { added: number; removed: number }): string {
  return [added > 0 ? `+${added}` : '', removed > 0 ? `−${removed}` : ''].filter(Boolean).join(' ');
}

function sizes({ oldBytes, newBytes }: FileChange): string {
  return [oldBytes, newBytes]
    .filter((size) => size !== undefined)
    .map(bytesWords)
    .join(' → ');
}

function decidedWords(items: readonly ItemState[], t: Translate): string {
  if (items.length === 0) return '';
  if (items.every(({ decision }) => decision === 'accepted')) return t('accepted', {});
  if (items.every(({ decision }) => decision === 'rejected')) return t('rejected', {});
  return items.every(({ decision }) => decision === 'open') ? '' : t('partly decided', {});
}

function iconOf(item: ItemState, touched: boolean): NonNullable<ChangeRow['icon']> {
  if (touched) return { id: 'edit', color: 'list.warningForeground' };
  switch (item.decision) {
    case 'accepted':
      return { id: 'check', color: 'testing.iconPassed' };
    case 'rejected':
      return { id: 'discard' };
    case 'open':
      return item.inFile ? { id: 'diff-modified' } : { id: 'diff-added' };
  }
}
