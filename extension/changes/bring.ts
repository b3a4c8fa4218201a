/**
 * Carries wishes out: hunks as changes of lines, what has none as its part of the patch or its reverse; each
 * through a plan and a checkpoint, as applying has it. What can't be is refused with its reason. No VS Code.
 */
import { applyPlan, planApply, type Checkpoints, type PathResult } from '../../client/apply/index.ts';
import { breather } from '../../client/apply/write.ts';
import { reversedPatch, type FilePatch, type Patch, type WirePath } from '../../client/patch/index.ts';
import { subsetOf, type ItemState } from '../../client/review/index.ts';
import type { FileReview, FileSeams, Refusal } from './file-review.ts';
import type { Reviewed } from './result.ts';

export interface WriteSeams extends Omit<FileSeams, 'texts'> {
  checkpoints: () => Checkpoints;
}

export interface Brought {
  done: string[];
  refused: Refusal[];
  unsaved: number;
  checkpoints: string[];
  before: ItemState[];
}

export class Bringer {
  readonly #result: Reviewed;
  readonly #files: readonly FileReview[];
  readonly #seams: WriteSeams;

  constructor(result: Reviewed, files: readonly FileReview[], seams: WriteSeams) {
    this.#result = result;
    this.#files = files;
    this.#seams = seams;
  }

  /** Out before in, and what makes room before what takes it. */
  async bring(wishes: readonly ItemState[], selfRunning: boolean): Promise<Brought> {
    const brought: Brought = { done: [], refused: [], unsaved: 0, checkpoints: [], before: [] };
    const [into, out] = [wishes.filter(({ inFile }) => inFile), wishes.filter(({ inFile }) => !inFile)];
    await this.#hunks(out, true, brought);
    await this.#whole(out, false, true, brought);
    await this.#whole(into, true, selfRunning, brought);
    await this.#hunks(into, selfRunning, brought);
    return brought;
  }

