/**
 * The folders of a stopped sandbox. What lies in them was written by what ran inside: names are bytes,
 * no link is followed, nothing waits on a FIFO, and permissions that were taken away are given back to
 * us (the owner) before anything is read, so that nothing hides behind them.
 */
import { execFile } from 'node:child_process';
import { chmodSync, closeSync, constants, createReadStream, fstatSync, lstatSync, openSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { lstat, readdir, readlink, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { CodexError } from '../../../protocol/errors.ts';
import type { ChangedFile } from '../sandbox.ts';
import type { KeptFolders } from './platform.ts';

export const KEPT_NAMES = ['workspace', 'home', 'tmp'] as const satisfies (keyof KeptFolders)[];

/** `stat.blocks` counts in these, whatever the file system. */
const BLOCK_BYTES = 512;
/** Less room than this after a copy failed: the disk is what stopped it. */
const FULL_BYTES = 16 * 1024 * 1024;
const SLASH = Buffer.from('/');

interface Entry {
  /** On this machine, and as it was called inside. */
  here: Buffer;
  inside: Buffer;
  stat: Stats;
}

export async function* changedFiles(sandboxDir: string, folders: KeptFolders): AsyncIterable<ChangedFile> {
  for (const name of KEPT_NAMES) {
    for await (const { here, inside, stat } of walk(join(sandboxDir, name), folders[name])) {
      if (stat.isSymbolicLink()) yield { path: inside, target: await readlink(here, { encoding: 'buffer' }) };
      else if (stat.isFile()) yield { path: inside, content: openFile(here) };
      else yield { path: inside };
    }
  }
}

/** Bytes on disk, a file with several names once. Makes everything readable on its way. */
export async function folderBytes(sandboxDir: string): Promise<number> {
  let bytes = 0;
  const linked = new Set<number>();
  for (const name of KEPT_NAMES) {
    for await (const { stat } of walk(join(sandboxDir, name), '')) {
      if (stat.nlink > 1 && !stat.isDirectory()) {
        if (linked.has(stat.ino)) continue;
        linked.add(stat.ino);
      }
      bytes += stat.blocks * BLOCK_BYTES;
    }
  }
  return bytes;
}

/** Everything below a folder, folders before what is in them. A path that the system can't take is an error. */
async function* walk(root: string, inside: string): AsyncIterable<Entry> {
  makeReadable(Buffer.from(root), await lstat(root));
  const open: { here: Buffer; inside: Buffer }[] = [{ here: Buffer.from(root), inside: Buffer.from(inside) }];
  for (let folder; (folder = open.pop());) {
    for (const name of await readdir(folder.here, { encoding: 'buffer' })) {
      const here = Buffer.concat([folder.here, SLASH, name]);
      const stat = lstatSync(here);
      const entry = { here, inside: Buffer.concat([folder.inside, SLASH, name]), stat };
      makeReadable(here, stat);
      if (stat.isDirectory()) open.push(entry);
      yield entry;
    }
  }
}

function makeReadable(path: Buffer, stat: Stats): void {
  const needed = stat.isDirectory() ? 0o700 : stat.isFile() ? 0o400 : 0;
  if ((stat.mode & needed) !== needed) chmodSync(path, (stat.mode & 0o7777) | needed);
}

function openFile(path: Buffer): Readable {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  if (fstatSync(fd).isFile()) return createReadStream('', { fd });
  closeSync(fd);
  throw new Error('a file of a stopped sandbox was replaced');
}

/**
 * Sharing blocks where the file system can. `to` exists and is empty; modes, times, links between files
 * and holes stay as they are.
 */
export async function copyFolders(from: string, to: string): Promise<void> {
  const sources = KEPT_NAMES.map((name) => join(from, name));
  await copying(to, () => run('cp', ['-a', '--reflink=auto', '--', ...sources, to]));
}

/** A copy that failed on a full disk says so. */
export async function copying(to: string, copy: () => Promise<void>): Promise<void> {
  try {
    await copy();
  } catch (error) {
    const { bavail, bsize } = await statfs(to);
    if (bavail * bsize < FULL_BYTES) throw new CodexError('diskFull', {}, { cause: error });
    throw error;
  }
}

/** What ran inside may have taken permissions away, or nested folders deeper than a path can say. */
export async function removeFolder(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch {
    await run('chmod', ['-R', 'u+rwx', '--', path]).catch(() => {});
    await run('rm', ['-rf', '--', path]);
  }
}

export async function run(program: string, args: string[]): Promise<void> {
  await promisify(execFile)(program, args, { env: { PATH: process.env.PATH, LC_ALL: 'C' } });
}
