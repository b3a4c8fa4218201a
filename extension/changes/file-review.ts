/**
 * One file under review: what is decided of its parts, and where its hunks stand in the folder as it is now. It
 * reads and counts only; what a decision makes of the file is handed out as a patch. No VS Code.
 */
import { pathKey, type FilePatch, type WirePath } from '../../client/patch/index.ts';
import {
  changeInSlices,
  follow,
  hunksIn,
  lookInSlices,
  splitIn,
  startState,
  type ApplyReason,
  type ItemState,
  type LineEdit,
  type OpenText,
  type Place,
  type ReviewFile,
  type ReviewHunk,
  type ReviewState,
  type Selection,
  type SplitOutcome,
} from '../../client/review/index.ts';
import { patchBetween } from '../../client/review/between.ts';
import { runsByItself, type DocumentIO, type FileIO } from '../../client/apply/index.ts';
import { ancestorsOf, refusalOf } from '../../client/apply/paths.ts';
import { pathNow, stands } from './standing.ts';
import type { Texts } from './texts.ts';

export interface FileSeams {
  io: FileIO;
  documents: DocumentIO;
  texts: Texts;
}

export interface Refusal {
  id: string;
  path: WirePath;
  reason: ApplyReason;
}

/** What a decision of one file's hunks comes to. */
export interface Turn {
  refused: Refusal[];
  /** Null when no byte changes. */
  patch: FilePatch | null;
  /** What was, for undo. */
  undo: ItemState[];
  /** Call it when the patch is in. */
  keep(): void;
}

type Here = { ok: true; bytes: Uint8Array; exists: boolean } | { ok: false; reason: ApplyReason };

const NOTHING = new Uint8Array();

export class FileReview {
  readonly file: ReviewFile;
  readonly key: string;
  readonly runsByItself: boolean;
  readonly #seams: FileSeams;
  #state: ReviewState;
  #places: readonly Place[] = [];
  #hunks: ReviewHunk[];
  /** The same by id, made when asked for: a file may have thousands. */
  #items: Map<string, ItemState> | null = null;
  #placed: Map<string, Place> | null = null;
  #byId: Map<string, ReviewHunk> | null = null;
  /** Why nothing can be said of its hunks here. */
  problem: ApplyReason | null = null;

  constructor(file: ReviewFile, stored: ReviewState | undefined, seams: FileSeams) {
    this.file = file;
    this.key = pathKey(file.path);
    this.#seams = seams;
    const fresh = startState([file], false);
    this.#state = stored ? knownOf(file, stored, fresh) : fresh;
    this.#hunks = hunksIn(file, this.#state);
    const isLink = file.parts.some(({ newMode }) => newMode === '120000' || newMode === '160000');
    this.runsByItself =
      runsByItself(file.path, isLink) || (file.from !== undefined && runsByItself(file.from, isLink));
  }

  get state(): ReviewState {
    return this.#state;
  }

  get items(): readonly ItemState[] {
    return this.#state.items;
  }

  get hunks(): readonly ReviewHunk[] {
    return this.#hunks;
  }

  get places(): readonly Place[] {
    return this.#places;
  }

  item(id: string): ItemState | undefined {
    this.#items ??= new Map(this.#state.items.map((item) => [item.id, item]));
    return this.#items.get(id);
  }

  place(id: string): Place | undefined {
    this.#placed ??= new Map(this.#places.map((place) => [place.id, place]));
    return this.#placed.get(id);
  }

  hunk(id: string): ReviewHunk | undefined {
    this.#byId ??= new Map(this.#hunks.map((hunk) => [hunk.id, hunk]));
    return this.#byId.get(id);
  }

  /** Where it is in the folder now. */
  get path(): WirePath {
    return pathNow(this.file, (id) => this.item(id)?.inFile ?? false);
  }

