/**
 * The door to the room of changes: what VS Code has to know from the start (the list, the files, the commands).
 * The room behind it is loaded with its first use, so that an extension that reviews nothing carries nothing.
 */
import * as vscode from 'vscode';
import { CHANGES_COMMANDS, type ChangesCommand, type CommandHandlers } from '../platform/commands.ts';
import { setContextKey } from '../platform/contextKeys.ts';
import { ResultFiles } from './files.ts';
import type { ChangesRoom, RoomOptions } from './room.ts';
import type { ChangeNode } from './tree.ts';
import { RESULT_SCHEME } from './uris.ts';

/** Whether a review was open when this workspace was last looked at. */
const ANY = 'codexTasks.changes.any';

export interface DoorOptions extends Omit<RoomOptions, 'files' | 'onRows' | 'onOpened' | 'selected'> {
  state: vscode.Memento;
}

export class ChangesDoor implements vscode.Disposable {
  readonly #options: DoorOptions;
  readonly #files = new ResultFiles(async (side) => (await this.#open()).read(side));
  readonly #rows = new vscode.EventEmitter<ChangeNode[] | undefined>();
  readonly #view: vscode.TreeView<ChangeNode>;
  readonly #disposables: vscode.Disposable[];
  #room: Promise<ChangesRoom> | null = null;
  #opened: ChangesRoom | null = null;

  constructor(options: DoorOptions) {
    this.#options = options;
    this.#view = vscode.window.createTreeView<ChangeNode>('codexTasks.changes', {
      treeDataProvider: {
        onDidChangeTreeData: this.#rows.event,
        getChildren: async (node) => {
          const room = await this.#open();
          await room.restore();
          return room.tree.children(node);
        },
        getParent: (node) => this.#opened?.tree.parent(node),
        // A row is there only once the room is.
        getTreeItem: (node) => this.#opened!.tree.item(node),
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
          .then((room) => room.tick(items))
          .catch(options.report);
      }),
    ];
    if (options.state.get<boolean>(ANY)) void this.#open().then((room) => room.restore());
  }

  get handlers(): Pick<CommandHandlers, ChangesCommand> {
    const made = CHANGES_COMMANDS.map((name) => [
      name,
      async (...args: unknown[]) => (await this.#open()).commands[name](...args),
    ]);
    return Object.fromEntries(made) as Pick<CommandHandlers, ChangesCommand>;
  }

  async show(taskId: string, of: { turn: number; attempt: number }, path?: string): Promise<void> {
    await (await this.#open()).show(taskId, of, path);
  }

  dispose(): void {
    this.#opened?.dispose();
    for (const one of this.#disposables) one.dispose();
  }

  #open(): Promise<ChangesRoom> {
    return (this.#room ??= this.#load());
  }

  async #load(): Promise<ChangesRoom> {
    const { ChangesRoom } = await import('./room.ts');
    const room = new ChangesRoom({
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
    this.#opened = room;
    return room;
  }

  #onRows(changed?: readonly ChangeNode[]): void {
    const any = this.#opened?.hasReviews ?? false;
    if (this.#options.state.get<boolean>(ANY) !== any) void this.#options.state.update(ANY, any);
    setContextKey('codexTasks.changes.open', any);
    if (changed === undefined) this.#rows.fire(undefined);
    else if (changed.length > 0) this.#rows.fire([...changed]);
  }
}
