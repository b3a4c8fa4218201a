/**
 * What is shown in the editors that are open: bars, lenses, fixes, context keys; and the way from hunk to hunk.
 * Places follow typing at once; a look at the whole file puts them right when the typing pauses. Nothing here
 * opens an editor or moves a cursor that nobody asked to be moved.
 */
import { join } from 'node:path';
import * as vscode from 'vscode';
import { setContextKey } from '../platform/contextKeys.ts';
import { surfaces, onDidChangeSetting } from '../platform/settings.ts';
import { SentenceError, t } from '../platform/words.ts';
import type { ResultFiles } from './files.ts';
import type { FileReview } from './file-review.ts';
import { Gutter } from './gutter.ts';
import { Lenses, QuickFixes, type Marked } from './lenses.ts';
import { lineEdit, markAt, marksOf, nextMark, previousMark, type Mark } from './marks.ts';
import type { Reviews } from './reviews.ts';
import type { ChangesSession } from './session.ts';
import { uriOf } from './uris.ts';

/** A pause in typing, or in what another program writes. */
const LOOK_AFTER_MS = 300;
const FILES: vscode.DocumentSelector = { scheme: 'file' };

export class Editors implements vscode.Disposable {
  readonly #reviews: Reviews;
  readonly #files: ResultFiles;
  readonly #disposables: vscode.Disposable[] = [];
  readonly #soon = new Map<ChangesSession, { files: Set<FileReview>; timer: NodeJS.Timeout }>();
  readonly #gutter: Gutter;
  readonly #lenses: Lenses;
  /** Registered while a review is open. */
  #providers: vscode.Disposable[] = [];

