/**
 * Brings paths to a state, all of them or, on a failure, with an exact account. First every new
 * content is written to a temporary file beside its place, where a full disk or a missing permission
 * shows while nothing has been touched; then come removals, folders, and renames, which need no space.
 */
import { randomBytes } from 'node:crypto';
import { pathKey } from '../patch/names.ts';
import { ancestorsOf, childOf } from './paths.ts';
import type { FileIO, FileState, WirePath } from './types.ts';

/** How long to work before giving way to the event loop: under a frame, so that nothing stutters. */
const WORK_SLICE_MS = 8;

export interface Wanted {
  path: WirePath;
  state: FileState;
}

export interface WriteOptions {
  /** Starts the names of temporary files, so that those of a killed process can be found. */
  tempPrefix: string;
  /** Permission bits of a folder that has to be made again. */
  folderMode?: (path: WirePath) => number | undefined;
  /** Undo: a path that fails leaves the others to go on. Otherwise the first failure ends it. */
  keepGoing: boolean;
}

export interface WriteOutcome {
  failures: { path: WirePath; error: unknown }[];
  /** Keys of paths that were changed. */
  changed: Set<string>;
}

export function tempPrefixOf(checkpointId: string): string {
  return `.codex-tasks-${checkpointId}-`;
}

export async function writeAll(io: FileIO, wanted: Wanted[], options: WriteOptions): Promise<WriteOutcome> {
  const outcome: WriteOutcome = { failures: [], changed: new Set() };
  const breathe = breather();
  const staged: { path: WirePath; temp: WirePath }[] = [];
  const stopped = () => outcome.failures.length > 0 && !options.keepGoing;
  const folders = new FolderCache(io);
  const run = randomBytes(4).toString('hex');

  for (const { path, state } of wanted) {
    if (state.kind === 'absent' || stopped()) continue;
    const name = `${options.tempPrefix}${run}-${staged.length}.tmp`;
    const temp = childOf(await folders.nearest(path), name);
    staged.push({ path, temp });
    try {
      await io.stage(temp, state);
    } catch (error) {
      outcome.failures.push({ path, error });
    }
    await breathe();
  }

  if (!stopped()) await commit(io, wanted, staged, options, outcome, breathe);
  // Whatever was not renamed. Removing an absent file is fine.
  if (outcome.failures.length > 0) {
    for (const { temp } of staged) await io.remove(temp).catch(() => undefined);
  }
  return outcome;
}

async function commit(
  io: FileIO,
  wanted: Wanted[],
  staged: { path: WirePath; temp: WirePath }[],
  options: WriteOptions,
  outcome: WriteOutcome,
  breathe: () => Promise<void>,
): Promise<void> {
  const failed = new Set(outcome.failures.map(({ path }) => pathKey(path)));
  const attempt = async (path: WirePath, act: () => Promise<void>) => {
    if (failed.has(pathKey(path)) || (failed.size > 0 && !options.keepGoing)) return;
    try {
      await act();
      outcome.changed.add(pathKey(path));
    } catch (error) {
      failed.add(pathKey(path));
      outcome.failures.push({ path, error });
    }
    await breathe();
  };

  const removed = wanted.filter(({ state }) => state.kind === 'absent').map(({ path }) => path);
  for (const path of removed) {
    await attempt(path, async () => {
      if (await isReachable(io, path)) await io.remove(path);
    });
  }
  await removeEmptied(io, removed, new Set(staged.flatMap(({ path }) => ancestorsOf(path)).map(pathKey)));

  const made = new Set<string>();
  for (const { path, temp } of staged) {
    await attempt(path, async () => {
      for (const folder of ancestorsOf(path)) {
        const key = pathKey(folder);
        // Looked at each time: who swaps a folder for a symlink meanwhile would have us write beyond it.
        const { kind } = await io.stat(folder);
        if (kind === 'symlink' && made.has(key)) throw swapped(folder);
        if (kind !== 'folder') await io.makeFolder(folder, options.folderMode?.(folder));
        made.add(key);
      }
      await io.rename(temp, path);
    });
  }
}

/** False when nothing can be there. Never through a symlink that was put there meanwhile. */
async function isReachable(io: FileIO, path: WirePath): Promise<boolean> {
  for (const folder of ancestorsOf(path)) {
    const { kind } = await io.stat(folder);
    if (kind === 'symlink') throw swapped(folder);
    if (kind !== 'folder') return false;
  }
  return true;
}

function swapped(folder: WirePath): Error {
  return Object.assign(new Error(`${folder.path} became a symbolic link`), { code: 'ELOOP' });
}

/** Folders above removed files go when they are empty, as git has no empty folders; `keep` stay. */
export async function removeEmptied(
  io: FileIO,
  removed: WirePath[],
  keep: ReadonlySet<string>,
): Promise<void> {
  const folders = new Map<string, { path: WirePath; depth: number }>();
  for (const path of removed) {
    for (const [depth, folder] of ancestorsOf(path).entries())
      folders.set(pathKey(folder), { path: folder, depth });
  }
  const deepestFirst = [...folders.values()].sort((one, two) => two.depth - one.depth);
  for (const { path } of deepestFirst) {
    if (!keep.has(pathKey(path))) await io.removeFolder(path).catch(() => false);
  }
}

/** Where a temporary file can lie: the nearest folder above a path that is there now. */
class FolderCache {
  readonly #io: FileIO;
  readonly #known = new Map<string, boolean>();

  constructor(io: FileIO) {
    this.#io = io;
  }

  async nearest(path: WirePath): Promise<WirePath | null> {
    let nearest: WirePath | null = null;
    for (const folder of ancestorsOf(path)) {
      const key = pathKey(folder);
      let there = this.#known.get(key);
      if (there === undefined) {
        there = (await this.#io.stat(folder)).kind === 'folder';
        this.#known.set(key, there);
      }
      if (!there) break;
      nearest = folder;
    }
    return nearest;
  }
}

/** Call it between small pieces of synchronous work: it waits only when a slice of time is over. */
export function breather(): () => Promise<void> {
  let since = performance.now();
  return async () => {
    if (performance.now() - since < WORK_SLICE_MS) return;
    await new Promise((resolve) => setImmediate(resolve));
    since = performance.now();
  };
}
