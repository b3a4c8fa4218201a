/** An error as a notification: what failed, and a button that does the next step. */
import * as vscode from 'vscode';
import { errorWords } from '../client/words/index.ts';
import { toWireError, type ErrorAction } from '../protocol/errors.ts';
import type { Log } from './platform/log.ts';
import { Dismissed, errorText, SentenceError, sentenceOf, t, type Button } from './platform/words.ts';

/** What each next step is here. */
export function actionCommand(action: ErrorAction): { command: string; args?: readonly unknown[] } {
  switch (action) {
    case 'setToken':
      return { command: 'codexTasks.setServerToken' };
    case 'setApiKey':
      return { command: 'codexTasks.setApiKey' };
    case 'updateClient':
      return { command: 'workbench.extensions.action.checkForUpdates' };
    case 'updateServer':
      return { command: 'codexTasks.restartBackend' };
    case 'startDocker':
      return {
        command: 'vscode.open',
        args: [vscode.Uri.parse('https://docs.docker.com/get-started/get-docker/')],
      };
    case 'allowLocalSandbox':
      return { command: 'workbench.action.openSettings', args: ['codexTasks.sandbox'] };
    case 'freeDisk':
    case 'showLogs':
      return { command: 'codexTasks.showLogs' };
    case 'connectForge':
      return { command: 'codexTasks.connectForge' };
    case 'retry':
      return { command: 'codexTasks.refresh' };
  }
}

export function reporter(log: Log): (thrown: unknown) => void {
  return (thrown) => {
    if (thrown instanceof Dismissed) return;
    log.error(errorText(thrown));
    const buttons: Button[] = thrown instanceof SentenceError ? [...thrown.buttons] : wireButtons(thrown);
    if (
      !buttons.some((button) => button.command === 'codexTasks.showLogs') &&
      !(thrown instanceof SentenceError)
    ) {
      buttons.push({ label: t('Show Logs'), command: 'codexTasks.showLogs' });
    }
    void vscode.window
      .showErrorMessage(sentenceOf(thrown), ...buttons.map(({ label }) => label))
      .then((answer) => {
        const chosen = buttons.find(({ label }) => label === answer);
        if (chosen) void vscode.commands.executeCommand(chosen.command, ...(chosen.args ?? []));
      });
  };
}

function wireButtons(thrown: unknown): Button[] {
  const { action } = errorWords(toWireError(thrown), t);
  return action ? [{ label: action.label, ...actionCommand(action.id) }] : [];
}
