/**
 * What applying a patch to a folder would do, path by path. Reads only. In order: the patch's files
 * become items, names are checked, then each item is held against what stands in the folder. All
 * reading is of the state before anything is written, so renames may swap or chain.
 */
import { MAX_INFLATED_BYTES } from '../patch/apply-file.ts';
import { pathKey } from '../patch/names.ts';
import type { FilePatch, Patch } from '../patch/types.ts';
import { alreadyIn, applyKeepingEol } from './eol.ts';
import { nodeFileIO } from './node-io.ts';
import { ancestorsOf, foldedKey, refusalOf } from './paths.ts';
import { runsByItself } from '../../protocol/self-running.ts';
import { ABSENT, contentOf, fingerprintOf, gitModeOf, sameMode } from './state.ts';
import type {
  ApplyPlan,
  ApplyReason,
  DocumentIO,
  FileIO,
  FileState,
  PathChange,
  PathStat,
  PlanItem,
  PlannedChange,
  Verdict,
  WirePath,
} from './types.ts';
import { breather } from './write.ts';

const SYMLINK = '120000';
const GITLINK = '160000';
/** A folder that must become empty is looked through this far; a larger one is a conflict. */
const MAX_FOLDER_ENTRIES = 100_000;

export interface PlanOptions {
  io?: FileIO;
  documents?: DocumentIO;
}

export async function planApply(root: string, patch: Patch, options: PlanOptions = {}): Promise<ApplyPlan> {
  const io = options.io ?? nodeFileIO(root);
  const planner = new Planner(io, options.documents, itemsOf(patch.files), await io.caseInsensitive());
  const breathe = breather();
  const items: PlanItem[] = [];
  const planned: PlannedChange[] = [];
  for (const parts of planner.groups) {
    const judged = await planner.judge(parts);
    items.push(itemOf(parts, judged));
    planned.push({ changes: judged.changes, needs: [...judged.needs] });
    await breathe();
  }
  return { root, items, planned };
}

/** A deletion and a creation of one path are one item: the file changes its type. */
function itemsOf(files: FilePatch[]): FilePatch[][] {
  const groups: FilePatch[][] = [];
  const deletions = new Map<string, FilePatch[]>();
  for (const file of files) {
    const key = pathKey(file.newPath);
    const deletion = file.kind === 'added' ? deletions.get(key) : undefined;
    if (deletion?.length === 1) {
      deletion.push(file);
      continue;
    }
    const group = [file];
    groups.push(group);
    if (file.kind === 'deleted') deletions.set(key, group);
  }
  return groups;
}

interface Judged {
  verdict: Verdict;
  reason?: ApplyReason;
  hunk?: number;
  merged: boolean;
  unsaved: boolean;
  changes: PathChange[];
  needs: Set<number>;
}

function itemOf(parts: FilePatch[], judged: Judged): PlanItem {
  const first = parts[0]!;
  const moved = first.kind === 'renamed' || first.kind === 'copied';
  const link = parts.some((part) => part.newMode === SYMLINK || part.newMode === GITLINK);
  return {
    path: first.newPath,
    ...(moved ? { from: first.oldPath } : {}),
    kind: parts.length === 2 ? 'typeChanged' : first.kind,
    verdict: judged.verdict,
    ...(judged.reason ? { reason: judged.reason } : {}),
    ...(judged.hunk === undefined ? {} : { hunk: judged.hunk }),
    merged: judged.merged,
    runsByItself:
      runsByItself(first.newPath, link) || (first.kind === 'renamed' && runsByItself(first.oldPath, link)),
    unsaved: judged.unsaved,
    parts,
  };
}

/** Thrown inside the planner only: the item's verdict, from wherever it became clear. */
class Stop extends Error {
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

class Planner {
  readonly groups: FilePatch[][];
  readonly #io: FileIO;
  readonly #documents: DocumentIO | undefined;
  readonly #fold: boolean;
  /** Which item writes to, and which removes, a path. */
  readonly #writers = new Map<string, number[]>();
  readonly #removers = new Map<string, number[]>();
  readonly #stats = new Map<string, PathStat>();
  /** What binary changes may still inflate to, all together. */
  #inflatable = MAX_INFLATED_BYTES;
  readonly #ancestors = new Map<string, PathStat['kind']>();

