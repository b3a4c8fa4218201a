/**
 * The review of one result in one folder: its files, what is decided, and how to go back. Order of a decision:
 * what needs what → the change as patches → a plan and its checkpoint, as applying has it → written, or into
 * unsaved documents → the new state stored → listeners told. One decision at a time.
 *
 * It must never write over what is not as the review knows it, save a document, or put in a file that runs by
 * itself without its own yes. No VS Code.
 */
import { undoCheckpoint } from '../../client/apply/index.ts';
import { breather } from '../../client/apply/write.ts';
import { pathKey, type WirePath } from '../../client/patch/index.ts';
import {
  mergeWhole,
  wish,
  withNeeds,
  type Decision,
  type ItemState,
  type Selection,
  type SplitOutcome,
} from '../../client/review/index.ts';
import type { ReviewState } from '../../protocol/states.ts';
import { Bringer, filesOf, type Brought, type WriteSeams } from './bring.ts';
import { FileReview, type Refusal } from './file-review.ts';
import { keyOf, type Reviewed } from './result.ts';
import type { Step, StoredReview } from './stored.ts';
import { Texts } from './texts.ts';

export interface SessionSeams extends WriteSeams {
  /** The bytes of one side of a file of this result. */
  fetch(oid: string): Promise<Uint8Array>;
  save(review: StoredReview): Promise<void>;
}

export interface Outcome {
  /** Items that are as wanted now. */
  done: string[];
  refused: Refusal[];
  /** Files whose change went into an unsaved document. */
  unsaved: number;
  /** Files that run by themselves and were left out, since nobody said yes to them. */
  selfRunning: WirePath[];
}

export interface UndoOutcome extends Outcome {
  /** Null: there was nothing to undo. */
  decision: Step['decision'] | null;
}

/** Decisions that can be gone back on; the older ones are in the list of checkpoints. */
const KEPT_STEPS = 500;

export class ChangesSession {
  readonly result: Reviewed;
  readonly key: string;
  readonly files: FileReview[];
  readonly #seams: SessionSeams;
  readonly #steps: Step[];
  readonly #listeners = new Set<(files: readonly FileReview[]) => void>();
  readonly #owners = new Map<string, FileReview>();
  readonly #bringer: Bringer;
  #busy: Promise<unknown> = Promise.resolve();

  constructor(result: Reviewed, stored: StoredReview | null, seams: SessionSeams) {
    this.result = result;
    this.key = keyOf(result.ref);
    this.#seams = seams;
    this.#steps = stored?.steps ?? [];
    const texts = new Texts((oid) => seams.fetch(oid));
    const own = { io: seams.io, documents: seams.documents, texts };
    this.files = result.files.map((file) => new FileReview(file, stored?.files[pathKey(file.path)], own));
    for (const file of this.files) this.#own(file);
    this.#bringer = new Bringer(result, this.files, seams);
  }

