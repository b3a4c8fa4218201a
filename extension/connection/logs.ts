/** `Codex: Show Logs`. */
import * as vscode from 'vscode';
import type { Log } from '../platform/log.ts';
import type { Backend } from './backend.ts';
import type { OwnBackend } from './own.ts';

/** The extension's own log, and beside it that of a backend on this machine. */
export async function showLogs(log: Log, backend: Backend, own: OwnBackend): Promise<void> {
  log.show(true);
  if (!backend.isOwn) return;
  const file = vscode.Uri.file(own.logFile);
  const there = await vscode.workspace.fs.stat(file).then(
    () => true,
    () => false,
  );
  if (there) await vscode.window.showTextDocument(file, { preview: true, preserveFocus: true });
}
