/** Logs and patches as read-only documents: VS Code's own editor shows them, however long they are. */
import * as vscode from 'vscode';
import type { Backend } from '../connection/backend.ts';

export const LOG_SCHEME = 'codex-task-text';

interface Wanted {
  what: 'log' | 'patch';
  taskId: string;
  turn: number;
  attempt: number;
}

export class TaskDocuments implements vscode.TextDocumentContentProvider {
  readonly #backend: Backend;

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  async open(wanted: Wanted, title: string, find?: string): Promise<void> {
    const name = `${
      title
        .replace(/[\\/:*?"<>|#%\s]+/g, ' ')
        .trim()
        .slice(0, 60) || 'task'
    }.${wanted.what === 'log' ? 'log' : 'diff'}`;
    const uri = vscode.Uri.from({ scheme: LOG_SCHEME, path: `/${name}`, query: JSON.stringify(wanted) });
    const document = await vscode.workspace.openTextDocument(uri);
    const editor = await vscode.window.showTextDocument(document, { preview: true });
    const at = find === undefined ? -1 : document.getText().indexOf(find);
    if (at >= 0) {
      const position = document.positionAt(at);
      editor.selection = new vscode.Selection(position, position);
      editor.revealRange(new vscode.Range(position, position), vscode.TextEditorRevealType.AtTop);
    }
  }

  async provideTextDocumentContent(uri: vscode.Uri): Promise<string> {
    const { what, taskId, turn, attempt } = JSON.parse(uri.query) as Wanted;
    const { connection } = await this.#backend.ready();
    if (what === 'log') return connection.log(taskId, turn, attempt);
    return new TextDecoder().decode(await connection.patch(taskId, turn, attempt));
  }
}
