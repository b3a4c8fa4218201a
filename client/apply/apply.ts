/**
 * Carries a plan out. In order: choose the items, look again at everything they touch, store it in a
 * checkpoint and flush that, write, and on a failure put back what was written. Unsaved documents get
 * their change last. It must never write before the checkpoint is safe, nor over anything that is not
 * as the plan saw it, nor touch the index or HEAD of a repository.
 */
import { errorText } from '../../protocol/errors.ts';
import { pathKey } from '../patch/names.ts';
import { writePatch } from '../patch/write.ts';
import type { CheckpointWriter, Folders } from './checkpoint-file.ts';
import type { Checkpoints } from './checkpoints.ts';
import {
  chooseItems,
  dropDependents,
  openOf,
  resultsOf,
  setResult,
  type Choice,
  type ChooseOptions,
} from './choose.ts';
import { applyKeepingEol } from './eol.ts';
import { withRootLock } from './lock.ts';
import { codeOf, nodeFileIO } from './node-io.ts';
import { ancestorsOf } from './paths.ts';
import {
  ABSENT,
  contentOf,
  fingerprintOf,
  gitModeOf,
  sameFingerprint,
  sha256,
  storedModeOf,
} from './state.ts';
import type {
  ApplyOutcome,
  ApplyPlan,
  ApplyReason,
  CheckpointEntry,
  CheckpointInfo,
  ContentHash,
  DocumentIO,
  FileIO,
  FileState,
  Fingerprint,
  PathChange,
  PathResult,
  ResultStatus,
  WirePath,
} from './types.ts';
import { breather, removeEmptied, tempPrefixOf, writeAll, type Wanted } from './write.ts';

export interface ApplyOptions extends ChooseOptions {
  checkpoints: Checkpoints;
  info?: Partial<CheckpointInfo>;
  io?: FileIO;
  documents?: DocumentIO;
}

export async function applyPlan(plan: ApplyPlan, options: ApplyOptions): Promise<ApplyOutcome> {
  return withRootLock(options.checkpoints.folder, plan.root, () => new Run(plan, options).go());
}

class Run {
  readonly #plan: ApplyPlan;
  readonly #options: ApplyOptions;
  readonly #io: FileIO;
  readonly #choice: Choice;
  readonly #before = new Map<string, { state: FileState; mode: string | null; hash: ContentHash }>();

  constructor(plan: ApplyPlan, options: ApplyOptions) {
    this.#plan = plan;
    this.#options = options;
    this.#io = options.io ?? nodeFileIO(plan.root);
    this.#choice = chooseItems(plan, options);
  }

