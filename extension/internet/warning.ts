/** What is said before the agent gets internet access, and the page that says more. */
import * as vscode from 'vscode';
import { riskWords } from '../../client/words/internet.ts';
import { Dismissed, t } from '../platform/words.ts';

export class InternetWarning {
  readonly #page: vscode.Uri;

  constructor(extensionUri: vscode.Uri) {
    this.#page = vscode.Uri.joinPath(extensionUri, 'docs', 'internet-access.md');
  }

  async learnMore(): Promise<void> {
    await vscode.commands.executeCommand('markdown.showPreview', this.#page);
  }

  /** Throws `Dismissed` unless the person agreed. */
  async confirm(question: string, facts: readonly string[], yes: string): Promise<void> {
    const learn = t('Learn More');
    const detail = [...facts, ...riskWords(t)].join('\n\n');
    const answer = await vscode.window.showWarningMessage(question, { modal: true, detail }, yes, learn);
    if (answer === learn) await this.learnMore();
    if (answer !== yes) throw new Dismissed();
  }
}
