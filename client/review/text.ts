/** One file's text, opened for review: what is prepared once, and holds for every look at the file. */
import { isNullId, matchesId } from '../patch/blob.ts';
import type { FilePatch } from '../patch/types.ts';
import { difference, editsOf, settle } from './diff.ts';
import { named } from './hunks.ts';
import { withLineEnds } from './line-ends.ts';
import { LineTable, bytesOf, linesOf, type LineText } from './lines.ts';
import type { ReviewHunk } from './types.ts';
import type { Work } from './work.ts';

export interface OpenText {
  /** The lines of both, so that a look at the file compares numbers. */
  table: LineTable;
  base: LineText;
  target: LineText;
}

export type TextOutcome =
  | { ok: true; text: OpenText }
  /** `contentChanged`: these are not the bytes that the patch was made from. */
  | { ok: false; reason: 'contentChanged' | 'corruptPatch' };

/** `base`: the bytes from which the patch was made, in its own line ends or in those of a checkout. */
export function* openingText(
  base: Uint8Array,
  file: FilePatch,
  hunks: readonly ReviewHunk[],
): Work<TextOutcome> {
  const direct = yield* opened(base, file, hunks);
  if (direct.ok || direct.reason === 'corruptPatch') return direct;
  const lines = hunks.flatMap((hunk) => [...hunk.removed, ...hunk.added]);
  const view = withLineEnds(base, [Buffer.concat(lines)]);
  return view === null ? direct : yield* opened(view.bytes, file, hunks);
}

function* opened(bytes: Uint8Array, file: FilePatch, hunks: readonly ReviewHunk[]): Work<TextOutcome> {
  const table = new LineTable();
  const base = yield* table.add(bytes);
  const target = patched(base, hunks);
  yield;
  if (target === null) return { ok: false, reason: 'contentChanged' };
  if (file.newId !== null && !isNullId(file.newId) && !matchesId(target, file.newId)) {
    const exact = file.oldId !== null && matchesId(bytes, file.oldId);
    return { ok: false, reason: exact ? 'corruptPatch' : 'contentChanged' };
  }
  return { ok: true, text: { table, base, target: yield* table.add(target) } };
}

function patched(base: LineText, hunks: readonly ReviewHunk[]): Buffer | null {
  const parts: Uint8Array[] = [];
  let taken = 0;
  let growth = 0;
  for (const { old, new: now, removed, added } of hunks) {
    const end = old.start + old.count;
    if (old.start < taken || end > base.ids.length || now.start !== old.start + growth) return null;
    if (
      removed.some((line, index) => !bytesOf(base, old.start + index, old.start + index + 1).equals(line))
    ) {
      return null;
    }
    parts.push(bytesOf(base, taken, old.start), ...added);
    taken = end;
    growth += now.count - old.count;
  }
  parts.push(bytesOf(base, taken, base.ids.length));
  return Buffer.concat(parts);
}

export interface Compared {
  text: OpenText;
  hunks: ReviewHunk[];
  /** Too different to be compared in bounded time: all of it is one hunk. */
  gaveUp: boolean;
}

/** The same without a patch, from both contents. */
export function* comparing(base: Uint8Array, target: Uint8Array, key: string): Work<Compared> {
  const table = new LineTable();
  const text = { table, base: yield* table.add(base), target: yield* table.add(target) };
  const marks = yield* difference(text.base.ids, text.target.ids);
  if (marks.gaveUp) {
    marks.a.fill(1);
    marks.b.fill(1);
  } else yield* settle(text.base.ids, text.target.ids, marks);
  const hunks = editsOf(marks).map(({ a0, a1, b0, b1 }, group) => ({
    id: '',
    old: { start: a0, count: a1 - a0 },
    new: { start: b0, count: b1 - b0 },
    removed: linesOf(text.base, a0, a1),
    added: linesOf(text.target, b0, b1),
    needs: [],
    group,
  }));
  return { text, hunks: yield* named(hunks, key), gaveUp: marks.gaveUp };
}
