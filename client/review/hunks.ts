/** A text patch as review hunks, and one hunk as several. Pure, from the patch alone. */
import { createHash } from 'node:crypto';
import type { FilePatch, Hunk } from '../patch/types.ts';
import { endsOpen } from './lines.ts';
import { finish, type Work } from './work.ts';
import type { LineRange, ReviewHunk, Selection, SplitOutcome } from './types.ts';

/** Enough of a hash that two contents never meet by chance, and short enough for a command's argument. */
export const ID_CHARACTERS = 20;
const HUNKS_PER_PAUSE = 500;

/** `key` sets hunks of equal content in different files apart. */
export function* hunksOf(file: FilePatch, key: string, needs: string[]): Work<ReviewHunk[]> {
  if (file.body.type !== 'text') return [];
  const hunks: ReviewHunk[] = [];
  for (const hunk of file.body.hunks) {
    for (const stretch of stretchesOf(hunk)) hunks.push({ id: '', ...stretch, needs, group: hunks.length });
  }
  return yield* named(hunks, key);
}

/** Gives ids by content; equal ones are told apart by their order. */
export function* named(hunks: ReviewHunk[], key: string): Work<ReviewHunk[]> {
  const used = new Map<string, number>();
  const result: ReviewHunk[] = [];
  for (const hunk of hunks) {
    const hash = createHash('sha256').update(key).update('\0');
    for (const line of hunk.removed) hash.update('-').update(line);
    for (const line of hunk.added) hash.update('+').update(line);
    const content = hash.digest('hex').slice(0, ID_CHARACTERS);
    const before = used.get(content) ?? 0;
    used.set(content, before + 1);
    result.push({ ...hunk, id: before === 0 ? content : `${content}.${before}` });
    if (result.length % HUNKS_PER_PAUSE === 0) yield;
  }
  return result;
}

function stretchesOf(hunk: Hunk): Pick<ReviewHunk, 'old' | 'new' | 'removed' | 'added'>[] {
  const stretches: Pick<ReviewHunk, 'old' | 'new' | 'removed' | 'added'>[] = [];
  let [old, now] = [firstLine(hunk.oldStart, hunk.oldLines), firstLine(hunk.newStart, hunk.newLines)];
  let open: (typeof stretches)[number] | null = null;
  for (const { op, text } of hunk.lines) {
    if (op === ' ') {
      [old, now, open] = [old + 1, now + 1, null];
      continue;
    }
    if (open === null) {
      open = { old: { start: old, count: 0 }, new: { start: now, count: 0 }, removed: [], added: [] };
      stretches.push(open);
    }
    if (op === '-') {
      open.removed.push(text);
      open.old.count++;
      old++;
    } else {
      open.added.push(text);
      open.new.count++;
      now++;
    }
  }
  return stretches;
}

/** "-5,0" means after line 5, "-5,2" from line 5: counted from 0, both are the line that comes next. */
export function firstLine(start: number, lines: number): number {
  return lines === 0 ? start : start - 1;
}

/**
 * The selected lines as a hunk of its own, and what is before and after them as one or two others. As
 * with `git add -p`, removed lines that are not selected stand before the added ones that are; where
 * both are selected, the selection cuts both sides at its ends, so that what it replaces stands in place.
 * The parts are independent: accepted in any order they make the whole.
 */
export function splitHunk(hunk: ReviewHunk, selection: Selection): SplitOutcome {
  const removed = within(selection.removed, hunk.removed.length);
  const added = within(selection.added, hunk.added.length);
  if (removed.count + added.count === 0) return { ok: false, reason: 'empty' };
  if (removed.count === hunk.removed.length && added.count === hunk.added.length) {
    return { ok: false, reason: 'whole' };
  }
  const cuts = {
    removed: removed.count > 0 ? removed : { start: hunk.removed.length, count: 0 },
    added: added.count > 0 ? added : { start: 0, count: 0 },
  };
  const before = partOf(hunk, [0, cuts.removed.start], [0, cuts.added.start]);
  const chosen = partOf(hunk, edges(cuts.removed), edges(cuts.added));
  const after = partOf(
    hunk,
    [edges(cuts.removed)[1], hunk.removed.length],
    [edges(cuts.added)[1], hunk.added.length],
  );
  const parts = [before, chosen, after].filter((part) => part.removed.length + part.added.length > 0);
  const early = parts.slice(0, -1).flatMap((part) => [...part.removed.slice(-1), ...part.added.slice(-1)]);
  if (early.some(endsOpen)) return { ok: false, reason: 'finalNewline' };
  const names = finish(named(parts, hunk.id));
  const at = parts.indexOf(chosen);
  return { ok: true, chosen: names[at]!, rest: names.filter((_, index) => index !== at) };
}

function within(range: LineRange, length: number): LineRange {
  const start = Math.min(Math.max(range.start, 0), length);
  return { start, count: Math.min(Math.max(range.start + range.count, start), length) - start };
}

function edges(range: LineRange): [number, number] {
  return [range.start, range.start + range.count];
}

function partOf(hunk: ReviewHunk, removed: [number, number], added: [number, number]): ReviewHunk {
  return {
    ...hunk,
    old: { start: hunk.old.start + removed[0], count: removed[1] - removed[0] },
    new: { start: hunk.new.start + added[0], count: added[1] - added[0] },
    removed: hunk.removed.slice(...removed),
    added: hunk.added.slice(...added),
  };
}
