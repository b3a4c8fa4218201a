/**
 * What applying a patch to a folder would do, path by path. Reads only. In order: the patch's files
 * become items, names are checked, then each item is held against what stands in the folder. All
 * reading is of the state before anything is written, so renames may swap or chain.
 */
import { MAX_INFLATED_BYTES } from '../patch/apply-file.ts';
import { pathKey } from '../patch/names.ts';
import type { FilePatch, Patch } from '../patch/types.ts';
import { alreadyIn, applyKeepingEol } from './eol.ts';
import { Ground, Stop } from './ground.ts';
import { nodeFileIO } from './node-io.ts';
import { runsByItself } from '../../protocol/self-running.ts';
import { ABSENT, contentOf, fingerprintOf, gitModeOf, sameMode } from './state.ts';
import type {
  ApplyPlan,
  ApplyReason,
  DocumentIO,
  FileIO,
  FileState,
  PathChange,
  PlanItem,
  PlannedChange,
  Verdict,
  WirePath,
} from './types.ts';
import { breather } from './write.ts';

const SYMLINK = '120000';
const GITLINK = '160000';

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

class Planner {
  readonly groups: FilePatch[][];
  readonly #io: FileIO;
  readonly #ground: Ground;
  readonly #documents: DocumentIO | undefined;
  /** What binary changes may still inflate to, all together. */
  #inflatable = MAX_INFLATED_BYTES;

  constructor(io: FileIO, documents: DocumentIO | undefined, groups: FilePatch[][], fold: boolean) {
    this.#io = io;
    this.#documents = documents;
    this.groups = groups;
    this.#ground = new Ground(io, groups, fold);
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
      for (const part of parts) this.#ground.checkNames(part);
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
    const before = await this.#ground.current(part.oldPath);
    if (before.kind === 'absent') throw new Stop('alreadyApplied');
    this.#mustBeSaved(part.oldPath);
    this.#kindMustFit(before, part.oldMode);
    this.#content(before, part);
    judged.changes.push({ path: part.oldPath, before: fingerprintOf(before), after: ABSENT });
  }

  async #modified(part: FilePatch, judged: Judged): Promise<void> {
    let before = await this.#ground.current(part.oldPath);
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
    const before = await this.#ground.current(part.oldPath);
    if (before.kind === 'absent') {
      const target = part.kind === 'renamed' ? await this.#ground.current(part.newPath) : ABSENT;
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
    const before = await this.#ground.current(removal.oldPath);
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
    await this.#ground.ancestorsMustBeFolders(path, judged.needs);
    const stat = await this.#ground.stat(path);
    if (stat.kind === 'absent') {
      this.#mustBeSaved(path);
      judged.changes.push({ path, before: fingerprintOf(ABSENT), after });
      return;
    }
    if (stat.kind === 'folder') {
      for (const key of await this.#ground.leavesOf(path)) {
        const remover = this.#ground.removerOf(key);
        if (remover === undefined) throw new Stop('conflict', 'notAFile');
        judged.needs.add(remover);
      }
      judged.changes.push({ path, before: fingerprintOf(ABSENT), after });
      return;
    }
    if (stat.kind === 'other') throw new Stop('conflict', 'notAFile');
    const current = (await this.#io.read(path)) ?? ABSENT;
    if (judged.changes.length === 0 && sameState(current, after)) throw new Stop('alreadyApplied');
    const remover = this.#ground.removerOf(this.#ground.key(path));
    if (remover === undefined) throw new Stop('conflict', 'exists');
    // A change of case only, where case does not count: the item frees its own place.
    const own = judged.changes.some((change) => this.#ground.key(change.path) === this.#ground.key(path));
    if (!own) judged.needs.add(remover);
    judged.changes.push({ path, before: fingerprintOf(own ? ABSENT : current), after });
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
