/** Shapes of applying and undoing: plans, results, checkpoints, and the seams to disk and editor. */
import type { FileChange, WirePath } from '../../protocol/events.ts';
import type { FilePatch } from '../patch/types.ts';

export type { WirePath } from '../../protocol/events.ts';

/** Why a path was not simply applied. The sentence for a person is the caller's. */
export type ApplyReason =
  // conflict
  | 'contextChanged' // a hunk's lines are not there any more
  | 'contentChanged' // a binary file is not the one the patch was made from
  | 'missing' // the file to change is not there
  | 'exists' // something of the user's would be overwritten
  | 'notAFile' // a folder or device stands where a file is expected
  | 'unsavedChanges' // only a saved file can be changed in this way
  | 'needsOther' // its place is freed only by a change that is not applied
  | 'tooCostly' // the search for moved lines was given up
  // refused
  | 'unsafePath'
  | 'insideGit'
  | 'beyondSymlink'
  | 'nestedRepository' // inside a submodule or another repository of its own
  | 'caseCollision'
  | 'reservedName'
  | 'nameNotUtf8'
  | 'duplicatePath'
  | 'submodule'
  | 'corruptPatch'
  | 'tooLarge' // it says, or all together say, more than any patch may hold
  | 'noContent' // "Binary files differ": the patch does not hold the bytes
  | 'runsByItself' // needs its own confirmation
  | 'allOrNothing' // it could be, but another path can't, and a part was not asked for
  // stale
  | 'changedSince'
  // failed
  | 'diskFull'
  | 'noPermission'
  | 'inputOutput'
  | 'rolledBack' // another path failed; this one was put back as it was
  // applied
  | 'alreadyApplied';

export type Verdict = 'applies' | 'alreadyApplied' | 'conflict' | 'refused';

/** One path of the result. A file that becomes a symlink (a deletion and a creation) is one item. */
export interface PlanItem {
  path: WirePath;
  /** Set for a rename or copy. */
  from?: WirePath;
  kind: FileChange['kind'];
  verdict: Verdict;
  reason?: ApplyReason;
  /** The first hunk (from 0) that does not fit, for `contextChanged`. */
  hunk?: number;
  /** The user's own edits elsewhere in the file are kept. */
  merged: boolean;
  /** An editor, shell, hook or CI runs this file by itself: applied only when asked for. */
  runsByItself: boolean;
  /** The open document has unsaved changes: the change goes into the document. */
  unsaved: boolean;
  parts: FilePatch[];
}

/** `planned` is this module's own; hand the plan to `applyPlan` as it is. */
export interface ApplyPlan {
  root: string;
  items: PlanItem[];
  planned: PlannedChange[];
}

/** What the plan saw and what it wants, by index of its item. */
export interface PlannedChange {
  /** Every path that the item touches, in no order: at most two. */
  changes: PathChange[];
  /** Items (by index) whose removals free the places that this one writes to. */
  needs: number[];
}

export interface PathChange {
  path: WirePath;
  /** As the plan saw it: a fingerprint, compared again before anything is written. */
  before: Fingerprint;
  after: FileState;
}

/** sha256 in hex of the bytes or of a symlink's target, or `absent`. */
export type ContentHash = string;

/** What stands at a path: enough to see that it has changed. */
export interface Fingerprint {
  /** Git's mode: "100644", "100755", "120000"; null when absent. */
  mode: string | null;
  /** sha256 of the bytes, or of a symlink's target. */
  hash: ContentHash;
}

export type FileState =
  | { kind: 'absent' }
  /** `mode`: permission bits (0o7777). null: whatever a new file gets here (0666 or 0777 and umask). */
  | { kind: 'file'; mode: number | null; executable: boolean; bytes: Uint8Array }
  | { kind: 'symlink'; target: Uint8Array };

export interface PathStat {
  kind: 'absent' | 'file' | 'symlink' | 'folder' | 'other';
  /** `st_mode`, 0 when absent. */
  mode: number;
}

/**
 * The folder's files. Paths are relative to the root and have been checked by `paths.ts`; no call
 * follows a symlink in the last component. Errors are Node's (`code` ENOSPC, EACCES, …).
 */
