/** The list of changes: results → files → hunks and whole parts. Ticked is accepted. */
import { join } from 'node:path';
import * as vscode from 'vscode';
import { commandId } from '../platform/commands.ts';
import { t } from '../platform/words.ts';
import { describeFile, describeItem, describeResult, type ChangeRow } from './describe.ts';
import type { FileReview } from './file-review.ts';
import type { ChangesSession } from './session.ts';

export type ChangeNode =
  | { kind: 'result'; session: ChangesSession }
  | { kind: 'file'; session: ChangesSession; file: FileReview }
  | { kind: 'item'; session: ChangesSession; file: FileReview; id: string };

export class ChangesTree {
  readonly #sessions: () => readonly ChangesSession[];
  /** The same object for the same row: VS Code compares nodes by identity. */
  readonly #nodes = new Map<string, ChangeNode>();
  /** What rows said when they were last asked about. */
  readonly #said = new Map<ChangeNode, string>();

  constructor(sessions: () => readonly ChangesSession[]) {
    this.#sessions = sessions;
  }

  children(node?: ChangeNode): ChangeNode[] {
    switch (node?.kind) {
      case undefined:
        return this.#sessions().map((session) => this.#node(session.key, { kind: 'result', session }));
      case 'result': {
        const { session } = node;
        return session.files.map((file) =>
          this.#node(`${session.key}/${file.key}`, { kind: 'file', session, file }),
        );
      }
      case 'file': {
        const { session, file } = node;
        return inOrder(file).map((id) =>
          this.#node(`${session.key}/${file.key}/${id}`, { kind: 'item', session, file, id }),
        );
      }
      case 'item':
        return [];
    }
  }

  parent(node: ChangeNode): ChangeNode | undefined {
    switch (node.kind) {
      case 'result':
        return undefined;
      case 'file':
        return this.children().find((one) => one.session === node.session);
      case 'item':
        return this.#node(`${node.session.key}/${node.file.key}`, { ...node, kind: 'file' });
    }
  }

  item(node: ChangeNode): vscode.TreeItem {
    const { session } = node;
    const { Collapsed, Expanded, None } = vscode.TreeItemCollapsibleState;
    switch (node.kind) {
      case 'result': {
        const item = itemOf(describeResult(session, t), Expanded);
        item.id = session.key;
        return item;
      }
      case 'file': {
        const { file } = node;
        const item = itemOf(
          describeFile(file, session.result.told, t),
          file.items.length > 1 ? Collapsed : None,
        );
        item.id = `${session.key}/${file.key}`;
        item.resourceUri = vscode.Uri.file(join(session.result.ref.root, file.file.path.path));
        item.iconPath = vscode.ThemeIcon.File;
        item.command = opens(node, t('Show Changes'));
        return item;
      }
      case 'item': {
        const known = node.file.item(node.id);
        if (!known) return new vscode.TreeItem('');
        const item = itemOf(describeItem(node.file, known, t), None);
        item.id = `${session.key}/${node.file.key}/${node.id}`;
        item.command = opens(node, t('Show Changes'));
        return item;
      }
    }
  }

  /**
   * The rows that say something else than before. VS Code forgets the rows below one that is refreshed, and what
   * a person clicks in that moment means nothing any more: what says the same is left alone.
   */
  changed(session: ChangesSession, files: readonly FileReview[]): ChangeNode[] {
    const result = this.#node(session.key, { kind: 'result', session });
    const changed = files
      .map((file) => this.#node(`${session.key}/${file.key}`, { kind: 'file', session, file }))
      .filter((node) =>
        this.#saysElse(node, [
          describeFile(node.file, session.result.told, t),
          ...node.file.items.map((item) => describeItem(node.file, item, t)),
        ]),
      );
    return this.#saysElse(result, [describeResult(session, t)]) ? [result] : changed;
  }

  #saysElse(node: ChangeNode, rows: readonly ChangeRow[]): boolean {
    const says = JSON.stringify(rows);
    if (this.#said.get(node) === says) return false;
    this.#said.set(node, says);
    return true;
  }

  /** Rows of reviews that are closed. */
  forget(session: ChangesSession): void {
    for (const [key, node] of this.#nodes) {
      if (node.session !== session) continue;
      this.#nodes.delete(key);
      this.#said.delete(node);
    }
  }

  #node<N extends ChangeNode>(key: string, made: N): N {
    const known = this.#nodes.get(key);
    if (known?.kind === made.kind && known.session === made.session) return known as N;
    this.#nodes.set(key, made);
    return made;
  }
}

/** What has no lines first, then the hunks as they stand in the file. */
function inOrder(file: FileReview): string[] {
  return [...file.file.whole.map(({ id }) => id), ...file.hunks.map(({ id }) => id)];
}

function opens(node: ChangeNode, title: string): vscode.Command {
  return { command: commandId('openChange'), title, arguments: [node] };
}

function itemOf(row: ChangeRow, state: vscode.TreeItemCollapsibleState): vscode.TreeItem {
  const item = new vscode.TreeItem(row.label, state);
  item.description = row.description;
  item.tooltip = row.tooltip;
  item.contextValue = row.context.join(' ');
  item.accessibilityInformation = { label: row.aria };
  if (row.icon) {
    const color = row.icon.color === undefined ? undefined : new vscode.ThemeColor(row.icon.color);
    item.iconPath = new vscode.ThemeIcon(row.icon.id, color);
  }
  if (row.checked !== undefined) {
    const { Checked, Unchecked } = vscode.TreeItemCheckboxState;
    item.checkboxState = {
      state: row.checked ? Checked : Unchecked,
      tooltip: row.checked ? t('Accepted: untick to reject') : t('Tick to accept'),
      accessibilityInformation: { label: row.checked ? t('accepted') : t('not accepted'), role: 'checkbox' },
    };
  }
  return item;
}
