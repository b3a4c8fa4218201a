/** Secrets: the model's key, and one token for each backend's host. They live in SecretStorage only. */
import type * as vscode from 'vscode';

const API_KEY = 'codexTasks.apiKey';

export class Secrets {
  readonly #storage: vscode.SecretStorage;

  constructor(storage: vscode.SecretStorage) {
    this.#storage = storage;
  }

  async apiKey(): Promise<string | undefined> {
    return this.#storage.get(API_KEY);
  }

  async setApiKey(key: string): Promise<void> {
    if (key === '') await this.#storage.delete(API_KEY);
    else await this.#storage.store(API_KEY, key);
  }

  /** A token goes to the host that it was given for, and to no other. */
  async token(url: string): Promise<string> {
    return (await this.#storage.get(tokenName(url))) ?? '';
  }

  async setToken(url: string, token: string): Promise<void> {
    if (token === '') await this.#storage.delete(tokenName(url));
    else await this.#storage.store(tokenName(url), token);
  }

  /** Also called when another window changed it. */
  onDidChangeToken(url: () => string, listener: () => void): vscode.Disposable {
    return this.#storage.onDidChange((change) => {
      if (url() !== '' && change.key === tokenName(url())) listener();
    });
  }
}

function tokenName(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  return `codexTasks.token.${parsed ? `${parsed.protocol.replace(/^ws/, 'http')}//${parsed.host}` : url}`;
}
