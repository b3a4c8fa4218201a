/**
 * Sides of reviewed files as addresses: `codex-result:/<path of the file>?<what>`. The path keeps its ending, so
 * that VS Code picks the viewer; the query says everything that is needed to have the bytes, after a restart too.
 */
import * as vscode from 'vscode';

export const RESULT_SCHEME = 'codex-result';

export type Side =
  /** A blob of the result's patch. */
  | {
      kind: 'blob';
      side: 'base' | 'result';
      taskId: string;
      turn: number;
      attempt: number;
      from: number | null;
      oid: string;
      /** In bytes, where it is known. */
      size?: number;
    }
  /** What can't be shown as text, in words. */
  | { kind: 'told'; side: 'base' | 'result'; text: string }
  /** The file as it is without the hunks that are not decided. */
  | { kind: 'baseline'; review: string; file: string }
  /** One of the three that a merge by hand began with. */
  | { kind: 'merge'; side: 'base' | 'ours' | 'theirs'; merge: number };

export function uriOf(path: string, side: Side): vscode.Uri {
  return vscode.Uri.from({ scheme: RESULT_SCHEME, path: `/${path}`, query: JSON.stringify(side) });
}

export function sideOf(uri: vscode.Uri): Side {
  try {
    return JSON.parse(uri.query) as Side;
  } catch {
    throw vscode.FileSystemError.FileNotFound(uri);
  }
}
