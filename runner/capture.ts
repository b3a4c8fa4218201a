/**
 * The result out: the working tree as a git tree, made with a git folder of our own, whatever the
 * agent did to `.git`, as a thin pack against the commit the turn began with.
 *
 * In order: git folder → the base's objects (borrowed from the workspace where they are intact,
 * else fetched again) → index = base → what is tracked, brought up to date → what is new → tree →
 * pack. Nothing is staged by pattern: `add -A` fails on, or silently loses, nested repositories.
 * FIFOs, sockets and devices have no place in a tree and are left out. Call it when no process of
 * the agent's is left, so that nothing changes meanwhile.
 */
import { lstatSync, mkdtempSync, rmSync, writeFileSync, mkdirSync, openSync, closeSync } from 'node:fs';
import { basename, join } from 'node:path';
import { originUrl } from '../protocol/door.ts';
import type { DoorCapture } from '../protocol/door.ts';
import { DoorRefusal } from './failure.ts';
import { git, gitList, gitText, joinNul } from './git.ts';
import type { GitOptions } from './git.ts';
import { PLACES } from './places.ts';
import { WorkTree } from './work-tree.ts';

/** Reading the base's trees takes well under a second; a FIFO in their place would take for ever. */
const BORROW_TIMEOUT_MS = 60_000;
const GITLINK_MODE = '160000';
const HERE = Buffer.from('./');

export interface Captured {
  tree: string;
  ignored: number;
  packPath: string;
  /** Removes everything that the capture made. */
  dispose: () => void;
}

export async function capture(wanted: DoorCapture): Promise<Captured> {
  if (!lstatSync(wanted.workdir, { throwIfNoEntry: false })?.isDirectory()) {
    throw new DoorRefusal('unreadable', `${wanted.workdir} is no folder any more`);
  }
  try {
    return await captureWith('borrow', wanted);
  } catch (error) {
    // A damaged object store shows anywhere between the first tree and the last blob of the pack.
    if (!(error instanceof DoorRefusal) || error.reason !== 'gitFailed') throw error;
    return await captureWith('fetch', wanted);
  }
}

async function captureWith(from: 'borrow' | 'fetch', { workdir, base }: DoorCapture): Promise<Captured> {
  const dir = mkdtempSync(join(PLACES.run, 'capture-'));
  const dispose = (): void => rmSync(dir, { recursive: true, force: true });
  const gitDir = join(dir, 'git');
  const options: GitOptions = {
    cwd: workdir,
    env: { GIT_DIR: gitDir, GIT_WORK_TREE: workdir, GIT_INDEX_FILE: join(dir, 'index') },
  };
  try {
    await makeGitDir(gitDir, base);
    if (from === 'borrow') await borrowBase(gitDir, workdir, base, options);
    else await fetchBase(workdir, base, options);
    await git(['read-tree', base], options);
    await updateTracked(workdir, options);
    await addUntracked(workdir, options);
    const tree = await gitText(['write-tree'], options);
    const ignored = await countIgnored(options);
    const packPath = join(dir, 'pack');
    await writePack(packPath, tree, base, options);
    return { tree, ignored, packPath, dispose };
  } catch (error) {
    dispose();
    throw error;
  }
}

async function makeGitDir(gitDir: string, base: string): Promise<void> {
  mkdirSync(gitDir);
  const format = base.length === 64 ? 'sha256' : 'sha1';
  await git(['init', '--quiet', '--bare', '--template=', `--object-format=${format}`, gitDir], {
    cwd: gitDir,
  });
}

async function borrowBase(gitDir: string, workdir: string, base: string, options: GitOptions): Promise<void> {
  const objects = join(workdir, '.git', 'objects');
  const isFolder = (path: string): boolean =>
    lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  if (!isFolder(join(workdir, '.git')) || !isFolder(objects))
    throw new DoorRefusal('gitFailed', 'no object store');
  mkdirSync(join(gitDir, 'objects', 'info'), { recursive: true });
  writeFileSync(join(gitDir, 'objects', 'info', 'alternates'), `${objects}\n`);
  await git(['ls-tree', '-r', '-t', '--name-only', '-z', base], { ...options, timeoutMs: BORROW_TIMEOUT_MS });
}

