/** The dialogs in which a person says where the backend is and what it may use. All native. */
import * as vscode from 'vscode';
import type { Log } from '../platform/log.ts';
import type { Secrets } from '../platform/secrets.ts';
import { setServerUrl, setting } from '../platform/settings.ts';
import { Dismissed, t } from '../platform/words.ts';
import type { Backend } from './backend.ts';
import type { OwnBackend } from './own.ts';

export class Setup {
  readonly #backend: Backend;
  readonly #own: OwnBackend;
  readonly #secrets: Secrets;
  readonly #log: Log;

  constructor(options: { backend: Backend; own: OwnBackend; secrets: Secrets; log: Log }) {
    this.#backend = options.backend;
    this.#own = options.own;
    this.#secrets = options.secrets;
    this.#log = options.log;
  }

  async connect(): Promise<void> {
    const url = await vscode.window.showInputBox({
      title: t('Codex: Connect to Server'),
      prompt: t('Address of the backend. Nothing: a backend on this machine.'),
      placeHolder: 'https://codex.example.com',
      value: setting('serverUrl'),
      ignoreFocusOut: true,
      validateInput: (value) => addressProblem(value.trim()),
    });
    if (url === undefined) throw new Dismissed();
    const address = url.trim().replace(/\/+$/, '');
    const token = address === '' ? null : await this.#askToken(address);
    await this.#backend.move(async () => {
      if (token !== null) await this.#secrets.setToken(address, token);
      await setServerUrl(address);
    });
    if (address === '') await this.#backend.start();
  }

  async setServerToken(): Promise<void> {
    const url = setting('serverUrl');
    if (url === '') {
      void vscode.window.showInformationMessage(t('The backend on this machine needs no token from you.'));
      return;
    }
    await this.#secrets.setToken(url, await this.#askToken(url));
    this.#backend.retryNow();
  }

  async setApiKey(): Promise<void> {
    const key = await vscode.window.showInputBox({
      title: t('Codex: Set API Key'),
      prompt: t(
        'The key of the model’s API. It is kept in VS Code’s secret storage and given to a backend on this machine only. Nothing: forget it.',
      ),
      password: true,
      ignoreFocusOut: true,
    });
    if (key === undefined) throw new Dismissed();
    await this.#secrets.setApiKey(key.trim());
    this.#log.info(key.trim() === '' ? 'The API key was forgotten.' : 'An API key was set.');
    if (!this.#backend.isOwn) {
      void vscode.window.showInformationMessage(
        t('The key is kept for a backend on this machine. {place} has its own.', {
          place: this.#backend.place,
        }),
      );
      return;
    }
    // It takes the key at its start; tasks that run go on after it.
    if (await this.#own.find()) await this.#backend.restart();
  }

  async #askToken(url: string): Promise<string> {
    const token = await vscode.window.showInputBox({
      title: t('Codex: Set Server Token'),
      prompt: t('The token of {url}. It is kept in VS Code’s secret storage and sent nowhere else.', { url }),
      password: true,
      ignoreFocusOut: true,
    });
    if (token === undefined) throw new Dismissed();
    return token.trim();
  }
}

function addressProblem(value: string): string | null {
  if (value === '') return null;
  const parsed = URL.canParse(value) ? new URL(value) : null;
  if (!parsed || !['http:', 'https:', 'ws:', 'wss:'].includes(parsed.protocol)) {
    return t('An address like https://codex.example.com');
  }
  if (parsed.username !== '' || parsed.password !== '' || parsed.search !== '') {
    return t('Without name, password or query: the token is asked for next.');
  }
  return null;
}
