/**
 * Reviewing a result in the editor. What belongs together here: the reviews (`reviews.ts`), the list (`tree.ts`),
 * the previews (`preview.ts`), what open editors show (`editors.ts`), comments (`comments.ts`), copies (`copy.ts`);
 * this file is what a person can do with them. It is loaded when it is first needed (`door.ts`).
 *
 * Never: a focus taken, a document saved, a setting written, a file that runs by itself put in without its own yes.
 */
import * as vscode from 'vscode';
import { errorText } from '../../protocol/errors.ts';
import type { ReviewState as TaskReview } from '../../protocol/states.ts';
import { taskIdOf } from '../pick.ts';
import type { ChangesCommand, CommandHandlers } from '../platform/commands.ts';
import { setContextKey } from '../platform/contextKeys.ts';
import { untrusted } from '../platform/trust.ts';
import { SentenceError, t } from '../platform/words.ts';
import { Comments } from './comments.ts';
import { copyCommand, copyText, patchOf, saveAs } from './copy.ts';
import { Editors } from './editors.ts';
import type { FileReview } from './file-review.ts';
import type { ResultFiles } from './files.ts';
import { showAll, showFile } from './preview.ts';
import { Reviews, type ReviewsOptions } from './reviews.ts';
import type { ChangesSession, Outcome } from './session.ts';
import { StoredReviews } from './stored.ts';
import { gone, grouped, idsOf, isNode, selectedLines, targetsOf, type Target } from './targets.ts';
import { mergeSide, resolveByHand, resolveUnfitting, type Unfitting } from './resolve.ts';
import { ChangesTree, type ChangeNode } from './tree.ts';
import type { Side } from './uris.ts';
import { refusalLines, refusedSentence } from './words.ts';

export interface RoomOptions extends Omit<ReviewsOptions, 'stored'> {
  /** Where reviews are kept. */
  folder: string;
  files: ResultFiles;
  /** Of the workspace. */
  state: vscode.Memento;
  /** The one that is meant, or that the person picks. */
  pickTask(argument: unknown, title: string): Promise<string>;
  followUp(taskId: string, prompt: string): Promise<void>;
  openTask(taskId: string): void;
  reviewed(taskId: string, review: TaskReview): Promise<void>;
  /** The rows have changed; nothing: all of them. */
  onRows(changed?: readonly ChangeNode[]): void;
  /** A review is open whose row may be shown. */
  onOpened(row: ChangeNode): void;
  /** Rows that are selected in the list. */
  selected(): readonly ChangeNode[];
  report(thrown: unknown): void;
}

export class ChangesRoom implements vscode.Disposable {
  readonly #options: RoomOptions;
  readonly #reviews: Reviews;
  readonly #editors: Editors;
  readonly #comments: Comments;
  readonly tree: ChangesTree;
  readonly commands: Pick<CommandHandlers, ChangesCommand>;

  constructor(options: RoomOptions) {
    this.#options = options;
    this.#reviews = new Reviews({ ...options, stored: new StoredReviews(options.folder) });
    this.tree = new ChangesTree(() => this.#reviews.all);
    this.#editors = new Editors(this.#reviews, options.files);
    this.#comments = new Comments(this.#reviews, options.state);
    this.#reviews.onDidChange((session, files) => {
      if (!this.#reviews.all.includes(session)) this.tree.forget(session);
      options.onRows(files.length === 0 ? undefined : this.tree.changed(session, files));
    });
    options.records.onChange((taskId) => this.lookAgain(taskId));
    this.commands = this.#handlers();
  }

  restore(): Promise<void> {
    return this.#reviews.restore();
  }

  get hasReviews(): boolean {
    return this.#reviews.all.length > 0;
  }

  async read(side: Side): Promise<Uint8Array> {
    if (side.kind === 'blob' || side.kind === 'told') return this.#reviews.read(side);
    if (side.kind === 'merge') return mergeSide(side);
    await this.#reviews.restore();
    const file = this.#reviews.get(side.review)?.files.find(({ key }) => key === side.file);
    return (await file?.baseline()) ?? new Uint8Array();
  }

  /** A result's page asks for one file, or all. */
  async show(taskId: string, wanted: { turn?: number; attempt?: number }, path?: string): Promise<void> {
    const { result, session } = await this.#reviews.open(taskId, wanted);
    const file = path === undefined ? undefined : result.files.find((one) => one.path.path === path);
    // Before the editor, which is there only once all of its files are.
    const row = this.tree.children().find((one) => one.session === session);
    if (row) this.#options.onOpened(row);
    if (file) await showFile(result, file, false);
    else await showAll(result);
  }

