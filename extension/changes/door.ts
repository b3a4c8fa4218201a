/**
 * The door to reviewing and applying: what VS Code has to know from the start (the list, the files, the commands).
 * What is behind it is loaded with its first use, so that an extension that has no result carries nothing.
 */
import * as vscode from 'vscode';
import { CHANGES_COMMANDS, type ChangesCommand, type CommandHandlers } from '../platform/commands.ts';
import { setContextKey } from '../platform/contextKeys.ts';
import { ResultFiles } from './files.ts';
import type { Rooms, RoomsOptions } from './rooms.ts';
import type { ChangeNode } from './tree.ts';
import { RESULT_SCHEME } from './uris.ts';

/** Whether a review was open when this workspace was last looked at. */
const ANY = 'codexTasks.changes.any';

export type DoorOptions = Omit<RoomsOptions, 'files' | 'onRows' | 'onOpened' | 'selected'>;

export class ChangesDoor implements vscode.Disposable {
  readonly #options: DoorOptions;
  readonly #files = new ResultFiles(async (side) => (await this.#open()).changes.read(side));
  readonly #rows = new vscode.EventEmitter<ChangeNode[] | undefined>();
  readonly #view: vscode.TreeView<ChangeNode>;
  readonly #disposables: vscode.Disposable[];
  #rooms: Promise<Rooms> | null = null;
  #opened: Rooms | null = null;

  constructor(options: DoorOptions) {
    this.#options = options;
    this.#view = vscode.window.createTreeView<ChangeNode>('codexTasks.changes', {
      treeDataProvider: {
        onDidChangeTreeData: this.#rows.event,
        getChildren: async (node) => {
          const { changes } = await this.#open();
          await changes.restore();
          return changes.tree.children(node);
        },
        getParent: (node) => this.#opened?.changes.tree.parent(node),
        // A row is there only once the room is.
        getTreeItem: (node) => this.#opened!.changes.tree.item(node),
      },
      canSelectMany: true,
      manageCheckboxStateManually: true,
      showCollapseAll: true,
    });
    this.#disposables = [
      this.#view,
      this.#rows,
      this.#files,
      vscode.workspace.registerFileSystemProvider(RESULT_SCHEME, this.#files, {
        isReadonly: true,
        isCaseSensitive: true,
      }),
      this.#view.onDidChangeCheckboxState(({ items }) => {
        this.#open()
          .then(({ changes }) => changes.tick(items))
          .catch(options.report);
      }),
    ];
    if (options.state.get<boolean>(ANY)) void this.#open().then(({ changes }) => changes.restore());
  }

  get handlers(): Pick<CommandHandlers, ChangesCommand> {
    const made = CHANGES_COMMANDS.map((name) => [
      name,
      async (...args: unknown[]) => (await this.#open()).changes.commands[name](...args),
    ]);
    return Object.fromEntries(made) as Pick<CommandHandlers, ChangesCommand>;
  }

  async show(taskId: string, of: { turn: number; attempt: number }, path?: string): Promise<void> {
    await (await this.#open()).changes.show(taskId, of, path);
  }

  async apply(taskId: string, attempt?: number): Promise<void> {
    await (await this.#open()).apply(taskId, attempt);
  }

  async undo(taskId: string): Promise<void> {
    await (await this.#open()).applier.undo(taskId);
  }

  async applyTo(argument: unknown): Promise<void> {
    await (await this.#open()).applyTo(argument);
  }

  async listCheckpoints(): Promise<void> {
    await (await this.#open()).checkpoints.show();
  }

  dispose(): void {
    this.#opened?.dispose();
    for (const one of this.#disposables) one.dispose();
  }

  #open(): Promise<Rooms> {
    return (this.#rooms ??= this.#load());
  }

  async #load(): Promise<Rooms> {
    const { Rooms } = await import('./rooms.ts');
    const rooms = new Rooms({
      ...this.#options,
      files: this.#files,
      onRows: (changed) => this.#onRows(changed),
      onOpened: (row) => {
        // In sight, but neither selected nor with the focus.
        void Promise.resolve(this.#view.reveal(row, { select: false, focus: false, expand: true })).catch(
          () => undefined,
        );
      },
      selected: () => this.#view.selection,
    });
    this.#opened = rooms;
    return rooms;
  }

  #onRows(changed?: readonly ChangeNode[]): void {
    const any = this.#opened?.changes.hasReviews ?? false;
    if (this.#options.state.get<boolean>(ANY) !== any) void this.#options.state.update(ANY, any);
    setContextKey('codexTasks.changes.open', any);
    if (changed === undefined) this.#rows.fire(undefined);
    else if (changed.length > 0) this.#rows.fire([...changed]);
  }
}
