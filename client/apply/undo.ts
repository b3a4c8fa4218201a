/**
 * Brings back what a checkpoint holds, with or without git, once or again after being killed. A path
 * is restored where what applying wrote still stands, left where it is back already, and refused by
 * name where the user has edited since. Forced over such edits, it first makes a checkpoint of them.
 */
import { CodexError, errorText } from '../../protocol/errors.ts';
import { pathKey } from '../patch/names.ts';
import { parsePatch } from '../patch/parse.ts';
import { reasonOf } from './apply.ts';
import type { Checkpoints } from './checkpoints.ts';
import { applyKeepingEol } from './eol.ts';
import { withRootLock } from './lock.ts';
import { nodeFileIO } from './node-io.ts';
import { ancestorsOf, refusalOf } from './paths.ts';
import { ABSENT, contentOf, fingerprintOf, sameFingerprint, sha256, storedModeOf } from './state.ts';
import type {
  ApplyReason,
  Checkpoint,
  CheckpointEntry,
  DocumentIO,
  FileIO,
  FileState,
  Merge,
  UndoOutcome,
  UndoResult,
  UndoStatus,
  WirePath,
} from './types.ts';
import { breather, tempPrefixOf, writeAll, type Wanted } from './write.ts';

export interface UndoOptions {
  io?: FileIO;
  documents?: DocumentIO;
  /** Which paths; all, without one. */
  include?: (path: WirePath) => boolean;
  /** Also where the user has edited since. */
  force?: boolean;
  /** Takes the change out of text that the user has edited since; where it can't, `force` decides. */
  merge?: Merge;
  /** Says what would be, and writes nothing: to ask before later edits are touched. */
  dryRun?: boolean;
}

export async function undoCheckpoint(
  checkpoints: Checkpoints,
  id: string,
  options: UndoOptions = {},
): Promise<UndoOutcome> {
  const checkpoint = checkpoints.get(id);
  if (!checkpoint) throw new CodexError('notFound', { what: 'checkpoint', id });
  return withRootLock(checkpoints.folder, checkpoint.root, () => undo(checkpoints, checkpoint, options));
}

/** Of the user's since; it is kept in a checkpoint of its own before anything is written. */
interface Edited {
  entry: CheckpointEntry;
  state: FileState;
  after: FileState;
  status: 'restored' | 'merged';
}

type Blobs = ReturnType<Checkpoints['openBlobs']>;

type Standing =
  | { kind: 'before' }
  | { kind: 'after' }
  | { kind: 'buffer' }
  | { kind: 'edited'; state: FileState }
  | { kind: 'blocked'; reason: ApplyReason };