  /** Where some of a result is decided already, applying it means the rest. False: nothing of it is. */
  async applyRest(taskId: string, wanted: { attempt?: number }): Promise<boolean> {
    await this.#reviews.restore();
    const decided = (session: ChangesSession) =>
      session.files.some(({ items }) => items.some(({ decision }) => decision !== 'open'));
    if (!this.#reviews.all.some((one) => one.result.ref.taskId === taskId && decided(one))) return false;
    const { session } = await this.#reviews.open(taskId, wanted);
    if (!session) return false;
    const ids = session.files.flatMap(({ items }) =>
      items.filter(({ decision }) => decision === 'open').map(({ id }) => id),
    );
    if (ids.length === 0)
      throw new SentenceError(
        t('Each change of this result is decided. The list of changes can alter that.'),
      );
    const before = session.counts().accepted;
    await this.#accept({ session, ids });
    const count = session.counts().accepted - before;
    if (count > 0)
      void vscode.window.showInformationMessage(
        count === 1 ? t('1 more change was accepted.') : t('{count} more changes were accepted.', { count }),
      );
    return true;
  }

  /** Boxes of the list. */
  async tick(items: readonly (readonly [ChangeNode, vscode.TreeItemCheckboxState])[]): Promise<void> {
    const of = (wanted: vscode.TreeItemCheckboxState) =>
      grouped(items.filter(([, state]) => state === wanted).map(([node]) => node));
    for (const target of of(vscode.TreeItemCheckboxState.Unchecked)) await this.#reject(target);
    for (const target of of(vscode.TreeItemCheckboxState.Checked)) await this.#accept(target);
    // A box whose wish was refused shows what is.
    this.#options.onRows();
  }

  dispose(): void {
    this.#editors.dispose();
    this.#comments.dispose();
  }

  #handlers(): Pick<CommandHandlers, ChangesCommand> {
    const each = async (targets: readonly Target[], act: (target: Target) => Promise<void>) => {
      for (const target of targets) await act(target);
    };
    const accept = (target: Target) => this.#accept(target);
    const reject = (target: Target) => this.#reject(target);
    return {
      showChanges: async (argument) => {
        const session = this.#sessionOf(argument);
        if (session) return showAll(session.result);
        return this.show(await this.#options.pickTask(argument, t('Show Changes')), {});
      },
      openChange: (...args) => this.#open(args),
      openFile: (...args) => this.#openFile(args),
      acceptChange: (...args) => each(targetsOf(this.#editors, this.#reviews, args), accept),
      rejectChange: (...args) => each(targetsOf(this.#editors, this.#reviews, args), reject),
      acceptAllChanges: (argument) => each([this.#all(argument)], accept),
      rejectAllChanges: async (argument) => {
        const target = this.#all(argument);
        const yes = t('Reject All');
        const answer = await vscode.window.showWarningMessage(
          t('Reject all changes of “{title}”?', { title: target.session.result.title }),
          { modal: true, detail: t('What is in your files of them is taken out. It can be undone.') },
          yes,
        );
        if (answer === yes) await this.#reject(target);
      },
      applySelectedChanges: async (argument) => {
        const nodes = isNode(argument) ? [argument] : this.#options.selected();
        if (nodes.length === 0) throw new SentenceError(t('Select files or changes in the list first.'));
        await each(grouped(nodes), accept);
      },
      undoChange: (argument) => this.#undo(argument),
      resolveConflict: async (...args) => {
        const [argument, of] = args;
        if (!vscode.workspace.isTrusted) throw untrusted();
        if (typeof argument === 'string') return resolveUnfitting(this.#reviews, argument, of as Unfitting);
        const [session, file] = this.#fileOf(args);
        await resolveByHand(session, file);
      },
      nextChange: () => this.#editors.go(1),
      previousChange: () => this.#editors.go(-1),
      acceptSelectedLines: async () => this.#accept(await selectedLines(this.#reviews)),
      rejectSelectedLines: async () => this.#reject(await selectedLines(this.#reviews)),
      refreshChanges: async () => {
        await this.#reviews.restore();
        await Promise.all(this.#reviews.all.map((session) => session.look()));
        this.#options.onRows();
      },
      closeReview: (argument) => this.#reviews.close(this.#one(argument)),
      copyApplyCommand: async (argument) =>
        copyCommand(await this.#patch(argument, t('Copy as git apply Command'))),
      copyPatch: async (argument) => copyText(await this.#patch(argument, t('Copy Patch'))),
      savePatch: async (argument) => {
        if (isNode(argument)) return saveAs(patchOf(argument), argument.session.result);
        const taskId = await this.#options.pickTask(argument, t('Save Patch As…'));
        const { result } = await this.#reviews.open(taskId);
        return saveAs(result.bytes, result);
      },
      addComment: (argument) => this.#comments.add(argument),
      deleteComment: (argument) => this.#comments.remove(argument),
      sendComments: async () => {
        const sent = await this.#comments.send((taskId, prompt) => this.#options.followUp(taskId, prompt));
        for (const taskId of sent) this.#options.openTask(taskId);
      },
    };
  }

  async #accept({ session, ids }: Target): Promise<void> {
    if (!vscode.workspace.isTrusted) throw untrusted();
    const outcome = await this.#working(() => session.accept(ids));
    this.#tell(session, outcome);
    if (outcome.selfRunning.length === 0) return;
    const yes = t('Accept Them Too');
    const paths = outcome.selfRunning.map(({ path }) => `• ${path}`);
    const answer = await vscode.window.showWarningMessage(
      paths.length === 1
        ? t('1 file runs by itself.')
        : t('{count} files run by themselves.', { count: paths.length }),
      {
        modal: true,
        detail: `${paths.join('\n')}\n\n${t('An editor, a shell, a hook or a CI service runs such files without asking. Read them first.')}`,
      },
      yes,
    );
    if (answer === yes) this.#tell(session, await this.#working(() => session.accept(ids, true)));
  }

  async #reject({ session, ids }: Target): Promise<void> {
    if (!vscode.workspace.isTrusted) throw untrusted();
    this.#tell(session, await this.#working(() => session.reject(ids)));
  }

  async #undo(argument: unknown): Promise<void> {
    if (!vscode.workspace.isTrusted) throw untrusted();
    await this.#reviews.restore();
    const session = this.#sessionOf(argument) ?? this.#reviews.undoable;
    if (!session?.canUndo) throw new SentenceError(t('There is no decision to undo.'));
    const outcome = await this.#working(() => session.undo());
    if (outcome.refused.length === 0) return this.#tell(session, outcome);
    const merge = t('Merge With My Edits');
    const answer = await vscode.window.showWarningMessage(
      t('You have edited what this would take back.'),
      {
        modal: true,
        detail: `${refusalLines(outcome.refused, t).join('\n')}\n\n${t('Your edits can be merged with the state before the decision. Where both changed the same lines, yours stay.')}`,
      },
      merge,
    );
    if (answer === merge) this.#tell(session, await this.#working(() => session.undo(true)));
  }

  /** What was refused is said; what was done can be seen. */
  #tell(session: ChangesSession, { refused, done }: Outcome): void {
    void this.#report(session);
    if (refused.length === 0) return;
    for (const line of refusalLines(refused, t)) this.#options.log.warn(`Left as it is: ${line}`);
    void vscode.window.showWarningMessage(refusedSentence(refused, done.length, t));
  }

  async #report(session: ChangesSession): Promise<void> {
    await this.#options
      .reviewed(session.result.ref.taskId, session.review)
      .catch((thrown: unknown) =>
        this.#options.log.warn(`The review state was not stored: ${errorText(thrown)}`),
      );
  }

  async #working<T>(act: () => Promise<T>): Promise<T> {
    setContextKey('codexTasks.changes.busy', true);
    try {
      return await vscode.window.withProgress({ location: { viewId: 'codexTasks.changes' } }, act);
    } finally {
      setContextKey('codexTasks.changes.busy', false);
    }
  }

  #all(argument: unknown): Target {
    const session = this.#one(argument);
    return { session, ids: idsOf({ kind: 'result', session }) };
  }

  #one(argument: unknown): ChangesSession {
    const session =
      this.#sessionOf(argument) ??
      this.#options.selected()[0]?.session ??
      this.#activeSession() ??
      this.#reviews.all[0];
    if (!session) throw new SentenceError(t('No review is open. Show the changes of a task first.'));
    return session;
  }

  #activeSession(): ChangesSession | undefined {
    const editor = vscode.window.activeTextEditor;
    return editor && this.#reviews.at(editor.document.uri)[0]?.session;
  }

  #sessionOf(argument: unknown): ChangesSession | undefined {
    if (isNode(argument)) return argument.session;
    const taskId = taskIdOf(argument);
    return taskId === null ? undefined : this.#reviews.all.find(({ result }) => result.ref.taskId === taskId);
  }

  async #open(args: readonly unknown[]): Promise<void> {
    const [argument] = args;
    if (isNode(argument)) {
      const { session } = argument;
      if (argument.kind === 'result') return showAll(session.result);
      const { file } = argument;
      if (argument.kind === 'item' && canOpen(file, argument.id))
        return this.#editors.open(session, file, argument.id, true);
      return showFile(session.result, file.file, true);
    }
    const [session, file] = this.#fileOf(args);
    await showFile(session.result, file.file, false);
  }