async function fetchBase(workdir: string, base: string, options: GitOptions): Promise<void> {
  const url = originUrl(basename(workdir), PLACES.originPort);
  await git(['fetch', '--quiet', '--no-tags', '--depth=1', url, base], options);
}

/** Every path of the index: gone, changed, or something else now. */
async function updateTracked(workdir: string, options: GitOptions): Promise<void> {
  const tree = new WorkTree(workdir);
  const gone: Buffer[] = [];
  const present: Buffer[] = [];
  for (const entry of await gitList(['ls-files', '--stage', '-z'], options)) {
    const tab = entry.indexOf(0x09);
    const mode = entry.subarray(0, entry.indexOf(0x20)).toString('latin1');
    const path = entry.subarray(tab + 1);
    const kind = tree.kind(path);
    if (mode === GITLINK_MODE && kind === 'folder') {
      // A submodule that was never fetched is an empty folder and stays what it was.
      if (tree.isRepository(path)) present.push(path);
      else if (!tree.isEmptyFolder(path)) gone.push(path);
    } else if (kind === 'file' || kind === 'symlink') present.push(path);
    else gone.push(path);
  }
  await removeFromIndex(gone, options);
  await addToIndex(present, options);
}

/** What is new, without what is ignored; a repository inside is expanded to its files. */
async function addUntracked(workdir: string, options: GitOptions): Promise<void> {
  const tree = new WorkTree(workdir);
  const files: Buffer[] = [];
  const nested: Buffer[] = [];
  for (const path of await gitList(['ls-files', '--others', '--exclude-standard', '-z'], options)) {
    if (path[path.length - 1] === 0x2f) nested.push(...tree.walk(path.subarray(0, -1)));
    else if (tree.isStorable(path)) files.push(path);
  }
  files.push(...(await withoutIgnored(nested, options)));
  await addToIndex(files, options);
}

async function withoutIgnored(paths: Buffer[], options: GitOptions): Promise<Buffer[]> {
  if (paths.length === 0) return [];
  // This one refuses literal pathspecs; with `./` in front no name is anything but a name. Exit code
  // 1 only says that nothing matched.
  const ignored = await gitList(['check-ignore', '--no-index', '-z', '--stdin'], {
    ...options,
    env: { ...options.env, GIT_LITERAL_PATHSPECS: '0' },
    input: joinNul(paths.map((path) => Buffer.concat([HERE, path]))),
    alsoFine: 1,
  });
  const names = new Set(ignored.map((path) => path.subarray(HERE.length).toString('latin1')));
  return paths.filter((path) => !names.has(path.toString('latin1')));
}

async function countIgnored(options: GitOptions): Promise<number> {
  const listed = await gitList(
    ['ls-files', '--others', '--ignored', '--exclude-standard', '--directory', '-z'],
    options,
  );
  return listed.length;
}

async function addToIndex(paths: Buffer[], options: GitOptions): Promise<void> {
  if (paths.length === 0) return;
  await git(['update-index', '--add', '--replace', '-z', '--stdin'], { ...options, input: joinNul(paths) });
}

async function removeFromIndex(paths: Buffer[], options: GitOptions): Promise<void> {
  if (paths.length === 0) return;
  await git(['update-index', '--force-remove', '-z', '--stdin'], { ...options, input: joinNul(paths) });
}

/** Into a file first: an object that can't be read is found before the first byte is sent. */
async function writePack(path: string, tree: string, base: string, options: GitOptions): Promise<void> {
  const fd = openSync(path, 'wx', 0o600);
  try {
    const revisions = Buffer.from(`${tree}\n^${base}^{tree}\n`);
    await git(
      [
        '-c',
        'pack.compression=0',
        '-c',
        'pack.window=0',
        'pack-objects',
        '--quiet',
        '--revs',
        '--thin',
        '--stdout',
      ],
      { ...options, input: revisions, stdoutFd: fd },
    );
  } finally {
    closeSync(fd);
  }
}
