/**
 * The scripts of environments as files of VS Code: `codex-environment:/<environment>/setup.sh`. Reading
 * and saving one is reading and saving that field of the environment, nothing else of it.
 */
import * as vscode from 'vscode';
import type { Environments } from '../internet/environments.ts';

export const SCRIPT_SCHEME = 'codex-environment';

type ScriptName = 'setup' | 'maintenance';

export class ScriptFiles implements vscode.FileSystemProvider, vscode.Disposable {
  readonly #environments: Environments;
  readonly #changed = new vscode.EventEmitter<vscode.FileChangeEvent[]>();
  readonly #disposables: vscode.Disposable[];
  /** What an editor was last given, by file: it is told of a newer one. */
  readonly #given = new Map<string, string>();
  readonly onDidChangeFile = this.#changed.event;

  constructor(environments: Environments) {
    this.#environments = environments;
    this.#disposables = [this.#changed, environments.onDidChange(() => this.#compare())];
  }

  /** With the text as it stands on the page: what was typed there is an unsaved change here. */
  async open(environment: string, script: ScriptName, text: string): Promise<void> {
    const uri = vscode.Uri.from({ scheme: SCRIPT_SCHEME, path: `/${environment}/${script}.sh` });
    await this.#environments.get(environment);
    const document = await vscode.workspace.openTextDocument(uri);
    if (!document.isDirty && document.getText() !== text) {
      const edit = new vscode.WorkspaceEdit();
      const all = new vscode.Range(0, 0, document.lineCount, 0);
      edit.replace(uri, all, text);
      await vscode.workspace.applyEdit(edit);
    }
    await vscode.window.showTextDocument(document, { preview: false });
  }

  async stat(uri: vscode.Uri): Promise<vscode.FileStat> {
    const { text, at } = await this.#read(uri);
    return { type: vscode.FileType.File, ctime: 0, mtime: at, size: Buffer.byteLength(text) };
  }

  async readFile(uri: vscode.Uri): Promise<Uint8Array> {
    const { text } = await this.#read(uri);
    this.#given.set(uri.toString(), text);
    return Buffer.from(text);
  }

  async writeFile(uri: vscode.Uri, content: Uint8Array): Promise<void> {
    const { name, script } = placeOf(uri);
    const text = Buffer.from(content).toString('utf8');
    this.#given.set(uri.toString(), text);
    const { updatedAt } = await this.#environments.get(name);
    await this.#environments.edit(name, { set: { [script]: text }, unset: [] }, updatedAt);
  }

  watch(): vscode.Disposable {
    return new vscode.Disposable(() => undefined);
  }

  readDirectory(): [string, vscode.FileType][] {
    return [];
  }

  createDirectory(uri: vscode.Uri): void {
    throw vscode.FileSystemError.NoPermissions(uri);
  }

  delete(uri: vscode.Uri): void {
    throw vscode.FileSystemError.NoPermissions(uri);
  }

  rename(uri: vscode.Uri): void {
    throw vscode.FileSystemError.NoPermissions(uri);
  }

  dispose(): void {
    for (const disposable of this.#disposables) disposable.dispose();
  }

  async #read(uri: vscode.Uri): Promise<{ text: string; at: number }> {
    const { name, script } = placeOf(uri);
    const known = this.#environments.all.find((one) => one.name === name);
    const environment = known ?? (await this.#environments.get(name));
    return { text: environment[script] ?? '', at: environment.updatedAt };
  }

  #compare(): void {
    for (const [key, given] of this.#given) {
      const uri = vscode.Uri.parse(key);
      const { name, script } = placeOf(uri);
      const now = this.#environments.all.find((one) => one.name === name)?.[script] ?? '';
      if (now !== given) this.#changed.fire([{ type: vscode.FileChangeType.Changed, uri }]);
    }
  }
}

function placeOf(uri: vscode.Uri): { name: string; script: ScriptName } {
  const [, name = '', file] = uri.path.split('/');
  if (file !== 'setup.sh' && file !== 'maintenance.sh') throw vscode.FileSystemError.FileNotFound(uri);
  return { name, script: file === 'setup.sh' ? 'setup' : 'maintenance' };
}
