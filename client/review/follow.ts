/**
 * Places that follow an edit at once, without a look at the bytes. It only ever says "touched" too
 * often (a line that is typed into and back): the next look at the whole file puts that right.
 */
import type { LineEdit, Place } from './types.ts';

/** `edit`: lines [start, start + removed) became `inserted` lines. */
export function follow(places: readonly Place[], edit: LineEdit): Place[] {
  const end = edit.start + edit.removed;
  const growth = edit.inserted - edit.removed;
  return places.map((place) => {
    const from = place.range.start;
    const to = from + place.range.count;
    // The place of no lines is between its neighbours, so an edit of these touches it.
    const hit = from === to ? edit.start <= from && end >= from : edit.start < to && end > from;
    if (hit) return { ...place, touched: true, range: covering(place, edit) };
    return end <= from ? { ...place, range: { ...place.range, start: from + growth } } : place;
  });
}

/** What stands where the hunk was: of the lines that both had, what they have become. */
function covering({ range }: Place, edit: LineEdit): Place['range'] {
  const end = Math.max(range.start + range.count, edit.start + edit.removed);
  const start = Math.min(range.start, edit.start);
  return { start, count: end - start + edit.inserted - edit.removed };
}
