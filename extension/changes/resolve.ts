/**
 * A file whose lines were edited on both sides, merged by hand. What differs on one side only is merged; the rest
 * stands between conflict markers in the document, which is left unsaved: VS Code's own "Accept Current | Incoming |
 * Both" work on such a text without git, an index is never touched, and one undo of the editor takes all of it back.
 * The three-way merge editor is opened on top where this VS Code has the command by which its git extension does so;
 * it takes the markers as unresolved. That command is internal, so nothing relies on it.
 */
import { join } from 'node:path';
import * as vscode from 'vscode';
import { mergeInSlices } from '../../client/review/index.ts';
import { smallestChange } from '../apply/smallest-change.ts';
import { runCommand } from '../platform/commands.ts';
import { SentenceError, t } from '../platform/words.ts';
import type { FileReview } from './file-review.ts';
import { withMarkers } from './markers.ts';
import type { Reviews } from './reviews.ts';
import type { ChangesSession } from './session.ts';
import { gone } from './targets.ts';
import { uriOf, type Side } from './uris.ts';

/** Files of a result that did not fit when it was applied. */
export interface Unfitting {
  attempt: number;
  paths: readonly string[];
}

const MERGE_EDITOR = '_open.mergeEditor';

interface Sides {
  base: Uint8Array;
  ours: Uint8Array;
  theirs: Uint8Array;
}

/** What merges began with, as long as this window is open: the document itself has the markers. */
const begun: Sides[] = [];

export function mergeSide({ merge, side }: Extract<Side, { kind: 'merge' }>): Uint8Array {
  return begun[merge]?.[side] ?? new Uint8Array();
}

export async function resolveByHand(session: ChangesSession, file: FileReview): Promise<void> {
  await session.look([file]);
  const sides = await file.sides();
  if (sides === null)
    throw new SentenceError(
      t('{path} can’t be merged: one of its three sides is missing.', { path: file.file.path.path }),
    );
  const merged = await mergeInSlices(sides.base, sides.ours, sides.theirs);
  const uri = vscode.Uri.file(join(session.result.ref.root, file.path.path));
  const document = await vscode.workspace.openTextDocument(uri);
  const eol = document.eol === vscode.EndOfLine.CRLF ? '\r\n' : '\n';
  const labels = { ours: t('Yours'), base: t('Before the change'), theirs: t('Codex') };
  const bytes = merged.ok ? merged.bytes : withMarkers(merged.pieces, labels, eol);
  const text = await vscode.workspace.decode(bytes, { encoding: document.encoding });
  const change = smallestChange(document.getText(), text);
  if (change) {
    const edit = new vscode.WorkspaceEdit();
    const range = new vscode.Range(document.positionAt(change.start), document.positionAt(change.end));
    edit.replace(uri, range, change.text);
    if (!(await vscode.workspace.applyEdit(edit)))
      throw new SentenceError(t('{path} could not be changed.', { path: file.file.path.path }));
  }
  await session.settle(file);
  if (merged.ok || !(await openMergeEditor(file, sides, uri)))
    await vscode.window.showTextDocument(document, { preview: false });
}

/** Those of an apply that did not fit; of several the person picks. */
export async function resolveUnfitting(
  reviews: Reviews,
  taskId: string,
  { attempt, paths }: Unfitting,
): Promise<void> {
  const { session } = await reviews.open(taskId, { attempt });
  if (!session) throw gone();
  const files = session.files.filter(({ file }) => paths.includes(file.path.path));
  const items = files.map((file) => ({ label: file.file.path.path, file, picked: true }));
  const picked =
    items.length > 1
      ? await vscode.window.showQuickPick(items, {
          title: t('Merge which files by hand?'),
          canPickMany: true,
        })
      : items;
  for (const { file } of picked ?? []) await resolveByHand(session, file);
}

/** Whether it is open. */
async function openMergeEditor(file: FileReview, sides: Sides, output: vscode.Uri): Promise<boolean> {
  if (!(await vscode.commands.getCommands(false)).includes(MERGE_EDITOR)) return false;
  const merge = begun.push(sides) - 1;
  const of = (side: keyof Sides) => uriOf(file.file.path.path, { kind: 'merge', side, merge });
  try {
    await runCommand(MERGE_EDITOR, {
      base: of('base'),
      input1: { uri: of('ours'), title: t('Yours') },
      input2: { uri: of('theirs'), title: t('Codex') },
      output,
    });
    return true;
  } catch {
    return false;
  }
}