  onDidChange(listener: (files: readonly FileReview[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  fileOf(id: string): FileReview | undefined {
    return this.#owners.get(id);
  }

  /** By where it is in the folder now. */
  fileAt(key: string): FileReview | undefined {
    return this.files.find((file) => pathKey(file.path) === key);
  }

  get canUndo(): boolean {
    return this.#steps.length > 0;
  }

  /** When the newest decision was taken that can be undone. */
  get decidedAt(): number {
    return this.#steps.at(-1)?.at ?? 0;
  }

  counts(): { all: number; accepted: number; rejected: number; open: number } {
    const items = this.files.flatMap(({ items }) => items);
    const of = (decision: Decision) => items.filter((item) => item.decision === decision).length;
    return { all: items.length, accepted: of('accepted'), rejected: of('rejected'), open: of('open') };
  }

  /** As long as something of it is neither in the folder nor rejected, the task waits for its review. */
  get review(): Extract<ReviewState, 'open' | 'applied' | 'partly' | 'dismissed'> {
    const items = this.files.flatMap((file) => file.items);
    if (items.some(({ decision, inFile }) => decision === 'open' && !inFile)) return 'open';
    const rejected = items.filter(({ decision }) => decision === 'rejected').length;
    if (rejected === 0) return 'applied';
    return rejected === items.length ? 'dismissed' : 'partly';
  }

  /** Reads the folder again: all files, or these. */
  look(files: readonly FileReview[] = this.files): Promise<void> {
    return this.#inTurn(async () => {
      const changed = await lookAtAll(files);
      if (changed.length > 0) this.#tell(changed);
    });
  }

  edited(file: FileReview, edits: Parameters<FileReview['edited']>[0]): void {
    file.edited(edits);
    this.#tell([file]);
  }

  /** `selfRunning`: also files that run by themselves. */
  accept(ids: readonly string[], selfRunning = false): Promise<Outcome> {
    return this.#decide('accepted', ids, selfRunning);
  }

  reject(ids: readonly string[]): Promise<Outcome> {
    return this.#decide('rejected', ids, true);
  }

  acceptAll(selfRunning = false): Promise<Outcome> {
    return this.accept(this.#all(), selfRunning);
  }

  rejectAll(): Promise<Outcome> {
    return this.reject(this.#all());
  }

  /** The hunk becomes several, of which the first named is the selected one. No byte changes. */
  async split(id: string, selection: Selection): Promise<SplitOutcome> {
    return this.#inTurn(async () => {
      const file = this.fileOf(id);
      if (!file) return { ok: false, reason: 'empty' };
      const outcome = file.cut(id, selection);
      if (!outcome.ok) return outcome;
      const parts = [outcome.chosen, ...outcome.rest].map((hunk) => hunk.id);
      for (const step of this.#steps) {
        step.before = step.before.flatMap((item) =>
          item.id === id ? parts.map((part) => ({ ...item, id: part })) : [item],
        );
      }
      this.#owners.delete(id);
      this.#own(file);
      await file.look();
      await this.#store();
      this.#tell([file]);
      return outcome;
    });
  }

  /** The person merges this file by hand: what can't be decided of it here counts as accepted. */
  settle(file: FileReview): Promise<void> {
    return this.#inTurn(async () => {
      const left = (id: string) => file.problem !== null || file.place(id)?.touched === true;
      const before = file.items.filter(
        ({ id, decision }) => decision === 'open' && file.hunk(id) && left(id),
      );
      if (before.length === 0) return;
      file.set(before.map(({ id, inFile }) => ({ id, decision: 'accepted', inFile })));
      this.#steps.push({ at: Date.now(), decision: 'accepted', before, checkpoints: [] });
      await this.#store();
      this.#tell([file]);
    });
  }

  /**
   * Takes the newest decision back: byte for byte where nothing was edited since, else the hunks where they stand
   * now. `beside`: where that can't be, a three-way merge with the later edits, which are kept.
   */
  undo(beside = false): Promise<UndoOutcome> {
    return this.#inTurn(async () => {
      const step = this.#steps.at(-1);
      if (!step) return { decision: null, done: [], refused: [], unsaved: 0, selfRunning: [] };
      const restored = new Set<string>();
      for (const id of step.checkpoints.toReversed()) await this.#restore(id, beside, restored);
      const files = filesOf(
        this.files,
        step.before.map(({ id }) => id),
      );
      await lookAtAll(files);
      // Where nothing was written, nothing has to be taken back but the decision.
      if (step.checkpoints.length === 0) this.#forget(step);
      const brought = await this.#bringer.bring(step.before, true);
      if (beside) this.#takeMerged(step, brought, restored);
      const left = new Set(brought.refused.map(({ id }) => id));
      step.before = step.before.filter(({ id }) => left.has(id));
      if (step.before.length === 0) this.#steps.pop();
      else step.checkpoints.push(...brought.checkpoints);
      await this.#store();
      this.#tell(files);
      return { decision: step.decision, ...withoutCheckpoints(brought), selfRunning: [] };
    });
  }

  async #decide(
    decision: 'accepted' | 'rejected',
    ids: readonly string[],
    selfRunning: boolean,
  ): Promise<Outcome> {
    return this.#inTurn(async () => {
      const asked = decision === 'accepted' ? withNeeds(this.#split(), ids) : this.#withDependents(ids);
      const wishes: ItemState[] = [];
      const leftOut = new Map<string, WirePath>();
      for (const id of asked) {
        const file = this.fileOf(id);
        const item = file?.item(id);
        if (!file || !item || item.decision === decision) continue;
        if (file.runsByItself && !selfRunning && !item.inFile) leftOut.set(file.key, file.file.path);
        else wishes.push(wish(id, decision));
      }
      const brought = await this.#bringer.bring(wishes, selfRunning || decision === 'rejected');
      if (brought.before.length > 0) {
        const step: Step = {
          ...{ at: Date.now(), decision, before: brought.before },
          checkpoints: brought.checkpoints,
        };
        this.#steps.push(step);
        this.#steps.splice(0, this.#steps.length - KEPT_STEPS);
        await this.#store();
      }
      this.#tell(filesOf(this.files, [...asked]));
      return { ...withoutCheckpoints(brought), selfRunning: [...leftOut.values()] };
    });
  }

  #forget(step: Step): void {
    for (const { id, decision } of step.before.splice(0)) {
      const file = this.fileOf(id);
      const known = file?.item(id);
      if (file && known) file.set([{ ...known, decision }]);
    }
  }

  /** What was merged away is out, though no longer as the review knows it. */
  #takeMerged(step: Step, brought: Brought, restored: ReadonlySet<string>): void {
    const isMerged = ({ id }: Refusal) => {
      const file = this.fileOf(id);
      return file !== undefined && [file.path, file.file.path].some((path) => restored.has(pathKey(path)));
    };
    for (const refused of brought.refused.filter(isMerged)) {
      this.fileOf(refused.id)!.set(step.before.filter(({ id }) => id === refused.id));
      brought.done.push(refused.id);
    }
    brought.refused = brought.refused.filter((refused) => !isMerged(refused));
  }

  async #restore(id: string, beside: boolean, restored: Set<string>): Promise<void> {
    const { io, documents, checkpoints } = this.#seams;
    const store = checkpoints();
    // Too old and dropped: the hunks are taken back where they stand.
    if (store.get(id) === null) return;
    const { results } = await undoCheckpoint(store, id, {
      ...{ io, documents },
      ...(beside ? { merge: mergeWhole } : {}),
    });
    for (const { path, status } of results)
      if (status !== 'stale' && status !== 'failed') restored.add(pathKey(path));
  }

  /** These, and what is in the folder and can't be there without them. */
  #withDependents(ids: readonly string[]): Set<string> {
    const all = new Set(ids);
    const parts = this.#split().flatMap((file) => [...file.whole, ...file.hunks]);
    for (let before = -1; before !== all.size;) {
      before = all.size;
      for (const { id, needs } of parts) {
        if (needs.some((other) => all.has(other)) && this.fileOf(id)?.item(id)?.inFile) all.add(id);
      }
    }
    return all;
  }

  #split() {
    return this.files.map((file) => file.split);
  }

  #all(): string[] {
    return this.files.flatMap(({ items }) => items.map(({ id }) => id));
  }

  #own(file: FileReview): void {
    for (const { id } of file.items) this.#owners.set(id, file);
  }

  async #store(): Promise<void> {
    const { ref, title } = this.result;
    const files = Object.fromEntries(this.files.map((file) => [file.key, file.state]));
    await this.#seams.save({ v: 1, ref, title, files, steps: this.#steps });
  }

  #tell(files: readonly FileReview[]): void {
    for (const listener of [...this.#listeners]) listener(files);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#busy.catch(() => undefined).then(work);
    this.#busy = next;
    return next;
  }
}

function withoutCheckpoints({ done, refused, unsaved }: Brought): Omit<Outcome, 'selfRunning'> {
  return { done, refused, unsaved };
}

/** Gives those of which something is other than it was known. Many small files hold nothing up either. */
async function lookAtAll(files: readonly FileReview[]): Promise<FileReview[]> {
  const breathe = breather();
  const changed: FileReview[] = [];
  for (const file of files) {
    if (await file.look()) changed.push(file);
    await breathe();
  }
  return changed;
}
