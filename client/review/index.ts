/**
 * Reviewing a result hunk by hunk: pure, on bytes, without VS Code and without git.
 *
 *   const [file] = reviewOf(patch);                               // hunks and whole parts, with ids
 *   const opened = openText(base, file.parts[0], file.hunks);     // once, from the bytes of the base
 *   let state = startState([file], applied);                      // plain data, to be stored
 *   let { located } = look(text, hunksIn(file, state), state, now); // where each hunk stands in the file now
 *   places = follow(located.places, edit);                        // while somebody types; look again after
 *   const done = change(text, hunks, state, now, [wish(id, 'rejected')]);
 *   write(done.bytes); state = done.state;                        // done.refused: what could not be, and why
 *   change(text, hunks, state, done.bytes, done.undo);            // as it was
 *   ({ state } = splitIn(state, hunk, selection));                // some lines as a hunk of their own
 *   subsetOf(patch, files, ids).patch;                            // any choice as a patch
 *
 * Whole parts (a rename, a binary, …) are put in by applying their subset and taken out by applying its
 * `reversedPatch`; `withItems` notes it in the state. What compares texts is there twice: at once, and in slices for a host that must answer.
 */
import * as decide from './decide.ts';
import * as files from './files.ts';
import * as merges from './merge.ts';
import * as texts from './text.ts';
import { finish, finishInSlices, type Work } from './work.ts';

export type * from './types.ts';
export { withNeeds } from './files.ts';
export { follow } from './follow.ts';
export { hunksIn, splitIn, startState, wish, withItems } from './state.ts';
export { subsetOf, type Subset } from './subset.ts';
export type { Merged, MergePiece } from './merge.ts';
export type { Compared, OpenText, TextOutcome } from './text.ts';

const atOnce =
  <A extends unknown[], T>(work: (...args: A) => Work<T>) =>
  (...args: A): T =>
    finish(work(...args));
const inSlices =
  <A extends unknown[], T>(work: (...args: A) => Work<T>) =>
  (...args: A): Promise<T> =>
    finishInSlices(work(...args));

export const reviewOf = atOnce(files.reviewing);
export const reviewOfInSlices = inSlices(files.reviewing);
export const openText = atOnce(texts.openingText);
export const openTextInSlices = inSlices(texts.openingText);
export const compare = atOnce(texts.comparing);
export const look = atOnce(decide.looking);
export const lookInSlices = inSlices(decide.looking);
export const change = atOnce(decide.changing);
export const changeInSlices = inSlices(decide.changing);
export const merge = atOnce(merges.merging);
export const mergeInSlices = inSlices(merges.merging);

/** For an undo under later edits: null where both sides changed the same lines. */
export function mergeWhole(base: Uint8Array, ours: Uint8Array, theirs: Uint8Array): Uint8Array | null {
  const merged = merge(base, ours, theirs);
  return merged.ok ? merged.bytes : null;
}
