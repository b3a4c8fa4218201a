/**
 * The ground that a patch is applied to: what stands in the folder, and which of the patch's items write to or
 * remove a path. It says which names can't be used at all, and what is in the way of a path.
 */
import { pathKey } from '../patch/names.ts';
import type { FilePatch } from '../patch/types.ts';
import { ancestorsOf, foldedKey, refusalOf } from './paths.ts';
import { ABSENT } from './state.ts';
import type { ApplyReason, FileIO, FileState, PathStat, Verdict, WirePath } from './types.ts';

const GITLINK = '160000';
/** A folder that must become empty is looked through this far; a larger one is a conflict. */
const MAX_FOLDER_ENTRIES = 100_000;

/** Thrown while planning only: the item's verdict, from wherever it became clear. */
export class Stop extends Error {
  readonly verdict: Verdict;
  readonly reason: ApplyReason | undefined;
  readonly hunk: number | undefined;

  constructor(verdict: Verdict, reason?: ApplyReason, hunk?: number) {
    super(verdict);
    this.verdict = verdict;
    this.reason = reason;
    this.hunk = hunk;
  }
}

export class Ground {
  readonly #io: FileIO;
  readonly #groups: FilePatch[][];
  readonly #fold: boolean;
  readonly #writers = new Map<string, number[]>();
  readonly #removers = new Map<string, number[]>();
  readonly #stats = new Map<string, PathStat>();
  readonly #ancestors = new Map<string, PathStat['kind']>();

  constructor(io: FileIO, groups: FilePatch[][], fold: boolean) {
    this.#io = io;
    this.#groups = groups;
    this.#fold = fold;
    for (const [index, parts] of groups.entries()) {
      for (const part of parts) {
        if (part.kind === 'deleted' || part.kind === 'renamed')
          this.#note(this.#removers, part.oldPath, index);
        if (part.kind !== 'deleted') this.#note(this.#writers, part.newPath, index);
      }
    }
  }

  key(path: WirePath): string {
    return this.#fold ? foldedKey(pathKey(path)) : pathKey(path);
  }

  /** Which item of the patch takes away what is there; its first, there being one. */
  removerOf(key: string): number | undefined {
    return this.#removers.get(key)?.[0];
  }

  #note(map: Map<string, number[]>, path: WirePath, index: number): void {
    const key = this.key(path);
    const there = map.get(key);
    if (there === undefined) map.set(key, [index]);
    else there.push(index);
  }

  checkNames(part: FilePatch): void {
    for (const path of [part.oldPath, part.newPath]) {
      const refusal = refusalOf(path, this.#io.platform);
      if (refusal) throw new Stop('refused', refusal);
    }
    if (part.oldMode === GITLINK || part.newMode === GITLINK) throw new Stop('refused', 'submodule');
    if (part.body.type === 'binaryWithoutContent') throw new Stop('refused', 'noContent');
    const writers = part.kind === 'deleted' ? [] : (this.#writers.get(this.key(part.newPath)) ?? []);
    if (writers.length > 1) {
      const names = new Set(
        writers.flatMap((index) => this.#groups[index]!.map((file) => pathKey(file.newPath))),
      );
      throw new Stop('refused', names.size > 1 ? 'caseCollision' : 'duplicatePath');
    }
    const removes = part.kind === 'deleted' || part.kind === 'renamed';
    if (removes && (this.#removers.get(this.key(part.oldPath)) ?? []).length > 1) {
      throw new Stop('refused', 'duplicatePath');
    }
    if (part.kind === 'modified' || part.kind === 'modeChanged') {
      if (this.#removers.has(this.key(part.oldPath))) throw new Stop('refused', 'duplicatePath');
    }
    if (part.kind !== 'deleted') {
      for (const folder of ancestorsOf(part.newPath)) {
        if (this.#writers.has(this.key(folder))) throw new Stop('refused', 'duplicatePath');
      }
    }
  }

  /** What stands at a path that must be reached without a symlink. */
  async current(path: WirePath): Promise<FileState> {
    for (const folder of ancestorsOf(path)) {
      const kind = await this.#ancestor(folder);
      if (kind === 'symlink') throw new Stop('refused', 'beyondSymlink');
      if (kind !== 'folder') return ABSENT;
    }
    const state = await this.#io.read(path);
    if (state === null) throw new Stop('conflict', 'notAFile');
    return state;
  }

  async ancestorsMustBeFolders(path: WirePath, needs: Set<number>): Promise<void> {
    for (const folder of ancestorsOf(path)) {
      const kind = await this.#ancestor(folder);
      if (kind === 'absent') return;
      if (kind === 'folder') continue;
      const remover = this.removerOf(this.key(folder));
      if (remover === undefined) {
        throw kind === 'symlink' ? new Stop('refused', 'beyondSymlink') : new Stop('conflict', 'notAFile');
      }
      needs.add(remover);
      return;
    }
  }

  /** Keys of all files in a folder; an empty folder counts as one that nothing removes. */
  async leavesOf(folder: WirePath): Promise<string[]> {
    const leaves: string[] = [];
    const open = [folder];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      const entries = await this.#io.list(next);
      if (entries.length === 0) throw new Stop('conflict', 'notAFile');
      for (const entry of entries) {
        if ((await this.#io.stat(entry)).kind === 'folder') open.push(entry);
        else leaves.push(this.key(entry));
      }
      if (leaves.length + open.length > MAX_FOLDER_ENTRIES) throw new Stop('conflict', 'notAFile');
    }
    return leaves;
  }

  /** A folder above a path: never one of another repository's. */
  async #ancestor(folder: WirePath): Promise<PathStat['kind']> {
    const key = pathKey(folder);
    let kind = this.#ancestors.get(key);
    if (kind === undefined) {
      kind = (await this.stat(folder)).kind;
      if ((kind === 'folder' || kind === 'other') && (await this.#io.holdsRepository(folder)))
        throw new Stop('refused', 'nestedRepository');
      this.#ancestors.set(key, kind);
    }
    return kind;
  }

  async stat(path: WirePath): Promise<PathStat> {
    const key = pathKey(path);
    const known = this.#stats.get(key);
    if (known) return known;
    const stat = await this.#io.stat(path);
    this.#stats.set(key, stat);
    return stat;
  }
}
