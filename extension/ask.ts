/** `Codex: Ask`: one line, sent by Enter; Ctrl+. or the button makes it a code task. */
import { randomUUID } from 'node:crypto';
import * as vscode from 'vscode';
import type { TaskSummary } from '../protocol/rpc.ts';
import type { Folders } from './folders/folders.ts';
import { setContextKey } from './platform/contextKeys.ts';
import { includeLocalChanges } from './platform/settings.ts';
import { Dismissed, SentenceError, t } from './platform/words.ts';
import type { Submit } from './submit.ts';

type AskMode = 'ask' | 'code';

export class Asker {
  readonly #folders: Folders;
  readonly #submit: Submit;
  /** The internet access that a new task gets, in a word or two; empty when it is off. */
  readonly #access: () => string;
  #switch: (() => void) | null = null;
  /** What was typed and not sent, so that a slip of Escape loses nothing. */
  #draft = '';

  constructor(folders: Folders, submit: Submit, access: () => string) {
    this.#folders = folders;
    this.#submit = submit;
    this.#access = access;
  }

  switchMode(): void {
    this.#switch?.();
  }

  async ask(): Promise<TaskSummary> {
    const folder = this.#folders.current;
    if (!folder) {
      throw new SentenceError(t('Open the folder that the task is about.'), [
        { label: t('Open Folder'), command: 'workbench.action.files.openFolder' },
      ]);
    }
    const described = await this.#folders.describe(folder);
    if (described.problem) throw new SentenceError(described.problem.sentence);
    const place = [folder.name, described.branch ?? described.sha, this.#access()]
      .filter(Boolean)
      .join(' · ');
    const includeLocal = described.dirty && includeLocalChanges(folder.uri);
    const { prompt, mode } = await this.#input(place, includeLocal);
    const task = await this.#submit({ requestId: randomUUID(), prompt, mode, folder, includeLocal });
    this.#draft = '';
    return task;
  }

  #input(place: string, includeLocal: boolean): Promise<{ prompt: string; mode: AskMode }> {
    const input = vscode.window.createInputBox();
    let mode: AskMode = 'ask';
    const key = process.platform === 'darwin' ? '⌘.' : 'Ctrl+.';
    const show = () => {
      input.title = mode === 'ask' ? t('Codex: Ask') : t('Codex: Code');
      input.placeholder = mode === 'ask' ? t('Ask about this repository …') : t('Describe a task …');
      const local = includeLocal ? `, ${t('with local changes')}` : '';
      input.prompt =
        mode === 'ask'
          ? t('{place}{local}. {key} makes it a code task.', { place, local, key })
          : t('{place}{local}. {key} makes it a question.', { place, local, key });
      input.buttons = [
        mode === 'ask'
          ? { iconPath: new vscode.ThemeIcon('code'), tooltip: t('Make it a code task ({key})', { key }) }
          : {
              iconPath: new vscode.ThemeIcon('comment-discussion'),
              tooltip: t('Make it a question ({key})', { key }),
            },
      ];
    };
    this.#switch = () => {
      mode = mode === 'ask' ? 'code' : 'ask';
      show();
    };
    show();
    input.value = this.#draft;
    input.ignoreFocusOut = true;
    setContextKey('codexTasks.asking', true);
    return new Promise((resolve, reject) => {
      input.onDidTriggerButton(() => this.#switch?.());
      input.onDidChangeValue((value) => (this.#draft = value));
      input.onDidAccept(() => {
        const prompt = input.value.trim();
        if (prompt === '') return;
        resolve({ prompt, mode });
        input.hide();
      });
      input.onDidHide(() => {
        setContextKey('codexTasks.asking', false);
        this.#switch = null;
        input.dispose();
        reject(new Dismissed());
      });
      input.show();
    });
  }
}