export interface FileIO {
  readonly root: string;
  readonly platform: NodeJS.Platform;
  caseInsensitive(): Promise<boolean>;
  stat(path: WirePath): Promise<PathStat>;
  /** Bytes of a file or target of a symlink; null for a folder or a device. */
  read(path: WirePath): Promise<FileState | null>;
  /** Writes a new file or symlink at `temp`, which must not exist. */
  stage(temp: WirePath, state: Exclude<FileState, { kind: 'absent' }>): Promise<void>;
  /** Atomically puts `temp` at `path`, replacing a file or symlink there. */
  rename(temp: WirePath, path: WirePath): Promise<void>;
  /** Removes a file or symlink; absent is fine. */
  remove(path: WirePath): Promise<void>;
  makeFolder(path: WirePath, mode?: number): Promise<void>;
  /** Only when it is empty; says whether it is gone. */
  removeFolder(path: WirePath): Promise<boolean>;
  list(folder: WirePath | null): Promise<WirePath[]>;
  /** The folder is the top of another repository's files: a submodule, a clone, a worktree. */
  holdsRepository(folder: WirePath): Promise<boolean>;
}

/** What a change makes of bytes, or why it can't. */
export type Transform = (
  current: Uint8Array,
) => { ok: true; bytes: Uint8Array } | { ok: false; reason: ApplyReason };

/** Where unsaved documents live. Without one, every file is as the disk says. */
export interface DocumentIO {
  /** An open document at this path has changes that are not on disk. */
  isDirty(path: WirePath): boolean;
  /** The bytes that saving the document would write. */
  read(path: WirePath): Promise<Uint8Array>;
  /**
   * Puts the change into the document and leaves it unsaved. `transform` gets the bytes that saving
   * would write now; when it says no, nothing is changed and its reason is returned.
   */
  applyToBuffer(
    path: WirePath,
    transform: Transform,
  ): Promise<{ ok: true } | { ok: false; reason: ApplyReason }>;
}

export type ResultStatus =
  | 'applied'
  /** The change is in, and the file also holds edits of the user's: not the result byte for byte. */
  | 'applied-modified'
  | 'applied-unsaved'
  | 'stale'
  | 'conflict'
  | 'refused'
  | 'failed';

export interface PathResult {
  path: WirePath;
  status: ResultStatus;
  reason?: ApplyReason;
  /** For `failed`: what stands at the path now, exactly. */
  stands?: 'before' | 'after' | 'unknown';
  /** For a log: the system's own words. */
  detail?: string;
}

export interface ApplyOutcome {
  results: PathResult[];
  /** null when nothing was to be written. */
  checkpointId: string | null;
}

export interface CheckpointInfo {
  /** Names the repository or folder, in the caller's words; usually its root. */
  repo: string;
  taskId: string | null;
  turn: number | null;
  label: string;
  /** It holds later edits of the user's that undoing this checkpoint put aside: nothing was applied. */
  keptFrom?: string;
}

export interface CheckpointEntry {
  path: WirePath;
  /** `st_mode` before in octal ("100644", "100600", "120777"), null when absent. */
  mode: string | null;
  /** sha256 of the bytes before (a blob of this checkpoint). */
  before: ContentHash;
  /** sha256 of what is written. */
  after: ContentHash;
  /** Git's mode of what is written, null when absent. */
  afterMode: string | null;
  /** The change went into an unsaved document: `before` and `after` are the document's bytes. */
  unsaved: boolean;
  /** Of a changed text: a patch from the bytes before to what is written, for a three-way undo. */
  change?: ContentHash;
}

export interface Checkpoint extends CheckpointInfo {
  id: string;
  /** Milliseconds since 1970. */
  at: number;
  root: string;
  entries: CheckpointEntry[];
  /** Folders above the entries, as they were: permission bits, or null when absent. */
  folders: { path: WirePath; mode: number | null }[];
  /** Bytes on disk. */
  size: number;
  /** False for a run that was killed or is still going on: undo it to be safe. */
  finished: boolean;
  /** When it was last undone, null if never. */
  undoneAt: number | null;
}

/** A checkpoint as a list shows it. */
export type CheckpointSummary = Omit<Checkpoint, 'entries' | 'folders'> & {
  files: number;
  /** Milliseconds since 1970: from then on it may be dropped. */
  expiresAt: number;
};

export interface StoreUsage {
  count: number;
  bytes: number;
  /** More than this, and the oldest go. */
  maxBytes: number;
  maxAgeMs: number;
}

/** `base`: what applying wrote; `ours`: what stands there now; `theirs`: what stood there before. */
export type Merge = (base: Uint8Array, ours: Uint8Array, theirs: Uint8Array) => Uint8Array | null;

/** `merged`: the change was taken out of a file that the user has edited since, and the edits are kept. */
export type UndoStatus = 'restored' | 'merged' | 'unchanged' | 'stale' | 'failed';

export interface UndoResult {
  path: WirePath;
  status: UndoStatus;
  reason?: ApplyReason;
  detail?: string;
}

export interface UndoOutcome {
  results: UndoResult[];
  /** Written over edits of the user's, since that was asked for: the checkpoint that brings those back. */
  checkpointId: string | null;
}