  constructor(reviews: Reviews, files: ResultFiles) {
    this.#reviews = reviews;
    this.#files = files;
    this.#gutter = new Gutter((uri) => this.#baseline(uri));
    this.#lenses = new Lenses((uri) => this.marked(uri));
    reviews.onDidChange((session, changed) => this.#onReview(session, changed));
    this.#disposables.push(
      this.#gutter,
      this.#lenses,
      onDidChangeSetting(['review.surfaces'], () => this.#register()),
      vscode.workspace.onDidChangeTextDocument((change) => this.#onText(change)),
      vscode.workspace.onDidSaveTextDocument(({ uri }) => this.#lookAt(uri)),
      vscode.workspace.onDidOpenTextDocument(({ uri }) => this.#lookAt(uri)),
      vscode.window.onDidChangeActiveTextEditor(() => this.#keys()),
      vscode.window.onDidChangeTextEditorSelection(({ textEditor }) => {
        if (textEditor === vscode.window.activeTextEditor) this.#keys();
      }),
      vscode.window.onDidChangeWindowState(({ focused }) => {
        if (focused) for (const session of reviews.all) void session.look();
      }),
    );
  }

  marked(uri: vscode.Uri): Marked[] {
    return this.#reviews.at(uri).map(({ session, file }) => ({ session, marks: marksOf(file) }));
  }

  /** What a person means who gives no more than where they are. */
  here(line?: number): { session: ChangesSession; mark: Mark; document: vscode.TextDocument } {
    const editor = vscode.window.activeTextEditor;
    if (editor) {
      for (const { session, marks } of this.marked(editor.document.uri)) {
        const mark = markAt(marks, line ?? editor.selection.active.line);
        if (mark) return { session, mark, document: editor.document };
      }
    }
    throw new SentenceError(t('There is no open change at the cursor.'));
  }

  /** To the next or previous change, in the next or previous file when this one has no more. */
  async go(step: 1 | -1): Promise<void> {
    const editor = vscode.window.activeTextEditor;
    const line = editor?.selection.active.line ?? 0;
    const own = editor ? this.#reviews.at(editor.document.uri) : [];
    for (const { file } of own) {
      const mark = step === 1 ? nextMark(marksOf(file), line) : previousMark(marksOf(file), line);
      if (editor && mark) {
        reveal(editor, mark);
        return;
      }
    }
    const files = this.#reviews.all.flatMap((session) => session.files.map((file) => ({ session, file })));
    const at = files.findIndex(({ file }) => file === own[0]?.file);
    const order = step === 1 ? files : files.toReversed();
    const from = at < 0 ? 0 : (step === 1 ? at : files.length - 1 - at) + 1;
    for (const { session, file } of [...order.slice(from), ...order.slice(0, from)]) {
      const marks = marksOf(file);
      const mark = step === 1 ? marks[0] : marks.at(-1);
      if (mark) return this.open(session, file, mark.id, false);
    }
    throw new SentenceError(t('No change is left to decide in an editor.'));
  }

  /** The file itself, at this hunk. */
  async open(session: ChangesSession, file: FileReview, id: string, preserveFocus: boolean): Promise<void> {
    const mark = file.place(id);
    const uri = vscode.Uri.file(join(session.result.ref.root, file.path.path));
    const editor = await vscode.window.showTextDocument(uri, { preview: true, preserveFocus });
    if (mark) reveal(editor, { start: mark.range.start });
  }

  dispose(): void {
    for (const { timer } of this.#soon.values()) clearTimeout(timer);
    for (const one of [...this.#providers, ...this.#disposables]) one.dispose();
  }

  #onReview(session: ChangesSession, changed: readonly FileReview[]): void {
    if (changed.length === 0) this.#register();
    for (const file of changed) this.#files.changed(baselineOf(session, file));
    this.#lenses.refresh();
    this.#keys();
  }

  /** Providers cost something with every document, so they are there only while there is something to show. */
  #register(): void {
    for (const one of this.#providers) one.dispose();
    this.#providers = [];
    const { gutter, codeLens } = surfaces();
    const any = this.#reviews.all.length > 0;
    this.#gutter.show(
      gutter ? new Set(this.#reviews.all.map(({ result }) => result.ref.root)) : new Set<string>(),
    );
    if (!any) return;
    // What git or another program does to a file counts as well. These events come to VS Code anyway.
    const watcher = vscode.workspace.createFileSystemWatcher('**/*');
    const look = (uri: vscode.Uri) => this.#lookAt(uri);
    this.#providers.push(
      watcher,
      watcher.onDidChange(look),
      watcher.onDidCreate(look),
      watcher.onDidDelete(look),
    );
    if (codeLens) {
      this.#providers.push(
        vscode.languages.registerCodeLensProvider(FILES, this.#lenses),
        vscode.languages.registerCodeActionsProvider(FILES, new QuickFixes((uri) => this.marked(uri)), {
          providedCodeActionKinds: [vscode.CodeActionKind.QuickFix],
        }),
      );
    }
  }

  #baseline(uri: vscode.Uri): vscode.Uri | undefined {
    const [found] = this.#reviews.at(uri);
    return found && baselineOf(found.session, found.file);
  }

  #onText({ document, contentChanges }: vscode.TextDocumentChangeEvent): void {
    if (contentChanges.length === 0) return;
    for (const { session, file } of this.#reviews.at(document.uri)) {
      // A saved document that changes was read again from the disk, where the review wrote it.
      if (document.isDirty) session.edited(file, contentChanges.map(lineEdit));
      this.#lookSoon(session, file);
    }
  }

  #lookAt(uri: vscode.Uri): void {
    for (const { session, file } of this.#reviews.at(uri)) this.#lookSoon(session, file);
  }

  /** In a pause; whatever changed until then in one go. */
  #lookSoon(session: ChangesSession, file: FileReview): void {
    const known = this.#soon.get(session);
    clearTimeout(known?.timer);
    const files = (known?.files ?? new Set()).add(file);
    const timer = setTimeout(() => {
      this.#soon.delete(session);
      void session.look([...files]);
    }, LOOK_AFTER_MS);
    this.#soon.set(session, { files, timer });
  }

  #keys(): void {
    const editor = vscode.window.activeTextEditor;
    const marks = editor ? this.marked(editor.document.uri).flatMap((one) => one.marks) : [];
    setContextKey('codexTasks.changes.open', this.#reviews.all.length > 0);
    setContextKey(
      'codexTasks.changes.canUndo',
      this.#reviews.all.some(({ canUndo }) => canUndo),
    );
    setContextKey('codexTasks.changes.activeFile', marks.length > 0);
    setContextKey(
      'codexTasks.changes.activeChange',
      editor !== undefined && markAt(marks, editor.selection.active.line) !== undefined,
    );
  }
}

export function baselineOf(session: ChangesSession, file: FileReview): vscode.Uri {
  return uriOf(file.path.path, { kind: 'baseline', review: session.key, file: file.key });
}

function reveal(editor: vscode.TextEditor, { start }: { start: number }): void {
  const position = new vscode.Position(start, 0);
  editor.selection = new vscode.Selection(position, position);
  editor.revealRange(
    new vscode.Range(position, position),
    vscode.TextEditorRevealType.InCenterIfOutsideViewport,
  );
}
