/** Every context key of ours with its default: the only place that sets one. */
import * as vscode from 'vscode';

export type ConnectionKey = 'none' | 'connecting' | 'connected' | 'lost' | 'unauthorized' | 'failed';

export interface ContextKeys {
  'codexTasks.connection': ConnectionKey;
  /** The backend is one that this extension may stop and start. */
  'codexTasks.ownBackend': boolean;
  /** The input box of `Codex: Ask` is open. */
  'codexTasks.asking': boolean;
}

export const CONTEXT_KEYS: ContextKeys = {
  'codexTasks.connection': 'none',
  'codexTasks.ownBackend': false,
  'codexTasks.asking': false,
};

const current: ContextKeys = { ...CONTEXT_KEYS };

export function setContextKey<K extends keyof ContextKeys>(key: K, value: ContextKeys[K]): void {
  if (current[key] === value) return;
  current[key] = value;
  void vscode.commands.executeCommand('setContext', key, value);
}
