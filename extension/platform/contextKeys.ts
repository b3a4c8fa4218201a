/** Every context key of ours with its default: the only place that sets one. */
import * as vscode from 'vscode';

export type ConnectionKey = 'none' | 'connecting' | 'connected' | 'lost' | 'unauthorized' | 'failed';

export interface ContextKeys {
  'codexTasks.connection': ConnectionKey;
  /** The backend is one that this extension may stop and start. */
  'codexTasks.ownBackend': boolean;
  /** The input box of `Codex: Ask` is open. */
  'codexTasks.asking': boolean;
  /** A result is under review in this window. */
  'codexTasks.changes.open': boolean;
  /** A decision is being carried out. */
  'codexTasks.changes.busy': boolean;
  'codexTasks.changes.canUndo': boolean;
  /** The active editor's file has changes that are not decided. */
  'codexTasks.changes.activeFile': boolean;
  /** The cursor is at one of them. */
  'codexTasks.changes.activeChange': boolean;
  /** There are comments that were not sent. */
  'codexTasks.changes.comments': boolean;
}

export const CONTEXT_KEYS: ContextKeys = {
  'codexTasks.connection': 'none',
  'codexTasks.ownBackend': false,
  'codexTasks.asking': false,
  'codexTasks.changes.open': false,
  'codexTasks.changes.busy': false,
  'codexTasks.changes.canUndo': false,
  'codexTasks.changes.activeFile': false,
  'codexTasks.changes.activeChange': false,
  'codexTasks.changes.comments': false,
};

const current: Partial<ContextKeys> = {};

/** A key that was never set equals nothing: a when-clause that asks for its default would not hold. */
export function setDefaultContextKeys(): void {
  for (const key of Object.keys(CONTEXT_KEYS) as (keyof ContextKeys)[]) setContextKey(key, CONTEXT_KEYS[key]);
}

export function setContextKey<K extends keyof ContextKeys>(key: K, value: ContextKeys[K]): void {
  if (current[key] === value) return;
  current[key] = value;
  void vscode.commands.executeCommand('setContext', key, value);
}
