/** The extension's log. Never in it: a token, a key, an address with its query, a prompt. */
import * as vscode from 'vscode';

export type Log = Pick<
  vscode.LogOutputChannel,
  'trace' | 'debug' | 'info' | 'warn' | 'error' | 'show' | 'dispose'
>;

export function openLog(): Log {
  return vscode.window.createOutputChannel('Codex Tasks', { log: true });
}
