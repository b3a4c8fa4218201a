/**
 * The open documents of a folder, as applying sees them: one with unsaved changes is changed as a
 * document and stays unsaved; nothing is ever saved for the person, no tab is opened or closed.
 */
import { join } from 'node:path';
import * as vscode from 'vscode';
import type { DocumentIO, WirePath } from '../../client/apply/index.ts';
import { smallestChange } from './smallest-change.ts';

export function openDocuments(root: string): DocumentIO {
  const find = (path: WirePath) => dirtyDocument(root, path);
  return {
    isDirty: (path) => find(path) !== undefined,
    read: async (path) => {
      const document = find(path);
      if (!document) throw new Error(`No unsaved document at ${path.path}.`);
      return encoded(document);
    },
    applyToBuffer: async (path, transform) => {
      const document = find(path);
      if (!document) return { ok: false, reason: 'changedSince' };
      const made = transform(await encoded(document));
      if (!made.ok) return made;
      const text = await vscode.workspace.decode(made.bytes, { encoding: document.encoding });
      // A document has one kind of line end: bytes that mix them can't go through it.
      if (text.replace(/\r\n|\n/g, lineEnd(document)) !== text)
        return { ok: false, reason: 'unsavedChanges' };
      const version = document.version;
      const edit = new vscode.WorkspaceEdit();
      const change = smallestChange(document.getText(), text);
      if (change) {
        const range = new vscode.Range(document.positionAt(change.start), document.positionAt(change.end));
        edit.replace(document.uri, range, change.text);
        if (document.version !== version || !(await vscode.workspace.applyEdit(edit))) {
          return { ok: false, reason: 'changedSince' };
        }
      }
      return { ok: true };
    },
  };
}

function dirtyDocument(root: string, path: WirePath): vscode.TextDocument | undefined {
  // A name that is not UTF-8 can't be that of a document.
  if (path.bytes !== undefined) return undefined;
  const wanted = vscode.Uri.file(join(root, path.path)).fsPath;
  return vscode.workspace.textDocuments.find(
    (document) => document.isDirty && document.uri.scheme === 'file' && samePath(document.uri.fsPath, wanted),
  );
}

function samePath(a: string, b: string): boolean {
  const folds = process.platform === 'win32' || process.platform === 'darwin';
  return a === b || (folds && a.toLowerCase() === b.toLowerCase());
}

function lineEnd(document: vscode.TextDocument): string {
  return document.eol === vscode.EndOfLine.CRLF ? '\r\n' : '\n';
}

/** The bytes that saving would write. */
async function encoded(document: vscode.TextDocument): Promise<Uint8Array> {
  return vscode.workspace.encode(document.getText(), { encoding: document.encoding });
}
