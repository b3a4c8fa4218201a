/**
 * Brings a throw-away index to the state of the working tree, tracked and untracked files alike.
 *
 * In order: entries that git was told not to look at are looked at again; what is gone is removed;
 * what is changed or new is added, with the person's own conversions and filters; repositories
 * inside are walked as ordinary folders. `git add -A` does not do: one file that cannot be added
 * makes it fail as a whole, and an embedded repository swallows its files. What could not be
 * included is a warning; nothing is left out silently.
 */
import { lstat, readdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { CodexError } from '../../protocol/errors.ts';
import { gitLine, joinNul, runGit, splitNul, type GitCall } from '../git/git.ts';
import { largeFileWarnings, type SnapshotWarning } from './warnings.ts';

/** More than this cannot be added: something is wrong with the folder as a whole. */
const MAX_FAILURES = 100;
const SLASH = 0x2f;
const SUBMODULE_MODE = '160000';

/** `call` carries the index and object folder to write to. */
export async function collect(root: string, call: GitCall): Promise<SnapshotWarning[]> {
  const warnings: SnapshotWarning[] = [];
  await lookAgain(root, call);
  const changes = await changedEntries(root, call, warnings);
  const untracked = await untrackedFiles(root, call, warnings);

  await update(root, call, ['--force-remove'], changes.gone, []);
  const files = [...changes.present, ...untracked];
  warnings.push(...largeFileWarnings(await sizes(root, files)));
  await update(root, call, ['--add', '--remove', '--replace'], files, warnings);
  return warnings;
}

/**
 * Clears "assume unchanged" everywhere, and "skip worktree" where the file is there. Where it is not
 * (a sparse checkout) the entry stays as it is: absent, and not deleted.
 */
async function lookAgain(root: string, call: GitCall): Promise<void> {
  const { stdout } = await runGit(root, ['ls-files', '-v', '-z'], call);
  const assumed: Buffer[] = [];
  const skipped: Buffer[] = [];
  for (const entry of splitNul(stdout)) {
    const tag = String.fromCharCode(entry[0] ?? 0);
    const path = entry.subarray(2);
    if (tag !== tag.toUpperCase()) assumed.push(path);
    if (tag.toUpperCase() === 'S' && (await isThere(root, path))) skipped.push(path);
  }
  await update(root, call, ['--no-assume-unchanged'], assumed, []);
  await update(root, call, ['--no-skip-worktree'], skipped, []);
}

/** Tracked entries that differ from their files, as far as time and size can tell: git hashes the rest. */
async function changedEntries(
  root: string,
  call: GitCall,
  warnings: SnapshotWarning[],
): Promise<{ present: Buffer[]; gone: Buffer[] }> {
  const { stdout } = await runGit(root, ['diff-files', '--raw', '-z', '--ignore-submodules=none'], call);
  const fields = splitNul(stdout);
  const present: Buffer[] = [];
  const gone: Buffer[] = [];
  const unmerged = new Map<string, Buffer>();
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const path = fields[at + 1] ?? Buffer.alloc(0);
    const [oldMode = '', , , , status = ''] = (fields[at] ?? Buffer.alloc(0))
      .toString('latin1')
      .slice(1)
      .split(' ');
    if (status === 'U') {
      unmerged.set(path.toString('latin1'), path);
    } else if (status === 'D') {
      gone.push(path);
    } else {
      if (oldMode === SUBMODULE_MODE)
        warnings.push({ code: 'submoduleChanges', params: { path: shown(path) } });
      present.push(path);
    }
  }
  for (const path of unmerged.values()) ((await isThere(root, path)) ? present : gone).push(path);
  if (unmerged.size > 0) warnings.push({ code: 'conflicts', params: { count: unmerged.size } });
  return { present, gone };
}

async function untrackedFiles(root: string, call: GitCall, warnings: SnapshotWarning[]): Promise<Buffer[]> {
  const { stdout } = await runGit(root, ['ls-files', '--others', '--exclude-standard', '-z'], call);
  const files: Buffer[] = [];
  for (const entry of splitNul(stdout)) {
    if (entry.at(-1) !== SLASH) {
      files.push(entry);
      continue;
    }
    // A folder that ends in a slash is a repository of its own.
    const folder = entry.subarray(0, -1);
    if (await isLinkedWorktree(root, folder)) {
      warnings.push({ code: 'linkedWorktree', params: { path: shown(folder) } });
      continue;
    }
    const inside = await embeddedFiles(root, folder);
    files.push(...inside);
    warnings.push({ code: 'embeddedRepository', params: { path: shown(folder), files: inside.length } });
  }
  return files;
}

