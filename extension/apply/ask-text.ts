/** One line of text that is judged while it is typed. Throws `Dismissed`. */
import * as vscode from 'vscode';
import { Dismissed } from '../platform/words.ts';

export interface Question {
  title: string;
  prompt: string;
  value: string;
  /** What is wrong with it, as a sentence; null when nothing is. */
  check: (value: string) => Promise<string | null>;
  /** A button that finds the text in another way; null: it was not found. */
  find?: { label: string; icon: string; pick(): Promise<string | null> };
}

export async function askText({ title, prompt, value, check, find }: Question): Promise<string> {
  const input = vscode.window.createInputBox();
  Object.assign(input, { title, prompt, value, ignoreFocusOut: true });
  if (find) input.buttons = [{ iconPath: new vscode.ThemeIcon(find.icon), tooltip: find.label }];
  let round = 0;
  const judge = async (): Promise<boolean> => {
    const mine = ++round;
    const text = input.value;
    const problem = await check(text);
    // What was typed meanwhile has its own judgement.
    if (mine === round) input.validationMessage = problem ?? undefined;
    return problem === null;
  };
  return new Promise((resolve, reject) => {
    const failed = (thrown: unknown) => {
      reject(thrown instanceof Error ? thrown : new Error(String(thrown)));
      input.hide();
    };
    input.onDidChangeValue(() => void judge().catch(failed));
    input.onDidAccept(() => {
      const text = input.value;
      judge()
        .then((isFine) => {
          if (!isFine || input.value !== text) return;
          resolve(text);
          input.hide();
        })
        .catch(failed);
    });
    input.onDidTriggerButton(() => {
      find
        ?.pick()
        .then(async (found) => {
          if (found === null) return;
          input.value = found;
          await judge();
        })
        .catch(failed);
    });
    input.onDidHide(() => {
      input.dispose();
      reject(new Dismissed());
    });
    // What is proposed may be wrong already.
    judge().catch(failed);
    input.show();
  });
}
