/** What happened, in one sentence with its next steps; it waits for nobody. */
import * as vscode from 'vscode';
import { t } from '../platform/words.ts';

export interface Step {
  label: string;
  run(): unknown;
}

export interface Told {
  sentence: string;
  /** What was not done, each with its reason: the first is said, all are in the log. */
  left?: readonly string[];
  steps?: readonly Step[];
  report: (thrown: unknown) => void;
}

export function tell({ sentence, left = [], steps = [], report }: Told): void {
  const details: Step = {
    label: t('Show Details'),
    run: () => vscode.commands.executeCommand('codexTasks.showLogs'),
  };
  const all = [...steps, ...(left.length > 0 ? [details] : [])];
  const [first] = left;
  const text = first === undefined ? sentence : `${sentence} ${first}${left.length > 1 ? ' …' : ''}`;
  const show = left.length > 0 ? vscode.window.showWarningMessage : vscode.window.showInformationMessage;
  void Promise.resolve(show(text, ...all.map(({ label }) => label)))
    .then((answer) => all.find(({ label }) => label === answer)?.run())
    .catch(report);
}
