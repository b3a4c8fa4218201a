/** What a command is about: a row, a lens, a change of the gutter, a line number, or where the cursor is. */
import * as vscode from 'vscode';
import { SentenceError, t } from '../platform/words.ts';
import type { Editors } from './editors.ts';
import { marksOf, marksOfChange, selectionOf, type LineChange } from './marks.ts';
import type { Reviews } from './reviews.ts';
import type { ChangesSession } from './session.ts';
import type { ChangeNode } from './tree.ts';

export interface Target {
  session: ChangesSession;
  ids: string[];
}

export function targetsOf(editors: Editors, reviews: Reviews, args: readonly unknown[]): Target[] {
  const [first, second, third] = args;
  // A row that VS Code no longer knows: never take what is at the cursor for it.
  if (args.length > 0 && (first === undefined || first === null)) throw gone();
  if (isNode(first)) return grouped(Array.isArray(second) ? second.filter(isNode) : [first]);
  if (isObject(first) && typeof first['review'] === 'string' && typeof first['id'] === 'string') {
    const session = reviews.get(first['review']);
    if (!session) throw gone();
    return [{ session, ids: [first['id']] }];
  }
  if (first instanceof vscode.Uri && Array.isArray(second)) {
    const change = (second as LineChange[])[typeof third === 'number' ? third : 0];
    const targets = editors.marked(first).flatMap(({ session, marks }) => {
      const ids = change ? marksOfChange(marks, change).map(({ id }) => id) : [];
      return ids.length > 0 ? [{ session, ids }] : [];
    });
    if (targets.length === 0) throw gone();
    return targets;
  }
  // A menu of line numbers counts from 1.
  const line =
    isObject(first) && typeof first['lineNumber'] === 'number' ? first['lineNumber'] - 1 : undefined;
  const { session, mark } = editors.here(line);
  return [{ session, ids: [mark.id] }];
}

/** The selected lines as a change of their own: one that is selected in part is split. */
export async function selectedLines(reviews: Reviews): Promise<Target> {
  const editor = vscode.window.activeTextEditor;
  if (!editor || editor.selection.isEmpty) throw new SentenceError(t('Select lines of a change first.'));
  const { start, end } = editor.selection;
  const to = end.character === 0 && end.line > start.line ? end.line : end.line + 1;
  for (const { session, file } of reviews.at(editor.document.uri)) {
    await session.look([file]);
    const ids: string[] = [];
    for (const mark of marksOf(file)) {
      const hunk = file.hunk(mark.id);
      const selection = hunk && !mark.touched ? selectionOf(hunk, mark, start.line, to) : null;
      if (!hunk || selection === null) continue;
      const outcome = await session.split(hunk.id, selection);
      if (outcome.ok) ids.push(outcome.chosen.id);
      else if (outcome.reason === 'whole') ids.push(hunk.id);
      else if (outcome.reason === 'finalNewline')
        throw new SentenceError(
          t('The last line has no newline at its end, so that it can’t be taken apart.'),
        );
    }
    if (ids.length > 0) return { session, ids };
  }
  throw new SentenceError(t('No selected line is of an open change.'));
}

export function grouped(nodes: readonly ChangeNode[]): Target[] {
  const of = new Map<ChangesSession, Set<string>>();
  for (const node of nodes) {
    const ids = of.get(node.session) ?? new Set<string>();
    for (const id of idsOf(node)) ids.add(id);
    of.set(node.session, ids);
  }
  return [...of].map(([session, ids]) => ({ session, ids: [...ids] }));
}

export function idsOf(node: ChangeNode): string[] {
  switch (node.kind) {
    case 'item':
      return [node.id];
    case 'file':
      return node.file.items.map(({ id }) => id);
    case 'result':
      return node.session.files.flatMap(({ items }) => items.map(({ id }) => id));
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

export function isNode(value: unknown): value is ChangeNode {
  return isObject(value) && 'session' in value && ['result', 'file', 'item'].includes(String(value['kind']));
}

export function gone(): SentenceError {
  return new SentenceError(t('This change is not there any more: it was decided, or the file has changed.'));
}
