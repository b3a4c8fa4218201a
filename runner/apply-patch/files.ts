/**
 * The folder that a patch may touch: reads from it, and writes all of an outcome or nothing.
 *
 * In order: every new content goes to a temporary file on the same disk → what stands in the way is
 * moved aside → folders are made → the new files are moved into place → what was moved aside is
 * removed. Whatever fails before the last step is taken back. Names are bytes in strings (`latin1`),
 * since a file's name need not be UTF-8. Must never touch anything outside the folder, whatever the
 * patch or a symbolic link says.
 */
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
  type Stats,
} from 'node:fs';
import { basename, dirname, join, resolve, sep } from 'node:path';
import type { FileState, Outcome, Tree } from './apply.ts';
import { toBytes, toText } from './bytes.ts';
import { PatchError } from './parse.ts';

/** Node's strings of bytes end at 512 MiB; a text that long is not edited by a patch. */
const MAX_FILE_BYTES = 256 * 1024 * 1024;

export class PatchFolder implements Tree {
  readonly #root: string;

  constructor(folder: string) {
    this.#root = toBytes(realpathSync(folder, 'utf8'));
  }

  /** One name for one file: its folder without symbolic links, then its own name. */
  key(path: string): string {
    const name = toText(path);
    if (path.includes('\0')) throw new PatchError('A path cannot contain a NUL character.');
    const full = resolve(this.#root, path);
    if (full === this.#root) throw new PatchError(`${name} is the working directory itself, not a file.`);
    const { existing, rest } = deepestFolder(dirname(full));
    const folder = toBytes(realpathSync(fsPath(existing), 'buffer'));
    // An absolute path may name the working directory by a link to it.
    if (this.#contains(folder)) return join(folder, rest, basename(full));
    throw new PatchError(
      this.#contains(full)
        ? `${name} leads through a symbolic link out of the working directory.`
        : `${name} is outside of the working directory ${toText(this.#root)}.`,
    );
  }

  read(key: string): FileState {
    const found = lstat(key);
    if (found === null) return { kind: 'absent' };
    const target = found.isSymbolicLink() ? this.#targetOf(key) : key;
    const state = statSync(fsPath(target));
    if (state.isDirectory()) {
      if (target !== key) return { kind: 'other', what: 'a link to a folder' };
      return { kind: 'folder', files: () => filesBelow(key) };
    }
    if (!state.isFile()) return { kind: 'other', what: 'a special file' };
    if (state.size > MAX_FILE_BYTES) return { kind: 'other', what: 'too large for a patch' };
    return { kind: 'file', content: readFileSync(fsPath(target)).toString('latin1') };
  }

  /** The path without folders in front of it (a diff's `a/`, the working directory named again), or in other case. */
  similar(path: string): string | null {
    const parts = path.split('/').filter((part) => part !== '');
    for (let skipped = 1; skipped < parts.length; skipped++) {
      const rest = parts.slice(skipped).join('/');
      if (statOf(join(this.#root, rest))?.isFile()) return rest;
    }
    const folder = dirname(path);
    const name = basename(path).toLowerCase();
    const names = readFolder(join(this.#root, folder));
    const found = names.find((one) => one.toLowerCase() === name);
    return found === undefined ? null : join(folder, found);
  }

  commit(writes: Outcome['writes']): void {
    const undo: (() => void)[] = [];
    const leftovers: string[] = [];
    try {
      const staged = [...writes].map(([key, write]) => {
        if (write === null) return { place: key, temporary: null };
        // A link inside the folder stays a link: what it points to is written.
        const place = lstat(key)?.isSymbolicLink() ? this.#targetOf(key) : key;
        const temporary = this.#stage(place, write);
        undo.push(() => rmSync(fsPath(temporary), { force: true }));
        return { place, temporary };
      });
      for (const { place, temporary } of staged) {
        const before = lstat(place);
        if (before === null) continue;
        const aside = temporaryName(dirname(place));
        // A second name keeps a file that is replaced in its place: nobody sees a moment without it.
        if (temporary === null || !before.isFile() || !linked(place, aside)) {
          renameSync(fsPath(place), fsPath(aside));
        }
        undo.push(() => {
          renameSync(fsPath(aside), fsPath(place));
          // Between two names of one file a rename does nothing.
          rmSync(fsPath(aside), { force: true });
        });
        leftovers.push(aside);
      }
      for (const { place, temporary } of staged) {
        if (temporary === null) continue;
        makeFolders(dirname(place), undo);
        renameSync(fsPath(temporary), fsPath(place));
        undo.push(() => rmSync(fsPath(place), { force: true }));
      }
    } catch (error) {
      for (const step of undo.toReversed()) step();
      throw error;
    }
    // A folder that gave way to a file has nothing in it but what the patch deleted.
    for (const aside of leftovers) rmSync(fsPath(aside), { force: true, recursive: true });
  }

  #stage(place: string, write: { content: string; modeFrom: string | null }): string {
    const temporary = temporaryName(deepestFolder(dirname(place)).existing);
    try {
      writeFileSync(fsPath(temporary), Buffer.from(write.content, 'latin1'), { flag: 'wx', mode: 0o666 });
      const before = write.modeFrom === null ? null : statOf(write.modeFrom);
      if (before !== null) {
        keepOwner(temporary, before);
        chmodSync(fsPath(temporary), before.mode & 0o7777);
      }
    } catch (error) {
      rmSync(fsPath(temporary), { force: true });
      throw error;
    }
    return temporary;
  }

  #targetOf(link: string): string {
    let target: string;
    try {
      target = toBytes(realpathSync(fsPath(link), 'buffer'));
    } catch {
      const to = toText(toBytes(readlinkSync(fsPath(link), 'buffer')));
      throw new PatchError(`${toText(link)} is a symbolic link to ${to}, where nothing is.`);
    }
    if (!this.#contains(target)) {
      throw new PatchError(`${toText(link)} is a symbolic link out of the working directory.`);
    }
    return target;
  }

  #contains(path: string): boolean {
    return path === this.#root || path.startsWith(this.#root.endsWith(sep) ? this.#root : this.#root + sep);
  }
}

function fsPath(bytes: string): Buffer {
  return Buffer.from(bytes, 'latin1');
}

function lstat(path: string): Stats | null {
  try {
    return lstatSync(fsPath(path));
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

function statOf(path: string): Stats | null {
  try {
    return statSync(fsPath(path));
  } catch {
    return null;
  }
}

/** ENOTDIR: a part of the path is a file, so nothing is below it. */
function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}

/** The deepest part of the path that is there and a folder, and what would have to be made. */
function deepestFolder(path: string): { existing: string; rest: string } {
  let existing = path;
  let rest = '';
  while (!statOf(existing)?.isDirectory()) {
    // A link to nothing would be made into a folder elsewhere.
    if (lstat(existing)?.isSymbolicLink()) throw new PatchError(`${toText(existing)} is a link to nothing.`);
    rest = join(basename(existing), rest);
    const parent = dirname(existing);
    if (parent === existing) break;
    existing = parent;
  }
  return { existing, rest };
}

/** Every file below, by its key. */
function* filesBelow(folder: string): Generator<string> {
  for (const name of readFolder(folder)) {
    const path = join(folder, name);
    if (lstat(path)?.isDirectory()) yield* filesBelow(path);
    else yield path;
  }
}

function readFolder(folder: string): string[] {
  try {
    return readdirSync(fsPath(folder), 'buffer').map(toBytes);
  } catch {
    return [];
  }
}

function linked(path: string, other: string): boolean {
  try {
    linkSync(fsPath(path), fsPath(other));
    return true;
  } catch {
    // Some file systems have no second names.
    return false;
  }
}

function makeFolders(folder: string, undo: (() => void)[]): void {
  const there = lstat(folder);
  if (there?.isFile()) throw new PatchError(`${toText(folder)} is a file: nothing can be below it.`);
  if (there !== null) return;
  makeFolders(dirname(folder), undo);
  mkdirSync(fsPath(folder));
  undo.push(() => rmdirSync(fsPath(folder)));
}

function temporaryName(folder: string): string {
  return join(folder, `.apply_patch-${randomBytes(8).toString('hex')}.tmp`);
}

function keepOwner(path: string, before: Stats): void {
  const now = statSync(fsPath(path));
  if (now.uid === before.uid && now.gid === before.gid) return;
  try {
    chownSync(fsPath(path), before.uid, before.gid);
  } catch {
    // Only root may give files away; then the new file is the editor's, as with any editor.
  }
}