  #fileOf(args: readonly unknown[]): [ChangesSession, FileReview] {
    const [argument] = args;
    if (isNode(argument) && argument.kind !== 'result') return [argument.session, argument.file];
    const [target] = targetsOf(this.#editors, this.#reviews, args);
    const file = target?.session.fileOf(target.ids[0] ?? '');
    if (!target || !file) throw gone();
    return [target.session, file];
  }

  async #openFile(args: readonly unknown[]): Promise<void> {
    const [argument] = args;
    if (!isNode(argument) || argument.kind === 'result') return this.#open(args);
    const id = argument.kind === 'item' ? argument.id : (argument.file.hunks[0]?.id ?? '');
    await this.#editors.open(argument.session, argument.file, id, false);
  }

  async #patch(argument: unknown, title: string): Promise<Uint8Array> {
    if (isNode(argument)) return patchOf(argument);
    return (await this.#reviews.open(await this.#options.pickTask(argument, title))).result.bytes;
  }

  lookAgain(taskId: string): void {
    for (const session of this.#reviews.all) if (session.result.ref.taskId === taskId) void session.look();
  }
}

function canOpen(file: FileReview, id: string): boolean {
  return (
    file.place(id) !== undefined && (file.file.kind !== 'added' || file.items.some(({ inFile }) => inFile))
  );
}
