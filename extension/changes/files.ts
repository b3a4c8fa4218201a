/**
 * The read-only file system of results. Sizes are known without asking; bytes are asked for when something reads
 * them. It is registered from the start, since a window may come back with such a file open.
 */
import * as vscode from 'vscode';
import { sideOf, type Side } from './uris.ts';

export class ResultFiles implements vscode.FileSystemProvider, vscode.Disposable {
  readonly #read: (side: Side) => Promise<Uint8Array>;
  readonly #changed = new vscode.EventEmitter<vscode.FileChangeEvent[]>();
  /** How often a baseline has changed. */
  readonly #versions = new Map<string, number>();
  readonly onDidChangeFile = this.#changed.event;

  constructor(read: (side: Side) => Promise<Uint8Array>) {
    this.#read = read;
  }

  /** What an editor compares with is another now. */
  changed(uri: vscode.Uri): void {
    const key = uri.toString();
    this.#versions.set(key, (this.#versions.get(key) ?? 0) + 1);
    this.#changed.fire([{ type: vscode.FileChangeType.Changed, uri }]);
  }

  async stat(uri: vscode.Uri): Promise<vscode.FileStat> {
    const side = sideOf(uri);
    const known = side.kind === 'blob' ? side.size : undefined;
    return {
      type: vscode.FileType.File,
      ctime: 0,
      mtime: this.#versions.get(uri.toString()) ?? 0,
      size: known ?? (await this.readFile(uri)).length,
      permissions: vscode.FilePermission.Readonly,
    };
  }

  async readFile(uri: vscode.Uri): Promise<Uint8Array> {
    return this.#read(sideOf(uri));
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

  writeFile(uri: vscode.Uri): void {
    throw vscode.FileSystemError.NoPermissions(uri);
  }

  delete(uri: vscode.Uri): void {
    throw vscode.FileSystemError.NoPermissions(uri);
  }

  rename(uri: vscode.Uri): void {
    throw vscode.FileSystemError.NoPermissions(uri);
  }

  dispose(): void {
    this.#changed.dispose();
  }
}
