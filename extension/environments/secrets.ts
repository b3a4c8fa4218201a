/**
 * A secret's value is asked by VS Code's own password input and goes to the backend alone: no page, no
 * log and no state of ours ever has it. A value with line breaks comes from the clipboard or a file,
 * since an input of one line would take them out.
 */
import * as vscode from 'vscode';
import type { BackendConnection } from '../../client/connection/index.ts';
import { SECRET_LEAST_BYTES, SECRET_MOST_BYTES } from '../../protocol/limits.ts';
import { SecretValue } from '../../protocol/secret.ts';
import { variableProblem } from '../../protocol/variables.ts';
import { Dismissed, SentenceError, t } from '../platform/words.ts';

export async function putSecret(
  connection: BackendConnection,
  environment: string,
  known?: string,
): Promise<void> {
  const name = known ?? (await askName(environment));
  const value = await askValue(environment, name);
  await connection.call('secret.put', { environment, name, value });
}

export async function deleteSecret(
  connection: BackendConnection,
  environment: string,
  name: string,
): Promise<void> {
  const yes = t('Delete');
  const answer = await vscode.window.showWarningMessage(
    t('Delete the secret “{name}” of “{environment}”?', { name, environment }),
    { modal: true, detail: t('Its value can’t be read back. The setup runs without it from now on.') },
    yes,
  );
  if (answer !== yes) throw new Dismissed();
  await connection.call('secret.delete', { environment, name });
}

async function askName(environment: string): Promise<string> {
  const name = await vscode.window.showInputBox({
    title: t('New Secret of “{environment}”', { environment }),
    prompt: t('The name of its variable, such as NPM_TOKEN.'),
    ignoreFocusOut: true,
    validateInput: (text) => {
      if (text === '' || variableProblem(text) === null) return null;
      return t('Letters, digits and underscores, no digit first, and no name that Codex itself sets.');
    },
  });
  if (!name) throw new Dismissed();
  return name;
}

async function askValue(environment: string, name: string): Promise<string> {
  const input = vscode.window.createInputBox();
  const fromClipboard = {
    iconPath: new vscode.ThemeIcon('clippy'),
    tooltip: t('Take It from the Clipboard'),
  };
  const fromFile = { iconPath: new vscode.ThemeIcon('file'), tooltip: t('Take It from a File …') };
  input.title = t('Value of {name} in “{environment}”', { name, environment });
  input.prompt = t('One line. A value with line breaks: by the buttons, from the clipboard or a file.');
  input.password = true;
  input.ignoreFocusOut = true;
  input.buttons = [fromClipboard, fromFile];
  try {
    return await new Promise<string>((resolve, reject) => {
      const take = (text: string) => {
        if (SecretValue.safeParse(text).success) resolve(text);
        else input.validationMessage = rule();
      };
      input.onDidChangeValue(() => {
        input.validationMessage = '';
      });
      input.onDidAccept(() => take(input.value));
      input.onDidHide(() => reject(new Dismissed()));
      input.onDidTriggerButton((button) => {
        const read = button === fromClipboard ? vscode.env.clipboard.readText() : readChosenFile();
        Promise.resolve(read).then((text) => text !== null && take(text), reject);
      });
      input.show();
    });
  } finally {
    // VS Code keeps its one input for the next question, and is told of changes a moment later.
    input.value = '';
    await new Promise((told) => setTimeout(told));
    input.dispose();
  }
}

function rule(): string {
  const [least, most] = [SECRET_LEAST_BYTES, SECRET_MOST_BYTES / 1024];
  return t('Between {least} bytes and {most} KiB of text: less can’t be told from any other output.', {
    least,
    most,
  });
}

async function readChosenFile(): Promise<string | null> {
  const [uri] = (await vscode.window.showOpenDialog({ title: t('The File with the Value') })) ?? [];
  if (!uri) return null;
  const { size } = await vscode.workspace.fs.stat(uri);
  if (size > SECRET_MOST_BYTES) throw new SentenceError(rule());
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(await vscode.workspace.fs.readFile(uri));
  } catch {
    throw new SentenceError(t('The file is no text in UTF-8.'));
  }
}
