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
  lstatSync,
  mkdirSync,
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
import type { FileState, Outcome } from './apply.ts';
import { toBytes, toText } from './bytes.ts';
import { PatchError } from './parse.ts';

/** Node's strings of bytes end at 512 MiB; a text that long is not edited by a patch. */
const MAX_FILE_BYTES = 256 * 1024 * 1024;

export class PatchFolder {
  readonly #root: string;

  constructor(folder: string) {
    this.#root = toBytes(realpathSync(folder, 'utf8'));
  }

  /** One name for one file: its folder without symbolic links, then its own name. */
  key(path: string): string {
    const name = toText(path);
    if (path.includes('\0')) throw new PatchError('A path cannot contain a NUL character.');
    const full = resolve(this.#root, path);
    if (!this.#contains(full) || full === this.#root) {
      throw new PatchError(`${name} is outside of the working directory ${toText(this.#root)}.`);
    }
    const { existing, rest } = deepestFolder(dirname(full));
    const folder = toBytes(realpathSync(fsPath(existing), 'buffer'));
    if (!this.#contains(folder)) {
      throw new PatchError(`${name} leads through a symbolic link out of the working directory.`);
    }
    return join(folder, rest, basename(full));
  }

  read(key: string): FileState {
    const found = lstat(key);
    if (found === null) return { kind: 'absent' };
    const target = found.isSymbolicLink() ? this.#targetOf(key) : key;
    const state = statSync(fsPath(target));
    if (state.isDirectory()) return { kind: 'other', what: 'a folder' };
    if (!state.isFile()) return { kind: 'other', what: 'a special file' };
    if (state.size > MAX_FILE_BYTES) return { kind: 'other', what: 'too large for a patch' };
    return { kind: 'file', content: readFileSync(fsPath(target)).toString('latin1') };
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
      for (const { place } of staged) {
        if (lstat(place) === null) continue;
        const aside = temporaryName(dirname(place));
        renameSync(fsPath(place), fsPath(aside));
        undo.push(() => renameSync(fsPath(aside), fsPath(place)));
        leftovers.push(aside);
      }
      for (const { place, temporary } of staged) {
        if (temporary === null) continue;
        makeFolders(dirname(place), undo);
        renameSync(fsPath(temporary), fsPath(place));
        undo.push(() => renameSync(fsPath(place), fsPath(temporary)));
      }
    } catch (error) {
      for (const step of undo.toReversed()) step();
      throw error;
    }
    for (const aside of leftovers) rmSync(fsPath(aside), { force: true });
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

function makeFolders(folder: string, undo: (() => void)[]): void {
  if (lstat(folder) !== null) return;
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