async function undo(
  checkpoints: Checkpoints,
  checkpoint: Checkpoint,
  options: UndoOptions,
): Promise<UndoOutcome> {
  const io = options.io ?? nodeFileIO(checkpoint.root);
  const entries = checkpoint.entries.filter(({ path }) => options.include?.(path) ?? true);
  const results = new Map<string, UndoResult>();
  const set = (path: WirePath, status: UndoStatus, reason?: ApplyReason, detail?: string) =>
    results.set(pathKey(path), {
      path,
      status,
      ...(reason ? { reason } : {}),
      ...(detail ? { detail } : {}),
    });

  if (!options.dryRun && !checkpoints.isFinished(checkpoint.id)) await sweep(io, checkpoint);

  const toRestore: CheckpointEntry[] = [];
  const edited: Edited[] = [];
  const inBuffers: CheckpointEntry[] = [];
  const removals = new Set(
    entries.filter(({ before }) => before === 'absent').map(({ path }) => pathKey(path)),
  );
  const breathe = breather();
  const blobs = checkpoints.openBlobs(checkpoint.id);
  let safety: string | null = null;
  try {
    for (const entry of entries) {
      const standing = await standingOf(io, options.documents, entry, removals);
      if (standing.kind === 'before') set(entry.path, 'unchanged');
      else if (standing.kind === 'after') toRestore.push(entry);
      else if (standing.kind === 'buffer') inBuffers.push(entry);
      else if (standing.kind === 'blocked') set(entry.path, 'stale', standing.reason);
      else {
        const { state } = standing;
        const merged = options.merge ? mergedState(entry, state, blobs, options.merge) : null;
        if (merged !== null && sameFingerprint(fingerprintOf(merged), fingerprintOf(state), io.platform))
          set(entry.path, 'unchanged');
        else if (merged !== null) edited.push({ entry, state, after: merged, status: 'merged' });
        else if (options.force)
          edited.push({ entry, state, after: stateBefore(entry, blobs), status: 'restored' });
        else set(entry.path, 'stale', 'changedSince');
      }
      await breathe();
    }
    if (options.dryRun) {
      for (const { path } of [...toRestore, ...inBuffers]) set(path, 'restored');
      for (const { entry, status } of edited) set(entry.path, status);
      return { results: entries.map(({ path }) => results.get(pathKey(path))!), checkpointId: null };
    }

    const wanted: Wanted[] = [
      ...toRestore.map((entry) => ({ path: entry.path, state: stateBefore(entry, blobs) })),
      ...edited.map(({ entry, after }) => ({ path: entry.path, state: after })),
    ];
    const merged = new Set(
      edited.filter(({ status }) => status === 'merged').map(({ entry }) => pathKey(entry.path)),
    );
    if (edited.length > 0) safety = await keepEdits(checkpoints, checkpoint, edited);

    const modes = new Map(checkpoint.folders.map(({ path, mode }) => [pathKey(path), mode ?? undefined]));
    const { failures } = await writeAll(io, wanted, {
      tempPrefix: tempPrefixOf(checkpoint.id),
      folderMode: (path) => modes.get(pathKey(path)),
      keepGoing: true,
    });
    const failed = new Map(failures.map(({ path, error }) => [pathKey(path), error]));
    for (const { path } of wanted) {
      const error = failed.get(pathKey(path));
      if (error === undefined) set(path, merged.has(pathKey(path)) ? 'merged' : 'restored');
      else set(path, 'failed', reasonOf(error), errorText(error));
    }
    for (const entry of inBuffers) {
      const { path } = entry;
      const outcome = await options.documents!.applyToBuffer(path, (current) =>
        sha256(current) === entry.after
          ? { ok: true, bytes: blobs.read(entry.before) }
          : { ok: false, reason: 'changedSince' },
      );
      if (outcome.ok) set(path, 'restored');
      else set(path, 'stale', outcome.reason);
    }
    await removeCreatedFolders(io, checkpoint);
  } finally {
    blobs.close();
  }
  const all = entries.map(({ path }) => results.get(pathKey(path))!);
  if (all.every(({ status }) => status !== 'stale' && status !== 'failed'))
    checkpoints.markUndone(checkpoint.id);
  return { results: all, checkpointId: safety };
}

async function standingOf(
  io: FileIO,
  documents: DocumentIO | undefined,
  entry: CheckpointEntry,
  removals: ReadonlySet<string>,
): Promise<Standing> {
  const { path } = entry;
  const refusal = refusalOf(path, io.platform);
  if (refusal) return { kind: 'blocked', reason: refusal };
  let reachable = true;
  for (const folder of ancestorsOf(path)) {
    const { kind } = await io.stat(folder);
    if (kind === 'folder') continue;
    // Nothing is there, or what applying put there goes away in this undo; never look through a symlink.
    reachable = false;
    if (kind === 'absent' || removals.has(pathKey(folder)) || entry.before === 'absent') break;
    return { kind: 'blocked', reason: kind === 'symlink' ? 'beyondSymlink' : 'notAFile' };
  }

  const before = { mode: gitModeOfStored(entry), hash: entry.before };
  const after = { mode: entry.afterMode, hash: entry.after };
  if (documents?.isDirty(path)) {
    if (!entry.unsaved) return { kind: 'blocked', reason: 'unsavedChanges' };
    const hash = sha256(await documents.read(path));
    if (hash === entry.after) return { kind: 'buffer' };
    return hash === entry.before ? { kind: 'before' } : { kind: 'blocked', reason: 'unsavedChanges' };
  }
  const state = reachable ? await io.read(path) : ABSENT;
  if (state === null) {
    // Where a folder gave its place to a file, the folder is back.
    if (entry.before === 'absent' && (await io.stat(path)).kind === 'folder') return { kind: 'before' };
    // A folder: fine where a file gave its place to one and all that applying put in it goes away.
    const emptied = entry.after === 'absent' && (await onlyHolds(io, path, removals));
    return emptied ? { kind: 'after' } : { kind: 'blocked', reason: 'notAFile' };
  }
  const now = fingerprintOf(state);
  if (sameFingerprint(now, before, io.platform)) return { kind: 'before' };
  if (sameFingerprint(now, after, io.platform)) return { kind: 'after' };
  return { kind: 'edited', state };
}

