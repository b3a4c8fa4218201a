/** Shapes of a review: what can be decided, what was decided, and where it stands in a file. */
import type { ApplyReason } from '../apply/types.ts';
import type { FileChange, WirePath } from '../../protocol/events.ts';
import type { FilePatch } from '../patch/types.ts';

export type { ApplyReason } from '../apply/types.ts';

/** Lines from `start` (counted from 0); an empty range is the place before line `start`. */
export interface LineRange {
  start: number;
  count: number;
}

/**
 * The smallest stretch of changed lines, as an editor's gutter shows it: lines that stand beside each
 * other in the base, and what stands in their place in the target.
 */
export interface ReviewHunk {
  /** Made from path and content, so that it is the same after a reload and stale when they change. */
  id: string;
  old: LineRange;
  new: LineRange;
  /** Lines with their terminators; only a file's last may have none. */
  removed: Uint8Array[];
  added: Uint8Array[];
  /** Ids without which this one can't be applied. */
  needs: string[];
  /** Which stretch of changed lines in the patch it is or was split from, counted over the file. */
  group: number;
}

/** A part of a file's change that has no lines to choose from: accepted or rejected whole. */
export interface WholePart {
  id: string;
  what:
    'added' | 'deleted' | 'renamed' | 'copied' | 'mode' | 'content' | 'link' | 'submodule' | 'typeChanged';
  needs: string[];
}

export interface ReviewFile {
  path: WirePath;
  /** For a rename or copy. */
  from?: WirePath;
  kind: FileChange['kind'];
  /** What stands beside the hunks (a rename, a mode), or instead of them. */
  whole: WholePart[];
  hunks: ReviewHunk[];
  /** Two where a file becomes a symlink or the other way round: a deletion and a creation. */
  parts: FilePatch[];
}

/** Which lines of a hunk, counted from 0 within `removed` and `added`. */
export interface Selection {
  removed: LineRange;
  added: LineRange;
}

export interface Split {
  id: string;
  selection: Selection;
}

export type SplitOutcome =
  | { ok: true; chosen: ReviewHunk; rest: ReviewHunk[] }
  /** `whole` and `empty`: nothing to split. `finalNewline`: a last line without one must stay last. */
  | { ok: false; reason: 'whole' | 'empty' | 'finalNewline' };

export type Decision = 'open' | 'accepted' | 'rejected';

/** One hunk or whole part. `inFile`: whether its change is in the file now. */
export interface ItemState {
  id: string;
  decision: Decision;
  inFile: boolean;
}

/** Plain data to be stored: with the patch it gives the review again. Splits in the order made. */
export interface ReviewState {
  splits: Split[];
  items: ItemState[];
}

/** Where a hunk stands in the current bytes. */
export interface Place {
  id: string;
  inFile: boolean;
  /** Its lines or its place were edited, or can't be told apart: nothing can be decided. */
  touched: boolean;
  /** In the current bytes; for a touched hunk the stretch that stands where it was. */
  range: LineRange;
}

export interface Located {
  /** In the order of the file. */
  places: Place[];
  /** Some of it was too costly to compare: hunks there count as touched, those elsewhere are right. */
  gaveUp: boolean;
}

/** What a change of an editor did to lines, as `follow` takes it. */
export interface LineEdit {
  start: number;
  removed: number;
  inserted: number;
}

export interface Refused {
  id: string;
  /** `contextChanged`: touched. `changedSince`: no such hunk (any more). */
  reason: Extract<ApplyReason, 'contextChanged' | 'changedSince' | 'tooCostly'>;
}

export interface Decided {
  bytes: Uint8Array;
  state: ReviewState;
  located: Located;
  /** The others were done all the same. */
  refused: Refused[];
  /** Hand it to `change` to have everything as it was. */
  undo: ItemState[];
}