  constructor(io: FileIO, documents: DocumentIO | undefined, groups: FilePatch[][], fold: boolean) {
    this.#io = io;
    this.#documents = documents;
    this.groups = groups;
    this.#fold = fold;
    for (const [index, parts] of groups.entries()) {
      for (const part of parts) {
        if (part.kind === 'deleted' || part.kind === 'renamed')
          this.#note(this.#removers, part.oldPath, index);
        if (part.kind !== 'deleted') this.#note(this.#writers, part.newPath, index);
      }
    }
  }

  async judge(parts: FilePatch[]): Promise<Judged> {
    const judged: Judged = {
      verdict: 'applies',
      merged: false,
      unsaved: false,
      changes: [],
      needs: new Set(),
    };
    try {
      for (const part of parts) this.#checkNames(part);
      const first = parts[0]!;
      if (parts.length === 2) await this.#typeChange(first, parts[1]!, judged);
      else await this.#one(first, judged);
      return judged;
    } catch (stop) {
      if (!(stop instanceof Stop)) throw stop;
      return {
        ...judged,
        verdict: stop.verdict,
        ...(stop.reason ? { reason: stop.reason } : {}),
        ...(stop.hunk === undefined ? {} : { hunk: stop.hunk }),
        changes: [],
        needs: new Set(),
      };
    }
  }

  #key(path: WirePath): string {
    return this.#fold ? foldedKey(pathKey(path)) : pathKey(path);
  }