async function onlyHolds(io: FileIO, folder: WirePath, removals: ReadonlySet<string>): Promise<boolean> {
  if ((await io.stat(folder)).kind !== 'folder') return false;
  for (const entry of await io.list(folder)) {
    const isFolder = (await io.stat(entry)).kind === 'folder';
    if (isFolder ? !(await onlyHolds(io, entry, removals)) : !removals.has(pathKey(entry))) return false;
  }
  return true;
}

function gitModeOfStored(entry: CheckpointEntry): string | null {
  if (entry.mode === null) return null;
  const mode = parseInt(entry.mode, 8);
  if (isSymlink(mode)) return '120000';
  return (mode & 0o100) !== 0 ? '100755' : '100644';
}

function isSymlink(mode: number): boolean {
  return (mode & 0o170000) === 0o120000;
}

function stateBefore(entry: CheckpointEntry, blobs: Blobs): FileState {
  if (entry.before === 'absent' || entry.mode === null) return ABSENT;
  const content = blobs.read(entry.before);
  const mode = parseInt(entry.mode, 8);
  if (isSymlink(mode)) return { kind: 'symlink', target: content };
  return { kind: 'file', mode: mode & 0o7777, executable: (mode & 0o100) !== 0, bytes: content };
}

/** The user's text without the change; null when there is no way, or the edits touch what was changed. */
function mergedState(entry: CheckpointEntry, now: FileState, blobs: Blobs, merge: Merge): FileState | null {
  if (now.kind !== 'file' || entry.change === undefined) return null;
  const theirs = blobs.read(entry.before);
  const [change] = parsePatch(blobs.read(entry.change)).files;
  const base = change && applyKeepingEol(theirs, change);
  if (!base?.ok || sha256(base.bytes) !== entry.after) return null;
  const bytes = merge(base.bytes, now.bytes, theirs);
  return bytes === null ? null : { ...now, bytes };
}

async function keepEdits(
  checkpoints: Checkpoints,
  checkpoint: Checkpoint,
  edited: Edited[],
): Promise<string> {
  const { root, repo, taskId, turn, label } = checkpoint;
  const writer = checkpoints.begin(root, { repo, taskId, turn, label, keptFrom: checkpoint.id });
  try {
    const entries = edited.map(({ entry, state, after }): CheckpointEntry => {
      const content = contentOf(state);
      const next = fingerprintOf(after);
      return {
        path: entry.path,
        mode: storedModeOf(state),
        before: content === null ? 'absent' : writer.add(content),
        after: next.hash,
        afterMode: next.mode,
        unsaved: false,
      };
    });
    await writer.commit(entries, checkpoint.folders);
  } catch (error) {
    writer.abandon();
    throw error;
  }
  checkpoints.markFinished(writer.id);
  return writer.id;
}

/** Temporary files that a killed run left in the folders it worked in. */
async function sweep(io: FileIO, checkpoint: Checkpoint): Promise<void> {
  const prefix = tempPrefixOf(checkpoint.id);
  const folders = new Map<string, WirePath | null>([['', null]]);
  for (const { path } of checkpoint.folders) folders.set(pathKey(path), path);
  for (const folder of folders.values()) {
    if (folder !== null && !(await isPlainFolder(io, folder))) continue;
    for (const entry of await io.list(folder)) {
      if (entry.path.slice(entry.path.lastIndexOf('/') + 1).startsWith(prefix)) await io.remove(entry);
    }
  }
}

async function isPlainFolder(io: FileIO, path: WirePath): Promise<boolean> {
  for (const folder of [...ancestorsOf(path), path]) {
    if ((await io.stat(folder)).kind !== 'folder') return false;
  }
  return true;
}

/** Folders that were not there before, when nothing is in them. */
async function removeCreatedFolders(io: FileIO, checkpoint: Checkpoint): Promise<void> {
  const created = checkpoint.folders.filter(({ mode }) => mode === null).map(({ path }) => path);
  created.sort((one, two) => ancestorsOf(two).length - ancestorsOf(one).length);
  for (const path of created) {
    if (await isPlainFolder(io, path)) await io.removeFolder(path);
  }
}
