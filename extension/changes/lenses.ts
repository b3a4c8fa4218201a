/** In the editor: a line above each hunk with what can be done, and the same as a Quick Fix at the cursor. */
import * as vscode from 'vscode';
import { commandId, type CommandName } from '../platform/commands.ts';
import { t } from '../platform/words.ts';
import { markAt, type Mark } from './marks.ts';
import type { ChangesSession } from './session.ts';

/** Which hunk a command is about: ids are made from content, so that one that is gone is seen to be. */
export interface HunkTarget {
  review: string;
  id: string;
}

export interface Marked {
  session: ChangesSession;
  marks: Mark[];
}

export type MarksOf = (uri: vscode.Uri) => Marked[];

export class Lenses implements vscode.CodeLensProvider, vscode.Disposable {
  readonly #marks: MarksOf;
  readonly #changed = new vscode.EventEmitter<void>();
  readonly onDidChangeCodeLenses = this.#changed.event;

  constructor(marks: MarksOf) {
    this.#marks = marks;
  }

  refresh(): void {
    this.#changed.fire();
  }

  provideCodeLenses(document: vscode.TextDocument): vscode.CodeLens[] {
    return this.#marks(document.uri).flatMap(({ session, marks }) =>
      marks.flatMap((mark) => {
        const line = Math.min(mark.start, Math.max(0, document.lineCount - 1));
        const range = new vscode.Range(line, 0, line, 0);
        const target: HunkTarget = { review: session.key, id: mark.id };
        const lens = (name: CommandName, title: string, tooltip: string) =>
          new vscode.CodeLens(range, { command: commandId(name), title, tooltip, arguments: [target] });
        if (mark.touched)
          return [
            lens(
              'resolveConflict',
              t('Edited by you: merge by hand'),
              t('It can no longer be decided here.'),
            ),
            lens('openChange', t('Compare'), t('Show what the agent changed')),
          ];
        const counts = [mark.added > 0 ? `+${mark.added}` : '', mark.removed > 0 ? `−${mark.removed}` : ''];
        const what = counts.filter(Boolean).join(' ');
        return [
          lens('acceptChange', t('Accept'), mark.inFile ? t('Keep this change') : t('Put this change in')),
          lens(
            'rejectChange',
            t('Reject'),
            mark.inFile ? t('Take this change out') : t('Leave this change out'),
          ),
          lens(
            'openChange',
            mark.inFile
              ? t('Codex: {counts}', { counts: what })
              : t('Codex: {counts}, not in the file yet', { counts: what }),
            t('Show what the agent changed'),
          ),
        ];
      }),
    );
  }

  dispose(): void {
    this.#changed.dispose();
  }
}

export class QuickFixes implements vscode.CodeActionProvider {
  readonly #marks: MarksOf;

  constructor(marks: MarksOf) {
    this.#marks = marks;
  }

  provideCodeActions(document: vscode.TextDocument, range: vscode.Range): vscode.CodeAction[] {
    return this.#marks(document.uri).flatMap(({ session, marks }) => {
      const mark = markAt(marks, range.start.line);
      if (!mark || mark.touched) return [];
      const target: HunkTarget = { review: session.key, id: mark.id };
      const action = (name: CommandName, title: string) => {
        const made = new vscode.CodeAction(title, vscode.CodeActionKind.QuickFix);
        made.command = { command: commandId(name), title, arguments: [target] };
        return made;
      };
      return [
        action('acceptChange', t('Accept the change of Codex')),
        action('rejectChange', t('Reject the change of Codex')),
      ];
    });
  }
}
