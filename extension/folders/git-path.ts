/** The git that VS Code itself is told to use. */
import * as vscode from 'vscode';
import { useGit } from '../../client/git/git.ts';

export function useGitOfSettings(): vscode.Disposable {
  const read = () => {
    const path = vscode.workspace.getConfiguration('git').get<unknown>('path');
    useGit(typeof path === 'string' && path !== '' ? path : 'git');
  };
  read();
  return vscode.workspace.onDidChangeConfiguration((change) => {
    if (change.affectsConfiguration('git.path')) read();
  });
}
