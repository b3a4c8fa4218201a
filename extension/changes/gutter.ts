/**
 * Bars in the editor's gutter with the old text in the peek: VS Code's quick diff of our own source control, one
 * for each folder. What it compares with is the file without the hunks that are in it and not decided, so that
 * only these have bars, beside git's own and whatever else the person has edited.
 */
import * as vscode from 'vscode';
import { t } from '../platform/words.ts';

const ID = 'codexTasksChanges';

export class Gutter implements vscode.Disposable {
  readonly #baselineOf: (uri: vscode.Uri) => vscode.Uri | undefined;
  readonly #controls = new Map<string, vscode.SourceControl>();

  constructor(baselineOf: (uri: vscode.Uri) => vscode.Uri | undefined) {
    this.#baselineOf = baselineOf;
  }

  /** Those folders have bars, and no others. Files that are open already are looked at again. */
  show(roots: ReadonlySet<string>): void {
    for (const [root, control] of this.#controls) {
      if (roots.has(root)) continue;
      control.dispose();
      this.#controls.delete(root);
    }
    for (const root of roots) {
      const control = this.#controls.get(root) ?? this.#create(root);
      control.quickDiffProvider = { provideOriginalResource: (uri) => this.#baselineOf(uri) };
    }
  }

  dispose(): void {
    this.show(new Set());
  }

  #create(root: string): vscode.SourceControl {
    const control = vscode.scm.createSourceControl(ID, t('Codex Changes'), vscode.Uri.file(root));
    control.inputBox.visible = false;
    this.#controls.set(root, control);
    return control;
  }
}
