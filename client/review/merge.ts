/**
 * Three-way merge by lines, as git does it: what only one side changed is taken, what both changed in
 * the same way is taken once, and changes that overlap or touch are a conflict. Used to undo under later
 * edits (base: what we wrote, theirs: what was before) and to show a conflict with its three sides.
 */
import { difference, editsOf, settle, type Edit } from './diff.ts';
import { withLineEnds } from './line-ends.ts';
import { LineTable, bytesOf, type LineText } from './lines.ts';
import type { Work } from './work.ts';

export type MergePiece =
  | { type: 'merged'; bytes: Uint8Array }
  | { type: 'conflict'; base: Uint8Array; ours: Uint8Array; theirs: Uint8Array };

export type Merged =
  | { ok: true; bytes: Uint8Array }
  /** `gaveUp`: the texts are too different to be compared in bounded time. */
  | { ok: false; pieces: MergePiece[]; conflicts: number; gaveUp: boolean };

/** `ours` keeps its kind of line ends where it has one kind and both others have the other. */
export function* merging(base: Uint8Array, ours: Uint8Array, theirs: Uint8Array): Work<Merged> {
  const view = withLineEnds(ours, [base, theirs]);
  if (view !== null) {
    const merged = yield* merging(base, view.bytes, theirs);
    if (merged.ok) return { ok: true, bytes: view.restore(merged.bytes) };
    return {
      ...merged,
      pieces: merged.pieces.map((piece) =>
        piece.type === 'merged'
          ? { type: 'merged', bytes: view.restore(piece.bytes) }
          : {
              type: 'conflict',
              base: view.restore(piece.base),
              ours: view.restore(piece.ours),
              theirs: view.restore(piece.theirs),
            },
      ),
    };
  }
  if (same(base, ours) || same(ours, theirs)) return { ok: true, bytes: theirs };
  if (same(base, theirs)) return { ok: true, bytes: ours };
  const table = new LineTable();
  const texts = {
    base: yield* table.add(base),
    ours: yield* table.add(ours),
    theirs: yield* table.add(theirs),
  };
  const [mine, other] = [yield* changes(texts.base, texts.ours), yield* changes(texts.base, texts.theirs)];
  const pieces = piecesOf(texts, mine.edits, other.edits);
  const conflicts = pieces.filter((piece) => piece.type === 'conflict').length;
  if (conflicts > 0) return { ok: false, pieces, conflicts, gaveUp: mine.gaveUp || other.gaveUp };
  return {
    ok: true,
    bytes: Buffer.concat(pieces.map((piece) => (piece.type === 'merged' ? piece.bytes : piece.base))),
  };
}

function* changes(base: LineText, side: LineText): Work<{ edits: Edit[]; gaveUp: boolean }> {
  const found = yield* difference(base.ids, side.ids);
  yield* settle(base.ids, side.ids, found);
  return { edits: editsOf(found), gaveUp: found.gaveUp };
}

interface Texts {
  base: LineText;
  ours: LineText;
  theirs: LineText;
}

function piecesOf(texts: Texts, mine: Edit[], other: Edit[]): MergePiece[] {
  const pieces: MergePiece[] = [];
  let [base, ours, theirs] = [0, 0, 0];
  let [left, right] = [0, 0];
  while (left < mine.length || right < other.length) {
    const [startLeft, startRight] = [left, right];
    const start = Math.min(mine[left]?.a0 ?? Infinity, other[right]?.a0 ?? Infinity);
    let end = start;
    // All edits that overlap or touch, of both sides, are one region.
    for (let grown = true; grown;) {
      grown = false;
      for (let edit = mine[left]; edit && edit.a0 <= end; edit = mine[++left]) {
        [end, grown] = [Math.max(end, edit.a1), true];
      }
      for (let edit = other[right]; edit && edit.a0 <= end; edit = other[++right]) {
        [end, grown] = [Math.max(end, edit.a1), true];
      }
    }
    const kept = start - base;
    pieces.push({ type: 'merged', bytes: bytesOf(texts.base, base, start) });
    [ours, theirs] = [ours + kept, theirs + kept];
    const oursEnd = ours + (end - start) + growth(mine, startLeft, left);
    const theirsEnd = theirs + (end - start) + growth(other, startRight, right);
    const region = {
      base: bytesOf(texts.base, start, end),
      ours: bytesOf(texts.ours, ours, oursEnd),
      theirs: bytesOf(texts.theirs, theirs, theirsEnd),
    };
    if (left === startLeft) pieces.push({ type: 'merged', bytes: region.theirs });
    else if (right === startRight || same(region.ours, region.theirs)) {
      pieces.push({ type: 'merged', bytes: region.ours });
    } else pieces.push({ type: 'conflict', ...region });
    [base, ours, theirs] = [end, oursEnd, theirsEnd];
  }
  pieces.push({ type: 'merged', bytes: bytesOf(texts.base, base, texts.base.ids.length) });
  return pieces.filter((piece) => piece.type === 'conflict' || piece.bytes.length > 0);
}

function growth(edits: Edit[], from: number, to: number): number {
  let lines = 0;
  for (let index = from; index < to; index++) {
    const { a0, a1, b0, b1 } = edits[index]!;
    lines += b1 - b0 - (a1 - a0);
  }
  return lines;
}

function same(one: Uint8Array, two: Uint8Array): boolean {
  return Buffer.compare(one, two) === 0;
}