  #note(map: Map<string, number[]>, path: WirePath, index: number): void {
    const key = this.#key(path);
    const there = map.get(key);
    if (there === undefined) map.set(key, [index]);
    else there.push(index);
  }

  #checkNames(part: FilePatch): void {
    for (const path of [part.oldPath, part.newPath]) {
      const refusal = refusalOf(path, this.#io.platform);
      if (refusal) throw new Stop('refused', refusal);
    }
    if (part.oldMode === GITLINK || part.newMode === GITLINK) throw new Stop('refused', 'submodule');
    if (part.body.type === 'binaryWithoutContent') throw new Stop('refused', 'noContent');
    const writers = part.kind === 'deleted' ? [] : (this.#writers.get(this.#key(part.newPath)) ?? []);
    if (writers.length > 1) {
      const names = new Set(
        writers.flatMap((index) => this.groups[index]!.map((file) => pathKey(file.newPath))),
      );
      throw new Stop('refused', names.size > 1 ? 'caseCollision' : 'duplicatePath');
    }
    const removes = part.kind === 'deleted' || part.kind === 'renamed';
    if (removes && (this.#removers.get(this.#key(part.oldPath)) ?? []).length > 1) {
      throw new Stop('refused', 'duplicatePath');
    }
    if (part.kind === 'modified' || part.kind === 'modeChanged') {
      if (this.#removers.has(this.#key(part.oldPath))) throw new Stop('refused', 'duplicatePath');
    }
    if (part.kind !== 'deleted') {
      for (const folder of ancestorsOf(part.newPath)) {
        if (this.#writers.has(this.#key(folder))) throw new Stop('refused', 'duplicatePath');
      }
    }
  }

  async #one(part: FilePatch, judged: Judged): Promise<void> {
    switch (part.kind) {
      case 'added':
        return this.#added(part, judged);
      case 'deleted':
        return this.#deleted(part, judged);
      case 'modified':
      case 'modeChanged':
        return this.#modified(part, judged);
      case 'renamed':
      case 'copied':
        return this.#moved(part, judged);
    }
  }

  async #added(part: FilePatch, judged: Judged): Promise<void> {
    const after = this.#created(part);
    await this.#place(part.newPath, after, judged);
  }

  async #deleted(part: FilePatch, judged: Judged): Promise<void> {
    const before = await this.#current(part.oldPath);
    if (before.kind === 'absent') throw new Stop('alreadyApplied');
    this.#mustBeSaved(part.oldPath);
    this.#kindMustFit(before, part.oldMode);
    this.#content(before, part);
    judged.changes.push({ path: part.oldPath, before: fingerprintOf(before), after: ABSENT });
  }

  async #modified(part: FilePatch, judged: Judged): Promise<void> {
    let before = await this.#current(part.oldPath);
    if (before.kind === 'absent') throw new Stop('conflict', 'missing');
    this.#kindMustFit(before, part.oldMode);
    if (this.#documents?.isDirty(part.oldPath)) {
      if (before.kind !== 'file' || part.body.type !== 'text' || part.oldMode !== part.newMode) {
        throw new Stop('conflict', 'unsavedChanges');
      }
      judged.unsaved = true;
      before = { ...before, bytes: await this.#documents.read(part.oldPath) };
    }
    const bytes = contentOf(before)!;
    const executable = part.newMode === '100755';
    const modeIsIn =
      part.oldMode === part.newMode || sameMode(gitModeOf(before), part.newMode, this.#io.platform);
    const outcome = this.#outcome(bytes, part);
    if (
      modeIsIn &&
      (part.body.type === 'none' || ((!outcome.ok || !outcome.exact) && alreadyIn(bytes, part)))
    ) {
      throw new Stop('alreadyApplied');
    }
    if (!outcome.ok) throw stopOf(outcome);
    judged.merged = !outcome.exact;
    const after: FileState =
      before.kind === 'symlink'
        ? { kind: 'symlink', target: outcome.bytes }
        : fileAfter(before, outcome.bytes, part.oldMode === part.newMode ? null : executable);
    judged.changes.push({ path: part.oldPath, before: fingerprintOf(before), after });
  }

  async #moved(part: FilePatch, judged: Judged): Promise<void> {
    const before = await this.#current(part.oldPath);
    if (before.kind === 'absent') {
      const target = part.kind === 'renamed' ? await this.#current(part.newPath) : ABSENT;
      const content = contentOf(target);
      const exact = content !== null && part.newId !== null && alreadyIn(content, part);
      throw exact ? new Stop('alreadyApplied') : new Stop('conflict', 'missing');
    }
    this.#mustBeSaved(part.oldPath);
    this.#kindMustFit(before, part.oldMode);
    const outcome = this.#content(before, part);
    judged.merged = !outcome.exact;
    const changesMode = part.oldMode !== part.newMode;
    let after: FileState;
    if (before.kind === 'symlink') after = { kind: 'symlink', target: outcome.bytes };
    else if (part.kind === 'renamed') {
      after = fileAfter(before, outcome.bytes, changesMode ? part.newMode === '100755' : null);
    } else {
      const executable = changesMode ? part.newMode === '100755' : before.executable;
      after = { kind: 'file', mode: null, executable, bytes: outcome.bytes };
    }
    if (part.kind === 'renamed') {
      judged.changes.push({ path: part.oldPath, before: fingerprintOf(before), after: ABSENT });
    }
    await this.#place(part.newPath, after, judged);
  }

  async #typeChange(removal: FilePatch, creation: FilePatch, judged: Judged): Promise<void> {
    const before = await this.#current(removal.oldPath);
    const after = this.#created(creation);
    if (before.kind === 'absent') throw new Stop('conflict', 'missing');
    if (sameState(before, after)) throw new Stop('alreadyApplied');
    this.#mustBeSaved(removal.oldPath);
    this.#kindMustFit(before, removal.oldMode);
    this.#content(before, removal);
    judged.changes.push({ path: removal.oldPath, before: fingerprintOf(before), after });
  }

  /** The file that a creation makes. */
  #created(part: FilePatch): Exclude<FileState, { kind: 'absent' }> {
    const { bytes } = this.#content(
      { kind: 'file', mode: null, executable: false, bytes: new Uint8Array() },
      part,
    );
    if (part.newMode === SYMLINK) {
      if (bytes.length === 0 || bytes.includes(0)) throw new Stop('refused', 'corruptPatch');
      return { kind: 'symlink', target: bytes };
    }
    return { kind: 'file', mode: null, executable: part.newMode === '100755', bytes };
  }

  #content(before: FileState, part: FilePatch) {
    const outcome = this.#outcome(contentOf(before)!, part);
    if (!outcome.ok) throw stopOf(outcome);
    return outcome;
  }

  #outcome(before: Uint8Array, part: FilePatch) {
    const outcome = applyKeepingEol(before, part, this.#inflatable);
    if (outcome.ok && part.body.type === 'binary') this.#inflatable -= outcome.bytes.length;
    return outcome;
  }

  /** Puts `after` at a path that is free, or is freed by other items of this patch. */
  async #place(path: WirePath, after: FileState, judged: Judged): Promise<void> {
    await this.#ancestorsMustBeFolders(path, judged);
    const stat = await this.#stat(path);
    if (stat.kind === 'absent') {
      this.#mustBeSaved(path);
      judged.changes.push({ path, before: fingerprintOf(ABSENT), after });
      return;
    }
    if (stat.kind === 'folder') {
      for (const key of await this.#leavesOf(path)) {
        const remover = this.#removers.get(key)?.[0];
        if (remover === undefined) throw new Stop('conflict', 'notAFile');
        judged.needs.add(remover);
      }
      judged.changes.push({ path, before: fingerprintOf(ABSENT), after });
      return;
    }
    if (stat.kind === 'other') throw new Stop('conflict', 'notAFile');
    const current = (await this.#io.read(path)) ?? ABSENT;
    if (judged.changes.length === 0 && sameState(current, after)) throw new Stop('alreadyApplied');
    const remover = this.#removers.get(this.#key(path))?.[0];
    if (remover === undefined) throw new Stop('conflict', 'exists');
    // A change of case only, where case does not count: the item frees its own place.
    const own = judged.changes.some((change) => this.#key(change.path) === this.#key(path));
    if (!own) judged.needs.add(remover);
    judged.changes.push({ path, before: fingerprintOf(own ? ABSENT : current), after });
  }

  /** What stands at a path that must be reached without a symlink. */
  async #current(path: WirePath): Promise<FileState> {
    for (const folder of ancestorsOf(path)) {
      const kind = await this.#ancestor(folder);
      if (kind === 'symlink') throw new Stop('refused', 'beyondSymlink');
      if (kind !== 'folder') return ABSENT;
    }
    const state = await this.#io.read(path);
    if (state === null) throw new Stop('conflict', 'notAFile');
    return state;
  }

  async #ancestorsMustBeFolders(path: WirePath, judged: Judged): Promise<void> {
    for (const folder of ancestorsOf(path)) {
      const kind = await this.#ancestor(folder);
      if (kind === 'absent') return;
      if (kind === 'folder') continue;
      const remover = this.#removers.get(this.#key(folder))?.[0];
      if (remover === undefined) {
        throw kind === 'symlink' ? new Stop('refused', 'beyondSymlink') : new Stop('conflict', 'notAFile');
      }
      judged.needs.add(remover);
      return;
    }
  }

  /** Keys of all files in a folder; an empty folder counts as one that nothing removes. */
  async #leavesOf(folder: WirePath): Promise<string[]> {
    const leaves: string[] = [];
    const open = [folder];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      const entries = await this.#io.list(next);
      if (entries.length === 0) throw new Stop('conflict', 'notAFile');
      for (const entry of entries) {
        if ((await this.#io.stat(entry)).kind === 'folder') open.push(entry);
        else leaves.push(this.#key(entry));
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
      kind = (await this.#stat(folder)).kind;
      if ((kind === 'folder' || kind === 'other') && (await this.#io.holdsRepository(folder)))
        throw new Stop('refused', 'nestedRepository');
      this.#ancestors.set(key, kind);
    }
    return kind;
  }

  async #stat(path: WirePath): Promise<PathStat> {
    const key = pathKey(path);
    const known = this.#stats.get(key);
    if (known) return known;
    const stat = await this.#io.stat(path);
    this.#stats.set(key, stat);
    return stat;
  }

  #mustBeSaved(path: WirePath): void {
    if (this.#documents?.isDirty(path)) throw new Stop('conflict', 'unsavedChanges');
  }

  #kindMustFit(state: FileState, mode: string | null): void {
    if (mode !== null && (mode === SYMLINK) !== (state.kind === 'symlink'))
      throw new Stop('conflict', 'notAFile');
  }
}

function stopOf(outcome: { reason: ApplyReason; hunk?: number }): Stop {
  const refused = ['corruptPatch', 'noContent', 'tooLarge'].includes(outcome.reason);
  return new Stop(refused ? 'refused' : 'conflict', outcome.reason, outcome.hunk);
}

/** Keeps the file's permissions; `executable` changes the x bits where reading is allowed. */
function fileAfter(
  before: Extract<FileState, { kind: 'file' }>,
  bytes: Uint8Array,
  executable: boolean | null,
): FileState {
  const wanted = executable ?? before.executable;
  let mode = before.mode;
  if (mode !== null && wanted !== before.executable)
    mode = wanted ? mode | ((mode & 0o444) >> 2) : mode & ~0o111;
  return { kind: 'file', mode, executable: wanted, bytes };
}

function sameState(one: FileState, two: FileState): boolean {
  const [left, right] = [contentOf(one), contentOf(two)];
  return (
    gitModeOf(one) === gitModeOf(two) && left !== null && right !== null && Buffer.compare(left, right) === 0
  );
}
