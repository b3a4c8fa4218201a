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
import { sidesOf } from './preview.ts';
import type { Reviews } from './reviews.ts';
import type { ChangesSession } from './session.ts';
import { gone } from './targets.ts';
import { uriOf } from './uris.ts';

/** Files of a result that did not fit when it was applied. */
export interface Unfitting {
  attempt: number;
  paths: readonly string[];
}

const MERGE_EDITOR = '_open.mergeEditor';

/** The person's side of merges, as long as this window is open: the document itself has the markers. */
const begun = new Map<string, Uint8Array>();

export function oursOf(review: string, file: string): Uint8Array | undefined {
  return begun.get(`${review}/${file}`);
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
  begun.set(`${session.key}/${file.key}`, sides.ours);
  await session.settle(file);
  if (merged.ok || !(await openMergeEditor(session, file, uri)))
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
async function openMergeEditor(
  session: ChangesSession,
  file: FileReview,
  output: vscode.Uri,
): Promise<boolean> {
  const [base, theirs] = sidesOf(session.result, file.file, false);
  if (!base || !theirs || !(await vscode.commands.getCommands(false)).includes(MERGE_EDITOR)) return false;
  const ours = uriOf(file.file.path.path, { kind: 'ours', review: session.key, file: file.key });
  try {
    await runCommand(MERGE_EDITOR, {
      base,
      input1: { uri: ours, title: t('Yours') },
      input2: { uri: theirs, title: t('Codex') },
      output,
    });
    return true;
  } catch {
    return false;
  }
}