  async go(): Promise<ApplyOutcome> {
    if (this.#open().length === 0) return this.#outcome(null);

    const checkpoint = this.#options.checkpoints.begin(this.#plan.root, {
      repo: this.#plan.root,
      taskId: null,
      turn: null,
      label: '',
      ...this.#options.info,
    });
    try {
      await this.#lookAgain(checkpoint);
      dropDependents(this.#plan, this.#choice);
      const open = this.#open();
      if (open.length === 0) {
        checkpoint.abandon();
        return this.#outcome(null);
      }
      await checkpoint.commit(this.#entries(open, checkpoint), await this.#folders(open));
    } catch (error) {
      checkpoint.abandon();
      // The store's disk is full or not writable: nothing has been touched.
      for (const index of this.#open()) this.#fail(index, error, 'before');
      return this.#outcome(null);
    }
    await this.#write(checkpoint.id);
    await this.#toBuffers();
    this.#options.checkpoints.markFinished(checkpoint.id);
    const wrote = [...this.#choice.results.values()].some(leavesSomething);
    if (!wrote) this.#options.checkpoints.remove(checkpoint.id);
    else this.#options.checkpoints.prune();
    return this.#outcome(wrote ? checkpoint.id : null);
  }

  #open(): number[] {
    return openOf(this.#choice);
  }

  /** Reads every path again, into the checkpoint; what is not as the plan saw it is stale. */
  async #lookAgain(checkpoint: CheckpointWriter): Promise<void> {
    const breathe = breather();
    const removed = new Set(
      this.#changesOf(this.#open())
        .filter(isRemoval)
        .map(({ path }) => pathKey(path)),
    );
    const folders = new Map<string, ApplyReason | null>();
    for (const index of this.#open()) {
      for (const change of this.#plan.planned[index]!.changes) {
        const barred = await this.#barred(change.path, removed, folders);
        if (barred !== null) {
          this.#set(index, 'refused', barred);
          break;
        }
        if (!(await this.#asPlanned(index, change, checkpoint))) {
          this.#set(index, 'stale', 'changedSince');
          break;
        }
      }
      await breathe();
    }
  }

  /** Why a path must not be reached, by the folders above it as they are now. */
  async #barred(
    path: WirePath,
    removed: Set<string>,
    known: Map<string, ApplyReason | null>,
  ): Promise<ApplyReason | null> {
    for (const folder of ancestorsOf(path)) {
      const key = pathKey(folder);
      let reason = known.get(key);
      if (reason === undefined) {
        const { kind } = await this.#io.stat(folder);
        reason = null;
        if (kind === 'symlink' && !removed.has(key)) reason = 'beyondSymlink';
        else if (kind === 'folder' && (await this.#io.holdsRepository(folder))) reason = 'nestedRepository';
        known.set(key, reason);
      }
      if (reason !== null) return reason;
    }
    return null;
  }

  async #asPlanned(index: number, change: PathChange, checkpoint: CheckpointWriter): Promise<boolean> {
    const { unsaved } = this.#plan.items[index]!;
    const key = pathKey(change.path);
    let state = await this.#io.read(change.path);
    // A folder that this patch empties; its files are paths of their own.
    if (state === null && change.before.hash === 'absent') state = ABSENT;
    if (state === null) return false;
    if (unsaved && state.kind === 'file') {
      if (!this.#options.documents?.isDirty(change.path)) return false;
      state = { ...state, bytes: await this.#options.documents.read(change.path) };
    } else if (this.#options.documents?.isDirty(change.path)) {
      return false;
    }
    const seen: Fingerprint = fingerprintOf(state);
    if (!sameFingerprint(seen, change.before, this.#io.platform)) return false;
    const content = contentOf(state);
    if (content !== null) checkpoint.add(content, seen.hash);
    this.#before.set(key, { state, mode: storedModeOf(state), hash: seen.hash });
    return true;
  }

  #changesOf(indices: number[]): PathChange[] {
    return indices.flatMap((index) => this.#plan.planned[index]!.changes);
  }

  /** What each path becomes; where one item removes and another writes, the writing counts. */
  #wanted(indices: number[]): Wanted[] {
    const wanted = new Map<string, Wanted>();
    for (const { path, after } of this.#changesOf(indices)) {
      const key = pathKey(path);
      if (after.kind !== 'absent' || !wanted.has(key)) wanted.set(key, { path, state: after });
    }
    return [...wanted.values()];
  }

  #entries(indices: number[], checkpoint: CheckpointWriter): CheckpointEntry[] {
    const changes = new Map(
      indices.flatMap((index) => {
        const { path, kind, parts } = this.#plan.items[index]!;
        const isText = kind === 'modified' && parts[0]?.body.type === 'text';
        return isText ? [[pathKey(path), parts] as const] : [];
      }),
    );
    const unsaved = new Set(
      this.#changesOf(indices.filter((index) => this.#plan.items[index]!.unsaved)).map(({ path }) =>
        pathKey(path),
      ),
    );
    return this.#wanted(indices).map(({ path, state }) => {
      const key = pathKey(path);
      const before = this.#before.get(key)!;
      const content = contentOf(state);
      const files = changes.get(key);
      const change = files && checkpoint.add(writePatch({ files, quotePath: true }));
      return {
        path,
        mode: before.mode,
        before: before.hash,
        after: content === null ? 'absent' : sha256(content),
        afterMode: gitModeOf(state),
        unsaved: unsaved.has(key),
        ...(change === undefined ? {} : { change }),
      };
    });
  }

  async #folders(indices: number[]): Promise<Folders> {
    const folders = new Map<string, Folders[number]>();
    for (const { path } of this.#changesOf(indices)) {
      for (const folder of ancestorsOf(path)) {
        const key = pathKey(folder);
        if (folders.has(key)) continue;
        const stat = await this.#io.stat(folder);
        folders.set(key, { path: folder, mode: stat.kind === 'folder' ? stat.mode & 0o7777 : null });
      }
    }
    return [...folders.values()];
  }

  async #write(checkpointId: string): Promise<void> {
    const indices = this.#open().filter((index) => !this.#plan.items[index]!.unsaved);
    const wanted = this.#wanted(indices);
    const tempPrefix = tempPrefixOf(checkpointId);
    const { failures, changed } = await writeAll(this.#io, wanted, { tempPrefix, keepGoing: false });
    if (failures.length === 0) {
      for (const index of indices)
        this.#set(index, this.#plan.items[index]!.merged ? 'applied-modified' : 'applied');
      return;
    }
    const touched = wanted.filter(({ path }) => changed.has(pathKey(path)));
    const stuck = new Set(await this.#putBack(touched, tempPrefix));
    const culprits = new Map(failures.map(({ path, error }) => [pathKey(path), error]));
    for (const index of indices) {
      const keys = this.#plan.planned[index]!.changes.map(({ path }) => pathKey(path));
      const stands = await this.#stands(
        index,
        keys.some((key) => stuck.has(key)),
      );
      const own = keys.find((key) => culprits.has(key));
      if (own !== undefined) this.#fail(index, culprits.get(own), stands);
      else this.#set(index, 'failed', stands === 'before' ? 'rolledBack' : 'inputOutput', { stands });
    }
  }

  /** Created files go first, which frees space. Returns the keys of paths that could not be put back. */
  async #putBack(touched: Wanted[], tempPrefix: string): Promise<string[]> {
    const back = touched.map(({ path }) => ({ path, state: this.#before.get(pathKey(path))!.state }));
    const { failures } = await writeAll(this.#io, back, { tempPrefix, keepGoing: true });
    const created = touched.filter(({ state }) => state.kind !== 'absent').map(({ path }) => path);
    await removeEmptied(this.#io, created, new Set());
    return failures.map(({ path }) => pathKey(path));
  }

  /** Read back, not assumed. */
  async #stands(index: number, doubtful: boolean): Promise<'before' | 'after' | 'unknown'> {
    if (!doubtful) return 'before';
    const seen = await Promise.all(
      this.#plan.planned[index]!.changes.map(async ({ path, before, after }) => {
        const state = await this.#io.read(path).catch(() => null);
        if (state === null) return 'unknown';
        const now = fingerprintOf(state);
        if (sameFingerprint(now, before, this.#io.platform)) return 'before';
        return sameFingerprint(now, fingerprintOf(after), this.#io.platform) ? 'after' : 'unknown';
      }),
    );
    return seen.every((one) => one === seen[0]) ? seen[0]! : 'unknown';
  }

  async #toBuffers(): Promise<void> {
    for (const index of this.#open()) {
      const item = this.#plan.items[index]!;
      const documents = this.#options.documents!;
      try {
        const outcome = await documents.applyToBuffer(item.path, (current) =>
          applyKeepingEol(current, item.parts[0]!),
        );
        if (outcome.ok) this.#set(index, 'applied-unsaved');
        else this.#set(index, 'conflict', outcome.reason);
      } catch (error) {
        this.#fail(index, error, 'unknown');
      }
    }
  }

  #fail(index: number, error: unknown, stands: 'before' | 'after' | 'unknown'): void {
    this.#set(index, 'failed', reasonOf(error), { stands, detail: errorText(error) });
  }

  #set(
    index: number,
    status: ResultStatus,
    reason?: ApplyReason,
    more: Pick<PathResult, 'stands' | 'detail'> = {},
  ): void {
    setResult(this.#plan, this.#choice, index, status, reason, more);
  }

  #outcome(checkpointId: string | null): ApplyOutcome {
    return { results: resultsOf(this.#choice), checkpointId };
  }
}

/** Whether undoing may have something to do for this result. */
function leavesSomething(result: PathResult): boolean {
  if (result.status === 'failed') return result.stands !== 'before';
  return result.status.startsWith('applied') && result.reason !== 'alreadyApplied';
}

function isRemoval(change: PathChange): boolean {
  return change.after.kind === 'absent';
}

export function reasonOf(error: unknown): ApplyReason {
  switch (codeOf(error)) {
    case 'ENOSPC':
    case 'EDQUOT':
      return 'diskFull';
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return 'noPermission';
    default:
      return 'inputOutput';
  }
}