/** Another working tree of this same repository that happens to lie inside: not part of this one. */
async function isLinkedWorktree(root: string, folder: Buffer): Promise<boolean> {
  const path = absolute(root, folder).toString('utf8');
  try {
    const there = await gitLine(path, ['rev-parse', '--git-common-dir']);
    const here = await gitLine(root, ['rev-parse', '--git-common-dir']);
    return resolve(path, there) === resolve(root, here);
  } catch {
    return false;
  }
}

/** What a repository inside has, without its `.git` and what it ignores itself. */
async function embeddedFiles(root: string, folder: Buffer): Promise<Buffer[]> {
  let entries: Buffer[];
  try {
    const path = absolute(root, folder).toString('utf8');
    const { stdout } = await runGit(path, ['ls-files', '--cached', '--others', '--exclude-standard', '-z']);
    entries = splitNul(stdout);
  } catch {
    return walk(root, folder);
  }
  const files: Buffer[] = [];
  for (const entry of entries) {
    const path = join(folder, entry.at(-1) === SLASH ? entry.subarray(0, -1) : entry);
    const kind = await kindOf(root, path);
    if (kind === 'folder') files.push(...(await embeddedFiles(root, path)));
    else if (kind === 'file') files.push(path);
  }
  return files;
}

/** Every file below, whatever git thinks of the folder. */
async function walk(root: string, folder: Buffer): Promise<Buffer[]> {
  const files: Buffer[] = [];
  for (const name of await readdir(absolute(root, folder), { encoding: 'buffer' })) {
    if (name.toString('latin1').toLowerCase() === '.git') continue;
    const path = join(folder, name);
    const kind = await kindOf(root, path);
    if (kind === 'folder') files.push(...(await walk(root, path)));
    else if (kind === 'file') files.push(path);
  }
  return files;
}

/**
 * `update-index` over the paths. One that cannot be taken makes git give up on all, so the list is
 * halved until it stands alone: a required filter that is missing, bytes that are not the encoding
 * they should be, a file that may not be read.
 */
async function update(
  root: string,
  call: GitCall,
  flags: readonly string[],
  paths: readonly Buffer[],
  warnings: SnapshotWarning[],
): Promise<void> {
  let failures = 0;
  const take = async (part: readonly Buffer[]): Promise<void> => {
    if (part.length === 0) return;
    try {
      await runGit(root, ['update-index', ...flags, '-z', '--stdin'], { ...call, input: joinNul(part) });
    } catch (thrown) {
      const [only] = part;
      if (!(thrown instanceof CodexError) || thrown.code !== 'gitFailed' || !only) throw thrown;
      if (part.length > 1) {
        const middle = part.length >> 1;
        await take(part.slice(0, middle));
        await take(part.slice(middle));
        return;
      }
      failures += 1;
      if (failures > MAX_FAILURES) throw thrown;
      warnings.push({ code: 'notIncluded', params: { path: shown(only), reason: lastLine(thrown.message) } });
    }
  };
  await take(paths);
}

async function sizes(root: string, paths: readonly Buffer[]): Promise<{ path: string; bytes: number }[]> {
  const found: { path: string; bytes: number }[] = [];
  for (const path of paths) {
    try {
      const stat = await lstat(absolute(root, path));
      if (stat.isFile()) found.push({ path: shown(path), bytes: stat.size });
    } catch {
      // Gone since it was listed: git sees that too.
    }
  }
  return found;
}

async function kindOf(root: string, path: Buffer): Promise<'file' | 'folder' | 'other'> {
  try {
    const stat = await lstat(absolute(root, path));
    if (stat.isDirectory()) return 'folder';
    return stat.isFile() || stat.isSymbolicLink() ? 'file' : 'other';
  } catch {
    return 'other';
  }
}

async function isThere(root: string, path: Buffer): Promise<boolean> {
  try {
    await lstat(absolute(root, path));
    return true;
  } catch {
    return false;
  }
}

function absolute(root: string, path: Buffer): Buffer {
  return join(Buffer.from(root), path);
}

function join(folder: Buffer, name: Buffer): Buffer {
  return Buffer.concat([folder, Buffer.from('/'), name]);
}

function shown(path: Buffer): string {
  return path.toString('utf8');
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}
