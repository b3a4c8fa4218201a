/**
 * Brings back what a checkpoint holds, with or without git, once or again after being killed. A path
 * is restored where what applying wrote still stands, left where it is back already, and refused by
 * name where the user has edited since. Forced over such edits, it first makes a checkpoint of them.
 */
import { CodexError, errorText } from '../../protocol/errors.ts';
import { pathKey } from '../patch/names.ts';
import { reasonOf } from './apply.ts';
import type { Checkpoints } from './checkpoints.ts';
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

  if (!checkpoints.isFinished(checkpoint.id)) await sweep(io, checkpoint);

  const toRestore: CheckpointEntry[] = [];
  const edited: { entry: CheckpointEntry; state: FileState }[] = [];
  const inBuffers: CheckpointEntry[] = [];
  const removals = new Set(
    entries.filter(({ before }) => before === 'absent').map(({ path }) => pathKey(path)),
  );
  const breathe = breather();
  for (const entry of entries) {
    const standing = await standingOf(io, options.documents, entry, removals);
    if (standing.kind === 'before') set(entry.path, 'unchanged');
    else if (standing.kind === 'after') toRestore.push(entry);
    else if (standing.kind === 'buffer') inBuffers.push(entry);
    else if (standing.kind === 'blocked') set(entry.path, 'stale', standing.reason);
    else if (options.force) edited.push({ entry, state: standing.state });
    else set(entry.path, 'stale', 'changedSince');
    await breathe();
  }

  const blobs = checkpoints.openBlobs(checkpoint.id);
  let safety: string | null = null;
  try {
    const wanted: Wanted[] = [];
    for (const entry of [...toRestore, ...edited.map(({ entry }) => entry)]) {
      wanted.push({ path: entry.path, state: stateBefore(entry, (hash) => blobs.read(hash)) });
    }
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
      if (error === undefined) set(path, 'restored');
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
  if (all.every(({ status }) => status === 'restored' || status === 'unchanged'))
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

function stateBefore(entry: CheckpointEntry, read: (hash: string) => Buffer): FileState {
  if (entry.before === 'absent' || entry.mode === null) return ABSENT;
  const content = read(entry.before);
  const mode = parseInt(entry.mode, 8);
  if (isSymlink(mode)) return { kind: 'symlink', target: content };
  return { kind: 'file', mode: mode & 0o7777, executable: (mode & 0o100) !== 0, bytes: content };
}

async function keepEdits(
  checkpoints: Checkpoints,
  checkpoint: Checkpoint,
  edited: { entry: CheckpointEntry; state: FileState }[],
): Promise<string> {
  const { root, repo, taskId, turn, label } = checkpoint;
  const writer = checkpoints.begin(root, { repo, taskId, turn, label });
  try {
    const entries = edited.map(({ entry, state }): CheckpointEntry => {
      const content = contentOf(state);
      return {
        path: entry.path,
        mode: storedModeOf(state),
        before: content === null ? 'absent' : writer.add(content),
        after: entry.before,
        afterMode: gitModeOfStored(entry),
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
