/** What really lies in the working tree, by its bytes: names need not be UTF-8, links are not followed. */
import { lstatSync, readdirSync } from 'node:fs';
import type { Stats } from 'node:fs';

export type Kind = 'file' | 'symlink' | 'folder' | 'other' | 'absent';

const SLASH = Buffer.from('/');

export class WorkTree {
  readonly #root: Buffer;
  readonly #realFolders = new Map<string, boolean>();

  constructor(root: string) {
    this.#root = Buffer.from(root);
  }

  /** Absent too when a folder on the way is a symbolic link: git would not look behind it either. */
  kind(path: Buffer): Kind {
    if (!this.#parentIsReal(path)) return 'absent';
    return kindOf(this.#stat(path));
  }

  isStorable(path: Buffer): boolean {
    const kind = this.kind(path);
    return kind === 'file' || kind === 'symlink';
  }

  /** With a git folder, or a file that points to one, as a submodule has. */
  isRepository(folder: Buffer): boolean {
    const below = (name: string): Stats | undefined => this.#stat(Buffer.concat([folder, Buffer.from(name)]));
    return below('/.git')?.isFile() === true || below('/.git/HEAD')?.isFile() === true;
  }

  isEmptyFolder(folder: Buffer): boolean {
    return readdirSync(this.#absolute(folder)).length === 0;
  }

  /** Every file and symbolic link below a folder, without what is called `.git`. */
  walk(folder: Buffer): Buffer[] {
    const found: Buffer[] = [];
    const folders = [folder];
    for (let dir = folders.pop(); dir !== undefined; dir = folders.pop()) {
      for (const entry of readdirSync(this.#absolute(dir), { withFileTypes: true, encoding: 'buffer' })) {
        if (entry.name.toString('latin1').toLowerCase() === '.git') continue;
        const path = Buffer.concat([dir, SLASH, entry.name]);
        if (entry.isDirectory()) folders.push(path);
        else if (entry.isFile() || entry.isSymbolicLink()) found.push(path);
      }
    }
    return found;
  }

  #parentIsReal(path: Buffer): boolean {
    const slash = path.lastIndexOf(0x2f);
    if (slash < 0) return true;
    const parent = path.subarray(0, slash);
    const key = parent.toString('latin1');
    let real = this.#realFolders.get(key);
    if (real === undefined) {
      real = this.#parentIsReal(parent) && this.#stat(parent)?.isDirectory() === true;
      this.#realFolders.set(key, real);
    }
    return real;
  }

  #absolute(path: Buffer): Buffer {
    return Buffer.concat([this.#root, SLASH, path]);
  }

  #stat(path: Buffer): Stats | undefined {
    try {
      return lstatSync(this.#absolute(path), { throwIfNoEntry: false });
    } catch {
      // ENOTDIR: a file stands where a folder was.
      return undefined;
    }
  }
}

function kindOf(stat: Stats | undefined): Kind {
  if (!stat) return 'absent';
  if (stat.isFile()) return 'file';
  if (stat.isSymbolicLink()) return 'symlink';
  return stat.isDirectory() ? 'folder' : 'other';
}