  /** As the review has it, with hunks split. */
  get split(): ReviewFile {
    return { ...this.file, hunks: this.#hunks };
  }

  /** Reads the folder. Gives whether something is other than it was known. */
  async look(): Promise<boolean> {
    const before = JSON.stringify([this.#state, this.#places, this.problem]);
    const { io } = this.#seams;
    for (const part of this.file.whole) {
      // A rename first: it says where the others are looked for.
      const inFile = await stands(io, this.file, part, this.path).catch(() => false);
      if (this.item(part.id)?.inFile !== inFile) this.set([{ id: part.id, decision: 'open', inFile }]);
    }
    if (this.#hunks.length > 0) await this.#lookAtHunks();
    return JSON.stringify([this.#state, this.#places, this.problem]) !== before;
  }

  async #lookAtHunks(): Promise<void> {
    const here = await this.#here();
    const text = here.ok ? await this.#text(here) : here;
    this.problem = text.ok ? null : text.reason;
    if (!here.ok || !text.ok) {
      this.#become(this.#state, []);
      // No file, no lines of it.
      const isIn = ({ id, inFile }: ItemState) => inFile && this.hunk(id) !== undefined;
      if (!here.ok && here.reason !== 'inputOutput')
        this.set(this.items.filter(isIn).map(({ id }) => ({ id, decision: 'open', inFile: false })));
      return;
    }
    const { located, state } = await lookInSlices(text.text, this.#hunks, this.#state, here.bytes);
    this.#become(state, located.places);
  }

  /** While somebody types; the next look says it exactly. */
  edited(edits: readonly LineEdit[]): void {
    for (const edit of edits) this.#become(this.#state, follow(this.#places, edit));
  }

  /** Brings hunks to these states; nothing is written here. */
  async turn(wishes: readonly ItemState[]): Promise<Turn> {
    const path = this.path;
    const refuse = (reason: ApplyReason): Turn => ({
      ...{ refused: wishes.map(({ id }) => ({ id, path, reason })), patch: null, undo: [] },
      keep: () => undefined,
    });
    const here = await this.#here();
    if (!here.ok) return this.#onlyState(wishes) ?? refuse(here.reason);
    const text = await this.#seams.texts.open(this.file, here.exists ? here.bytes : null);
    if (!text.ok) return this.#onlyState(wishes) ?? refuse(text.reason);
    const decided = await changeInSlices(text.text, this.#hunks, this.#state, here.bytes, wishes);
    const same = Buffer.compare(decided.bytes, here.bytes) === 0;
    const part = this.file.parts[0]!;
    const isNew = part.kind === 'added';
    const gone = isNew && decided.bytes.length === 0 && !decided.located.places.some(({ inFile }) => inFile);
    const patch =
      same && !(gone && here.exists && here.bytes.length > 0)
        ? null
        : await patchBetween(
            path,
            here.exists ? here.bytes : null,
            gone ? null : decided.bytes,
            part.newMode ?? '100644',
          );
    return {
      refused: decided.refused.map(({ id, reason }) => ({ id, path, reason })),
      patch,
      undo: decided.undo,
      keep: () => {
        this.#become(decided.state, decided.located.places);
        this.problem = null;
      },
    };
  }

  /** The bytes without the hunks that are in them and not decided: what an editor's gutter compares with. */
  async baseline(): Promise<Uint8Array | null> {
    const here = await this.#here();
    if (!here.ok) return null;
    const text = await this.#seams.texts.open(this.file, here.exists ? here.bytes : null);
    if (!text.ok) return here.bytes;
    const without = this.pending().map(({ id, decision }): ItemState => ({ id, decision, inFile: false }));
    return (await changeInSlices(text.text, this.#hunks, this.#state, here.bytes, without)).bytes;
  }

  /** Hunks that nobody has decided, and that are in the file. */
  pending(): ItemState[] {
    return this.#state.items.filter(
      ({ id, decision, inFile }) => this.hunk(id) !== undefined && decision === 'open' && inFile,
    );
  }

  /** Takes what whole parts have become. */
  set(items: readonly ItemState[]): void {
    const known = new Map(items.map((item) => [item.id, item]));
    const now = this.#state.items.map((item) => known.get(item.id) ?? item);
    this.#become({ ...this.#state, items: now }, this.#places);
  }

  cut(id: string, selection: Selection): SplitOutcome {
    const hunk = this.hunk(id);
    if (!hunk) return { ok: false, reason: 'empty' };
    const { outcome, state } = splitIn(this.#state, hunk, selection);
    this.#hunks = hunksIn(this.file, state);
    this.#byId = null;
    this.#become(state, this.#places);
    return outcome;
  }

  /** For a merge by hand; null where one of them can't be had. `theirs`: without what was rejected. */
  async sides(): Promise<{ base: Uint8Array; ours: Uint8Array; theirs: Uint8Array } | null> {
    const here = await this.#here();
    const text = here.ok ? await this.#text(here) : here;
    if (!here.ok || !text.ok) return null;
    const base = text.text.base.bytes;
    const wanted = this.#hunks.filter(({ id }) => this.item(id)?.decision !== 'rejected');
    const without = startState([this.split], false);
    const wishes = wanted.map(({ id }): ItemState => ({ id, decision: 'accepted', inFile: true }));
    const { bytes } = await changeInSlices(text.text, this.#hunks, without, base, wishes);
    return { base, ours: here.bytes, theirs: bytes };
  }

  /** What is not in a file that can't be read needs no byte changed to stay out. */
  #onlyState(wishes: readonly ItemState[]): Turn | null {
    if (wishes.some(({ id, inFile }) => inFile || this.item(id)?.inFile)) return null;
    const undo = this.#state.items.filter(({ id }) => wishes.some((wish) => wish.id === id));
    return { refused: [], patch: null, undo, keep: () => this.set(wishes) };
  }

  /** A backend that does not answer is no reason to lose the others. */
  async #text(
    here: Here & { ok: true },
  ): Promise<{ ok: true; text: OpenText } | { ok: false; reason: ApplyReason }> {
    return this.#seams.texts
      .open(this.file, here.exists ? here.bytes : null)
      .catch(() => ({ ok: false, reason: 'inputOutput' }));
  }

  async #here(): Promise<Here> {
    const { io, documents } = this.#seams;
    const { path } = this;
    const part = this.file.parts[0]!;
    try {
      // Before anything is read: a merge by hand would go into what is read here.
      const barred = refusalOf(path, io.platform) ?? (await this.#beyondSymlink(path));
      if (barred !== null) return { ok: false, reason: barred };
      if (documents.isDirty(path)) return { ok: true, bytes: await documents.read(path), exists: true };
      const state = await io.read(path);
      if (state === null || state.kind === 'symlink') return { ok: false, reason: 'notAFile' };
      if (state.kind === 'file') return { ok: true, bytes: state.bytes, exists: true };
      if (part.kind === 'added') return { ok: true, bytes: NOTHING, exists: false };
      return { ok: false, reason: part.kind === 'copied' ? 'needsOther' : 'missing' };
    } catch {
      return { ok: false, reason: 'inputOutput' };
    }
  }

  async #beyondSymlink(path: WirePath): Promise<ApplyReason | null> {
    for (const folder of ancestorsOf(path))
      if ((await this.#seams.io.stat(folder)).kind === 'symlink') return 'beyondSymlink';
    return null;
  }

  #become(state: ReviewState, places: readonly Place[]): void {
    if (state !== this.#state) this.#items = null;
    if (places !== this.#places) this.#placed = null;
    this.#state = state;
    this.#places = places;
  }
}

/** What was stored, as far as it is of these parts. */
function knownOf(file: ReviewFile, stored: ReviewState, fresh: ReviewState): ReviewState {
  const ids = new Set([...file.whole, ...hunksIn(file, stored)].map(({ id }) => id));
  const complete = stored.items.length === ids.size && stored.items.every(({ id }) => ids.has(id));
  return complete ? stored : fresh;
}
