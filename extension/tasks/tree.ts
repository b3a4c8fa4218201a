/** The list of tasks as VS Code's tree: four groups, empty ones left out, each task one row. */
import * as vscode from 'vscode';
import { GROUP_WORDS } from '../../client/words/index.ts';
import type { AccessLevel } from '../../protocol/egress.ts';
import type { TaskSummary } from '../../protocol/rpc.ts';
import type { TaskGroup } from '../../protocol/states.ts';
import { t } from '../platform/words.ts';
import { describeRow, type RowFacts } from './describe.ts';
import { GROUPS, type Row, type TaskStore } from './store.ts';

export type TaskNode = { kind: 'group'; group: TaskGroup } | Row;

/** What the backend's summary does not say of a task. */
export interface RowFactsOf {
  isApplied: (taskId: string) => boolean;
  access: (task: TaskSummary) => AccessLevel;
}

export class TaskTree implements vscode.TreeDataProvider<TaskNode>, vscode.Disposable {
  readonly #store: TaskStore;
  readonly #facts: RowFactsOf;
  readonly #changed = new vscode.EventEmitter<void>();
  readonly #stop: () => void;
  /** The same object for the same row: VS Code compares nodes by identity when it reveals one. */
  readonly #groups = new Map(GROUPS.map((group) => [group, { kind: 'group', group } as const]));
  readonly onDidChangeTreeData = this.#changed.event;

  constructor(store: TaskStore, facts: RowFactsOf) {
    this.#store = store;
    this.#facts = facts;
    this.#stop = store.onChange(() => this.#changed.fire());
  }

  refresh(): void {
    this.#changed.fire();
  }

  getChildren(node?: TaskNode): TaskNode[] {
    const groups = this.#store.groups();
    if (!node) return [...this.#groups.values()].filter(({ group }) => (groups.get(group) ?? []).length > 0);
    return node.kind === 'group' ? (groups.get(node.group) ?? []) : [];
  }

  getParent(node: TaskNode): TaskNode | undefined {
    if (node.kind === 'group') return undefined;
    for (const [group, rows] of this.#store.groups()) {
      if (rows.some((row) => row.key === node.key)) return this.#groups.get(group);
    }
    return undefined;
  }

  getTreeItem(node: TaskNode): vscode.TreeItem {
    if (node.kind === 'group') {
      const count = this.#store.groups().get(node.group)?.length ?? 0;
      const item = new vscode.TreeItem(t(GROUP_WORDS[node.group]), vscode.TreeItemCollapsibleState.Expanded);
      item.id = `group:${node.group}`;
      item.description = String(count);
      item.contextValue = 'group';
      return item;
    }
    const { isApplied, access } = this.#facts;
    const facts: RowFacts =
      node.kind === 'task'
        ? {
            applied: isApplied(node.task.id),
            stopping: this.#store.isStopping(node.task.id),
            access: access(node.task),
          }
        : { applied: false, stopping: false, access: 'off' };
    const words = describeRow(node, facts, t);
    const item = new vscode.TreeItem(words.label);
    item.id = `row:${node.key}`;
    item.description = words.description;
    item.tooltip = words.tooltip;
    item.iconPath = new vscode.ThemeIcon(
      words.icon.id,
      words.icon.color === undefined ? undefined : new vscode.ThemeColor(words.icon.color),
    );
    item.contextValue = words.context.join(' ');
    item.accessibilityInformation = { label: `${words.label}, ${words.description}` };
    if (node.kind === 'task') {
      item.command = { command: 'codexTasks.openTask', title: t('Open Task'), arguments: [node.task.id] };
    }
    return item;
  }

  dispose(): void {
    this.#stop();
    this.#changed.dispose();
  }
}
