/** A result as VS Code's own editors show it, before anything is written: all files at once, or one. */
import type * as vscode from 'vscode';
import { bytesWords } from '../../client/words/index.ts';
import type { FilePatch } from '../../client/patch/index.ts';
import type { ReviewFile } from '../../client/review/index.ts';
import type { FileChange } from '../../protocol/events.ts';
import { runCommand } from '../platform/commands.ts';
import { t } from '../platform/words.ts';
import { changeOf, partWords } from './describe.ts';
import type { Reviewed } from './result.ts';
import { uriOf, type Side } from './uris.ts';

const NULL_ID = /^0+$/;
const SUBMODULE = '160000';

/** One editor with every file. What has no text stands in it in words. */
export async function showAll(result: Reviewed): Promise<void> {
  const entries = result.files.map((file) => {
    const [base, after] = sidesOf(result, file, true);
    return [uriOf(file.path.path, { kind: 'told', side: 'result', text: '' }), base, after];
  });
  await runCommand('vscode.changes', t('Changes of “{title}”', { title: result.title }), entries);
}

/** Images and other bytes come to VS Code's own viewers. */
export async function showFile(result: Reviewed, file: ReviewFile, preserveFocus: boolean): Promise<void> {
  const change = changeOf(file, result.told);
  const [base, after] = sidesOf(result, file, false);
  const name = file.path.path.slice(file.path.path.lastIndexOf('/') + 1);
  const title = [name, notesOf(file, change)].filter(Boolean).join(' · ');
  const options: vscode.TextDocumentShowOptions = { preview: true, preserveFocus };
  const only = base ?? after;
  if (change.binary && only && !(base && after)) return runCommand('vscode.open', only, options, title);
  const empty = (side: 'base' | 'result') => uriOf(file.path.path, { kind: 'told', side, text: '' });
  await runCommand('vscode.diff', base ?? empty('base'), after ?? empty('result'), title, options);
}

/** Null where the file is absent. `inWords`: for an editor that shows only text. */
export function sidesOf(
  result: Reviewed,
  file: ReviewFile,
  inWords: boolean,
): [vscode.Uri | undefined, vscode.Uri | undefined] {
  const change = changeOf(file, result.told);
  const [first, last] = [file.parts[0]!, file.parts.at(-1)!];
  const from = file.from?.path ?? file.path.path;
  const modeOnly = first.kind === 'modeChanged';
  const told = inWords && (change.binary || modeOnly);
  const side = (which: 'base' | 'result') => {
    const [part, path, mode, size] =
      which === 'base'
        ? [first, from, change.oldMode, change.oldBytes]
        : [last, file.path.path, change.newMode, change.newBytes];
    if (which === 'base' ? first.kind === 'added' : last.kind === 'deleted') return undefined;
    const oid = which === 'base' ? part.oldId : part.newId;
    if (mode === SUBMODULE) return uriOf(path, { kind: 'told', side: which, text: submoduleWords(oid) });
    if (told || oid === null || NULL_ID.test(oid))
      return uriOf(path, { kind: 'told', side: which, text: toldWords(change, which, oid, size) });
    const { taskId, turn, attempt, from: step } = result.ref;
    const blob: Side = { kind: 'blob', side: which, taskId, turn, attempt, from: step, oid };
    return uriOf(path, size === undefined ? blob : { ...blob, size });
  };
  return [side('base'), side('result')];
}

/** A rename alone names no content, and has none to compare. */
function toldWords(
  change: FileChange,
  side: 'base' | 'result',
  oid: string | null,
  size: number | undefined,
): string {
  const mode = side === 'base' ? change.oldMode : change.newMode;
  if (change.kind === 'modeChanged')
    return `${mode === '100755' ? t('Executable (mode 755)') : t('Not executable (mode 644)')}\n`;
  if (!change.binary) return '';
  const lines = [t('Binary file'), size === undefined ? '' : bytesWords(size), oid ?? ''];
  return `${lines.filter(Boolean).join('\n')}\n`;
}

function submoduleWords(oid: FilePatch['oldId']): string {
  return `${t('Submodule at commit {sha}', { sha: oid ?? '?' })}\n`;
}

function notesOf(file: ReviewFile, change: FileChange): string {
  const parts = file.whole.map(({ what }) => partWords(file, what, t));
  const size = change.binary ? [change.oldBytes, change.newBytes].filter((one) => one !== undefined) : [];
  return [...parts, size.map(bytesWords).join(' → ')].filter(Boolean).join(', ');
}
