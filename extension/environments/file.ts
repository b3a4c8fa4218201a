/** The environment file of a folder as it stands there: shown as what holds where nothing is set. */
import * as vscode from 'vscode';
import type { OpenedEnvironment } from '../../protocol/pages.ts';

export const ENVIRONMENT_FILE = '.codex/environment.yaml';
/** Well above what the backend reads of one, well below a message’s limit. */
const MAX_BYTES = 256 * 1024;

export async function readEnvironmentFile(
  folder: vscode.WorkspaceFolder | null,
): Promise<OpenedEnvironment['file']> {
  if (!folder) return null;
  const uri = vscode.Uri.joinPath(folder.uri, ENVIRONMENT_FILE);
  const bytes = await vscode.workspace.fs.readFile(uri).then(
    (read) => read,
    () => null,
  );
  if (!bytes || bytes.length > MAX_BYTES) return null;
  return { path: ENVIRONMENT_FILE, text: new TextDecoder().decode(bytes) };
}
