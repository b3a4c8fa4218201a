/** The state of a review: plain data, which is stored and, with the patch, gives the review again. */
import { splitHunks } from './files.ts';
import { splitHunk } from './hunks.ts';
import type {
  Decision,
  ItemState,
  ReviewFile,
  ReviewHunk,
  ReviewState,
  Selection,
  SplitOutcome,
} from './types.ts';

/** All open, and either not applied yet or all of it applied already. */
export function startState(files: readonly ReviewFile[], inFile: boolean): ReviewState {
  const items = files.flatMap((file) => [...file.whole, ...file.hunks]);
  return { splits: [], items: items.map(({ id }) => ({ id, decision: 'open', inFile })) };
}

/** What accepting or rejecting makes of an item. */
export function wish(id: string, decision: Exclude<Decision, 'open'>): ItemState {
  return { id, decision, inFile: decision === 'accepted' };
}

/** The state with these items in the place of the same ones. */
export function withItems(state: ReviewState, items: Iterable<ItemState>): ReviewState {
  const known = new Map([...items].map((item) => [item.id, item]));
  return { ...state, items: state.items.map((item) => known.get(item.id) ?? item) };
}

/** A file's hunks as this state has them split. */
export function hunksIn(file: ReviewFile, state: ReviewState): ReviewHunk[] {
  return splitHunks(file.hunks, state.splits);
}

/** Splits a hunk in the state; each part is decided as the whole was, and no byte of the file changes. */
export function splitIn(
  state: ReviewState,
  hunk: ReviewHunk,
  selection: Selection,
): { outcome: SplitOutcome; state: ReviewState } {
  const outcome = splitHunk(hunk, selection);
  if (!outcome.ok) return { outcome, state };
  const parts = [outcome.chosen, ...outcome.rest];
  const items = state.items.flatMap((item) =>
    item.id === hunk.id ? parts.map(({ id }) => ({ ...item, id })) : [item],
  );
  return { outcome, state: { splits: [...state.splits, { id: hunk.id, selection }], items } };
}
