/** Logs as read-only documents: VS Code's own editor shows them, however long they are. */
import * as vscode from 'vscode';
import type { Backend } from '../connection/backend.ts';

export const LOG_SCHEME = 'codex-task-text';

interface Wanted {
  taskId: string;
  turn: number;
  attempt: number;
}

export class TaskDocuments implements vscode.TextDocumentContentProvider {
  readonly #backend: Backend;

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  async open(wanted: Wanted, title: string): Promise<void> {
    const name =
      title
        .replace(/[\\/:*?"<>|#%\s]+/g, ' ')
        .trim()
        .slice(0, 60) || 'task';
    const uri = vscode.Uri.from({ scheme: LOG_SCHEME, path: `/${name}.log`, query: JSON.stringify(wanted) });
    const document = await vscode.workspace.openTextDocument(uri);
    await vscode.window.showTextDocument(document, { preview: true });
  }

  async provideTextDocumentContent(uri: vscode.Uri): Promise<string> {
    const { taskId, turn, attempt } = JSON.parse(uri.query) as Wanted;
    const { connection } = await this.#backend.ready();
    return connection.log(taskId, turn, attempt);
  }
}
