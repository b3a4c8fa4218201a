/**
 * Looking into a trusted repository: its size; of a commit one file's bytes, one folder's names. No symbolic link
 * is followed, in the last part of a path or before it: a link's text is no file of the commit's.
 */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CodexError } from '../../protocol/errors.ts';
import { git } from './git.ts';
import { readDiff } from './raw-diff.ts';

/** A folder of a hundred thousand names of ordinary length. */
const LISTING_BYTES = 64 * 1024 * 1024;
const SUBMODULE = '160000';
const REGULAR = new Set(['100644', '100755']);

/** The bytes as committed, without any conversion. Null when there is nothing of that name. */
export async function readFileAt(
  dir: string,
  sha: string,
  path: string,
  maxBytes: number,
): Promise<Buffer | null> {
  const parts = partsOf(path);
  const prefixes = parts.map((_, index) => parts.slice(0, index + 1).join('/'));
  // With every folder on the way, so that one that is a link is seen as such.
  const entries = await list(dir, ['ls-tree', '-z', '-t', '--full-tree', sha, '--', ...prefixes]);
  const of = new Map(entries.map((entry) => [entry.name, entry]));
  for (const prefix of prefixes.slice(0, -1)) {
    const folder = of.get(prefix);
    if (folder === undefined) return null;
    if (folder.type !== 'tree') throw notAFile(path, folder);
  }
  const file = of.get(parts.join('/'));
  if (file === undefined) return null;
  if (!REGULAR.has(file.mode)) throw notAFile(path, file);
  return readBlob(dir, file.id, maxBytes, { path });
}

/** One side of a file that differs between two commits; null for an object that is none. */
export async function readChangedFile(
  dir: string,
  from: string,
  to: string,
  id: string,
  maxBytes: number,
): Promise<Buffer | null> {
  // Trees only: no content is compared. Renames name the same objects as their two halves.
  const { stdout } = await git(
    ['diff-tree', '-r', '-z', '--raw', '--no-abbrev', '--no-renames', '--end-of-options', from, to],
    { dir, maxOutputBytes: LISTING_BYTES },
  );
  const isSide = readDiff(stdout).some(
    (change) =>
      (change.oldSha === id && change.oldMode !== SUBMODULE) ||
      (change.newSha === id && change.newMode !== SUBMODULE),
  );
  return isSide && !/^0+$/.test(id) ? readBlob(dir, id, maxBytes) : null;
}

async function readBlob(
  dir: string,
  id: string,
  maxBytes: number,
  more: Record<string, string> = {},
): Promise<Buffer> {
  const { stdout: size } = await git(['cat-file', '-s', id], { dir });
  if (Number(size.toString('latin1')) > maxBytes)
    throw new CodexError('limitReached', { limit: 'fileBytes', value: maxBytes, ...more });
  return (await git(['cat-file', 'blob', id], { dir, maxOutputBytes: maxBytes })).stdout;
}

/** Names of the ordinary files in a folder (empty: the root), not of those below; none when it is no folder. */
export async function listTreeAt(dir: string, sha: string, folder: string): Promise<string[]> {
  const at = `${sha}:${partsOf(folder).join('/')}`;
  const entries = await list(dir, ['ls-tree', '-z', '--full-tree', at], [0, 128]);
  return entries.filter(({ mode }) => REGULAR.has(mode)).map(({ name }) => name);
}

/** Paths of all ordinary files with one of these names, wherever they lie. */
export async function findFilesAt(dir: string, sha: string, names: readonly string[]): Promise<string[]> {
  const entries = await list(dir, ['ls-tree', '-r', '-z', '--full-tree', sha]);
  const isWanted = new Set(names);
  return entries
    .filter(({ mode, name }) => REGULAR.has(mode) && isWanted.has(name.slice(name.lastIndexOf('/') + 1)))
    .map(({ name }) => name);
}

export async function packBytesOf(dir: string): Promise<number> {
  const packs = join(dir, 'objects', 'pack');
  const names = await readdir(packs).catch(() => []);
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(packs, name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

interface Entry {
  mode: string;
  type: string;
  id: string;
  name: string;
}

async function list(dir: string, args: string[], okCodes: number[] = [0]): Promise<Entry[]> {
  const { code, stdout } = await git(args, { dir, okCodes, maxOutputBytes: LISTING_BYTES });
  if (code !== 0) return [];
  return stdout
    .toString('utf8')
    .split('\0')
    .filter(Boolean)
    .map((line) => {
      const tab = line.indexOf('\t');
      const [mode = '', type = '', id = ''] = line.slice(0, tab).split(' ');
      return { mode, type, id, name: line.slice(tab + 1) };
    });
}

function partsOf(path: string): string[] {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  if (path.startsWith('/') || path.includes('\0') || parts.includes('..'))
    throw new CodexError('badRequest', { field: 'path', reason: 'not inside the repository' });
  return parts;
}

function notAFile(path: string, { mode, type, name }: Entry): CodexError {
  const what =
    mode === '120000' ? 'symlink' : type === 'tree' ? 'folder' : type === 'commit' ? 'submodule' : 'file';
  return new CodexError('badRequest', { field: 'path', path, at: name, reason: 'notAFile', what });
}