  async #hunks(wishes: readonly ItemState[], selfRunning: boolean, brought: Brought): Promise<void> {
    const again = await this.#tryHunks(wishes, selfRunning, brought, true);
    // A document was saved, or typed into, between the look and the change.
    if (again.length > 0) await this.#tryHunks(again, selfRunning, brought, false);
  }

  /** Gives those that are worth another try, when there is one. */
  async #tryHunks(
    wishes: readonly ItemState[],
    selfRunning: boolean,
    brought: Brought,
    mayRetry: boolean,
  ): Promise<ItemState[]> {
    const turns: { own: ItemState[]; patch: FilePatch; done: () => void; ids: string[] }[] = [];
    const breathe = breather();
    for (const [file, all] of byFile(this.#files, wishes)) {
      const own = all.filter(({ id }) => file.hunk(id) !== undefined);
      if (own.length === 0) continue;
      const turn = await file.turn(own);
      await breathe();
      const left = new Set(turn.refused.map(({ id }) => id));
      const ids = own.map(({ id }) => id).filter((id) => !left.has(id));
      brought.refused.push(...turn.refused);
      const done = () => {
        turn.keep();
        brought.done.push(...ids);
        brought.before.push(...turn.undo);
      };
      if (turn.patch === null) done();
      else turns.push({ own: own.filter(({ id }) => !left.has(id)), patch: turn.patch, done, ids });
    }
    if (turns.length === 0) return [];
    const results = await this.#write(
      turns.map(({ patch }) => patch),
      selfRunning,
      brought,
    );
    const again: ItemState[] = [];
    for (const [index, { own, patch, done, ids }] of turns.entries()) {
      const result = results[index];
      if (result && isDone(result)) done();
      else if (mayRetry && result?.reason === 'changedSince') again.push(...own);
      else brought.refused.push(...ids.map((id) => refusal(id, patch.newPath, result)));
    }
    return again;
  }

  /** Renames, modes, binaries, …: their part of the patch, or its reverse. */
  async #whole(
    wishes: readonly ItemState[],
    inFile: boolean,
    selfRunning: boolean,
    brought: Brought,
  ): Promise<void> {
    const wanted = new Map<string, ItemState>();
    for (const [file, all] of byFile(this.#files, wishes)) {
      const own = all.filter(({ id }) => file.file.whole.some((part) => part.id === id));
      if (own.length === 0) continue;
      await file.look();
      for (const item of own) {
        const known = file.item(item.id)!;
        if (known.inFile !== inFile) {
          wanted.set(item.id, item);
          continue;
        }
        brought.done.push(item.id);
        brought.before.push(known);
        file.set([item]);
      }
    }
    if (wanted.size === 0) return;
    const { patch, left } = this.#partOf(new Set(wanted.keys()), inFile);
    for (const id of left)
      brought.refused.push(
        refusal(id, this.#files.find((file) => file.item(id))!.file.path, undefined, 'needsOther'),
      );
    if (patch === null) {
      for (const id of wanted.keys())
        brought.refused.push(
          refusal(id, this.#files.find((file) => file.item(id))!.file.path, undefined, 'noContent'),
        );
      return;
    }
    const chosen = this.#files
      .map((file) => ({ file, ids: file.file.whole.map(({ id }) => id).filter((id) => wanted.has(id)) }))
      .map(({ file, ids }) => ({ file, ids: ids.filter((id) => !left.includes(id)) }))
      .filter(({ ids }) => ids.length > 0);
    // One item of the plan for each file, the last first on the way back.
    const order = inFile ? chosen : chosen.toReversed();
    const results = await this.#write(patch.files, selfRunning, brought);
    for (const [index, { file, ids }] of order.entries()) {
      const result = results[index];
      if (result && isDone(result)) {
        brought.before.push(...ids.map((id) => file.item(id)!));
        file.set(ids.map((id) => wanted.get(id)!));
        brought.done.push(...ids);
      } else brought.refused.push(...ids.map((id) => refusal(id, file.file.path, result)));
    }
  }

  #partOf(ids: ReadonlySet<string>, inFile: boolean): { patch: Patch | null; left: string[] } {
    const present = new Set<string>();
    for (const { items } of this.#files) {
      for (const item of items) if (item.inFile && !ids.has(item.id)) present.add(item.id);
    }
    const { patch, left } = subsetOf(
      this.#result.patch,
      this.#files.map((file) => file.split),
      ids,
      present,
    );
    return inFile ? { patch, left } : { patch: reversedPatch(patch), left };
  }

  /** One result for each file, in order. */
  async #write(files: FilePatch[], selfRunning: boolean, brought: Brought): Promise<PathResult[]> {
    const { io, documents, checkpoints } = this.#seams;
    const { ref, title, patch } = this.#result;
    const plan = await planApply(ref.root, { quotePath: patch.quotePath, files }, { io, documents });
    const outcome = await applyPlan(plan, {
      ...{ io, documents, checkpoints: checkpoints() },
      info: { repo: ref.root, taskId: ref.taskId, turn: ref.turn, label: title },
      includeSelfRunning: () => selfRunning,
    });
    if (outcome.checkpointId !== null) brought.checkpoints.push(outcome.checkpointId);
    brought.unsaved += outcome.results.filter(({ status }) => status === 'applied-unsaved').length;
    return outcome.results;
  }
}

/** In the order of the files. */
function byFile(files: readonly FileReview[], wishes: readonly ItemState[]): [FileReview, ItemState[]][] {
  const wanted = new Map(wishes.map((item) => [item.id, item]));
  return files.flatMap((file): [FileReview, ItemState[]][] => {
    const own = file.items.flatMap(({ id }) => wanted.get(id) ?? []);
    return own.length === 0 ? [] : [[file, own]];
  });
}

export function filesOf(files: readonly FileReview[], ids: readonly string[]): FileReview[] {
  const wanted = new Set(ids);
  return files.filter(({ items }) => items.some(({ id }) => wanted.has(id)));
}

function isDone({ status }: PathResult): boolean {
  return status === 'applied' || status === 'applied-modified' || status === 'applied-unsaved';
}

function refusal(
  id: string,
  path: WirePath,
  result: PathResult | undefined,
  reason: Refusal['reason'] = 'inputOutput',
): Refusal {
  return { id, path, reason: result?.reason ?? reason };
}
