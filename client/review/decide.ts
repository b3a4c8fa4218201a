/**
 * Deciding: which hunks are to be in the file, and the bytes that this makes of it. Accepted means that
 * a hunk's change is in the file, rejected that it is not, whatever was applied before; a hunk that
 * already is as wanted changes no byte. Everything else in the file stays as it is.
 */
import { withLineEnds } from './line-ends.ts';
import { bytesOf, endsOpen, type LineText } from './lines.ts';
import { locating } from './locate.ts';
import { withItems } from './state.ts';
import type { OpenText } from './text.ts';
import type { Decided, ItemState, Located, Place, Refused, ReviewHunk, ReviewState } from './types.ts';
import type { Work } from './work.ts';

/** Where the hunks stand in these bytes now, and the state with what others put in or took out. */
export function* looking(
  text: OpenText,
  hunks: readonly ReviewHunk[],
  state: ReviewState,
  current: Uint8Array,
): Work<{ located: Located; state: ReviewState }> {
  const view = withLineEnds(current, [text.base.bytes, text.target.bytes]);
  const lines = yield* text.table.look(view?.bytes ?? current);
  const located = yield* locating(text, hunks, inFileOf(hunks, state), lines);
  return { located, state: asFound(state, located.places) };
}

/** Brings items to these states, one file's at a time; what can't be is refused and told. */
export function* changing(
  text: OpenText,
  hunks: readonly ReviewHunk[],
  state: ReviewState,
  current: Uint8Array,
  wishes: readonly ItemState[],
): Work<Decided> {
  const view = withLineEnds(current, [text.base.bytes, text.target.bytes]);
  const lines = yield* text.table.look(view?.bytes ?? current);
  const found = yield* locating(text, hunks, inFileOf(hunks, state), lines);
  const known = asFound(state, found.places);
  const wanted = new Map(wishes.map((item) => [item.id, item]));
  const refused = refusals(hunks, found, wanted);
  for (const { id } of refused) wanted.delete(id);

  let bytes = spliced(text, hunks, found.places, lines, wanted);
  if (bytes === null) {
    // Lines of somebody else's follow what would end without a newline: that hunk can't be turned here.
    for (const hunk of hunks.filter(endsFile)) {
      if (wanted.delete(hunk.id)) refused.push({ id: hunk.id, reason: 'contextChanged' });
    }
    bytes = spliced(text, hunks, found.places, lines, wanted) ?? lines.bytes;
  }
  return {
    bytes: bytes === lines.bytes ? current : (view?.restore(bytes) ?? bytes),
    state: withItems(known, wanted.values()),
    located: { ...found, places: moved(hunks, found.places, wanted) },
    refused,
    undo: known.items.filter((item) => wanted.has(item.id)),
  };
}

function endsFile(hunk: ReviewHunk): boolean {
  return [hunk.removed.at(-1), hunk.added.at(-1)].some((line) => line !== undefined && endsOpen(line));
}

function inFileOf(hunks: readonly ReviewHunk[], state: ReviewState): boolean[] {
  const known = new Map(state.items.map((item) => [item.id, item.inFile]));
  return hunks.map(({ id }) => known.get(id) ?? false);
}

/** A decision whose effect was taken back elsewhere is open again. */
function asFound(state: ReviewState, places: readonly Place[]): ReviewState {
  const flipped = new Map(places.filter(({ touched }) => !touched).map((place) => [place.id, place.inFile]));
  const items = state.items.map((item): ItemState => {
    const inFile = flipped.get(item.id) ?? item.inFile;
    return inFile === item.inFile ? item : { id: item.id, decision: 'open', inFile };
  });
  return { ...state, items };
}

function refusals(hunks: readonly ReviewHunk[], found: Located, wanted: Map<string, ItemState>): Refused[] {
  const known = new Set(hunks.map(({ id }) => id));
  const stale = [...wanted.keys()].filter((id) => !known.has(id));
  const touched = found.places.filter((place) => place.touched && wanted.has(place.id));
  return [
    ...stale.map((id): Refused => ({ id, reason: 'changedSince' })),
    ...touched.map(({ id }): Refused => ({ id, reason: found.gaveUp ? 'tooCostly' : 'contextChanged' })),
  ];
}

/** The bytes with the wishes in them; null when they would join two lines. */
function spliced(
  text: OpenText,
  hunks: readonly ReviewHunk[],
  places: readonly Place[],
  lines: LineText,
  wanted: Map<string, ItemState>,
): Buffer | null {
  const parts: Buffer[] = [];
  let taken = 0;
  for (const [index, hunk] of hunks.entries()) {
    const place = places[index]!;
    const wish = wanted.get(hunk.id);
    if (wish === undefined || wish.inFile === place.inFile) continue;
    parts.push(bytesOf(lines, taken, place.range.start));
    parts.push(
      wish.inFile
        ? bytesOf(text.target, hunk.new.start, hunk.new.start + hunk.new.count)
        : bytesOf(text.base, hunk.old.start, hunk.old.start + hunk.old.count),
    );
    taken = place.range.start + place.range.count;
  }
  if (parts.length === 0) return lines.bytes;
  parts.push(bytesOf(lines, taken, lines.ids.length));
  const filled = parts.filter((part) => part.length > 0);
  return filled.slice(0, -1).some(endsOpen) ? null : Buffer.concat(filled);
}

/** Where everything stands after the wishes. */
function moved(
  hunks: readonly ReviewHunk[],
  places: readonly Place[],
  wanted: Map<string, ItemState>,
): Place[] {
  let growth = 0;
  return places.map((place, index) => {
    const start = place.range.start + growth;
    const inFile = wanted.get(place.id)?.inFile ?? place.inFile;
    if (inFile === place.inFile) return { ...place, range: { ...place.range, start } };
    const { count } = inFile ? hunks[index]!.new : hunks[index]!.old;
    growth += count - place.range.count;
    return { ...place, inFile, range: { start, count } };
  });
}
