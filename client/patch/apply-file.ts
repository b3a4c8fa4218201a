/**
 * One file's change on bytes. With the exact pre-image (by its id) the hunks go where they say and
 * the outcome is checked against the post-image's id; on a pre-image that has changed since, each
 * hunk must find all of its lines, in order, at the nearest place: no fuzz, nothing guessed.
 * Pure, and bounded in time however hostile the patch.
 */
import { inflateSync } from 'node:zlib';
import { LIMITS } from '../../protocol/limits.ts';
import { isNullId, matchesId } from './blob.ts';
import { applyDelta, deltaResultBytes } from './delta.ts';
import type { BinaryHunk, FilePatch, Hunk } from './types.ts';

export type FileOutcome =
  /** `exact`: the pre-image was the one the patch was made from. */
  | { ok: true; bytes: Uint8Array; exact: boolean }
  | {
      ok: false;
      reason: 'contextChanged' | 'contentChanged' | 'corruptPatch' | 'noContent' | 'tooCostly' | 'tooLarge';
      hunk?: number;
    };

/** Line comparisons in the search for moved hunks: about a second's work; hostile patches want more. */
const MAX_COMPARISONS = 30_000_000;
/**
 * What is deflated may inflate to this, all of a patch together: a kilobyte can hold a megabyte of
 * zeros, and a patch a thousand of them. The same as the hard cap of a whole patch.
 */
export const MAX_INFLATED_BYTES = LIMITS.patchBytes.cap;
const NEWLINE = 10;
const NOTHING = Buffer.alloc(0);

/**
 * `before`: the file's bytes, or a symlink's target; empty for an added file. `maxInflated`: what of
 * `MAX_INFLATED_BYTES` is left; sizes are held against it before anything is inflated.
 */
export function applyFilePatch(
  before: Uint8Array,
  file: FilePatch,
  maxInflated = MAX_INFLATED_BYTES,
): FileOutcome {
  const { body } = file;
  const exact =
    file.oldId !== null && (isNullId(file.oldId) ? before.length === 0 : matchesId(before, file.oldId));
  let bytes: Uint8Array;
  switch (body.type) {
    case 'binaryWithoutContent':
      return { ok: false, reason: 'noContent' };
    case 'none':
      // A mode, a pure rename, an empty file made or removed: content stays as it is.
      return file.kind === 'deleted' && !exact && file.oldId !== null
        ? { ok: false, reason: 'contentChanged' }
        : {
            ok: true,
            bytes: file.kind === 'deleted' ? NOTHING : before,
            exact: exact || file.oldId === null,
          };
    case 'binary': {
      if (!exact) return { ok: false, reason: 'contentChanged' };
      const content = binaryContent(before, body.forward, maxInflated);
      if (content === null || content === 'tooLarge') return { ok: false, reason: content ?? 'corruptPatch' };
      bytes = content;
      break;
    }
    case 'text': {
      const outcome = applyHunks(before, body.hunks, exact);
      if (!outcome.ok) return exact ? { ok: false, reason: 'corruptPatch' } : outcome;
      bytes = outcome.bytes;
      break;
    }
  }
  if (file.kind === 'deleted' && bytes.length > 0) {
    return { ok: false, reason: exact ? 'corruptPatch' : 'contentChanged' };
  }
  if (exact && file.newId !== null && !isNullId(file.newId) && !matchesId(bytes, file.newId)) {
    return { ok: false, reason: 'corruptPatch' };
  }
  return { ok: true, bytes, exact };
}

/** Whether `current` is what the patch makes, by its id. */
export function isPostImage(current: Uint8Array, file: FilePatch): boolean {
  return file.newId !== null && !isNullId(file.newId) && matchesId(current, file.newId);
}

function binaryContent(
  before: Uint8Array,
  hunk: BinaryHunk,
  maxBytes: number,
): Uint8Array | 'tooLarge' | null {
  if (hunk.size > maxBytes) return 'tooLarge';
  let inflated: Buffer;
  try {
    // One byte more than promised is enough to see that the promise was false.
    inflated = inflateSync(hunk.deflated, { maxOutputLength: hunk.size + 1 });
  } catch {
    return null;
  }
  if (inflated.length !== hunk.size) return null;
  if (hunk.method === 'literal') return inflated;
  return deltaResultBytes(inflated) > maxBytes ? 'tooLarge' : applyDelta(before, inflated, maxBytes);
}

type HunksOutcome =
  { ok: true; bytes: Buffer } | { ok: false; reason: 'contextChanged' | 'tooCostly'; hunk: number };

function applyHunks(before: Uint8Array, hunks: Hunk[], exact: boolean): HunksOutcome {
  const source = Buffer.from(before.buffer, before.byteOffset, before.byteLength);
  const starts = lineStarts(source);
  const lineCount = starts.length - 1;
  const budget = { comparisons: MAX_COMPARISONS };
  const width = contextWidth(hunks);
  const parts: Uint8Array[] = [];
  let taken = 0;
  let drift = 0;

  for (const [index, hunk] of hunks.entries()) {
    const old = hunk.lines.filter((line) => line.op !== '+').map((line) => line.text);
    // "-5,0" means: after line 5.
    const stated = hunk.oldLines === 0 ? hunk.oldStart : hunk.oldStart - 1;
    let found: number | null;
    if (exact) {
      found = stated >= taken && matchesAt(source, starts, old, stated, budget) ? stated : null;
    } else {
      const anchors = anchorsOf(hunk, width);
      found = findLines(source, starts, old, stated + drift, taken, anchors, budget);
    }
    if (found === null) {
      return { ok: false, reason: budget.comparisons < 0 ? 'tooCostly' : 'contextChanged', hunk: index };
    }
    drift = found - stated;
    parts.push(source.subarray(starts[taken], starts[found]));
    for (const line of hunk.lines) if (line.op !== '-') parts.push(line.text);
    taken = found + old.length;
    // A line without its newline can only be the last.
    const last = hunk.lines.findLast((line) => line.op !== '-');
    const open = last !== undefined && last.text[last.text.length - 1] !== NEWLINE;
    if (open && (taken < lineCount || index < hunks.length - 1)) {
      return { ok: false, reason: 'contextChanged', hunk: index };
    }
    // Nor may lines be put behind a last line that has no newline.
    if (found > 0 && found === lineCount && source[source.length - 1] !== NEWLINE && old.length === 0) {
      return { ok: false, reason: 'contextChanged', hunk: index };
    }
  }
  parts.push(source.subarray(starts[taken], source.length));
  return { ok: true, bytes: Buffer.concat(parts) };
}

/** Where each line starts, and the end as a last element. */
function lineStarts(source: Buffer): number[] {
  const starts = [0];
  if (source.length === 0) return starts;
  for (let at = source.indexOf(NEWLINE); at >= 0; at = source.indexOf(NEWLINE, at + 1)) starts.push(at + 1);
  if (starts[starts.length - 1] !== source.length) starts.push(source.length);
  return starts;
}

interface Anchors {
  start: boolean;
  end: boolean;
}

/** How many context lines this patch was made with, as far as its hunks show. */
function contextWidth(hunks: Hunk[]): number {
  return hunks.reduce((width, hunk) => Math.max(width, leading(hunk), trailing(hunk)), 0);
}

/** A hunk with less context than others touched the file's start or end, and must still do so. */
function anchorsOf(hunk: Hunk, width: number): Anchors {
  const short = leading(hunk) < width || width === 0;
  return { start: hunk.oldStart <= 1 && short, end: trailing(hunk) === 0 };
}

function leading(hunk: Hunk): number {
  const first = hunk.lines.findIndex((line) => line.op !== ' ');
  return first < 0 ? hunk.lines.length : first;
}

function trailing(hunk: Hunk): number {
  return hunk.lines.length - 1 - hunk.lines.findLastIndex((line) => line.op !== ' ');
}

/** The place nearest to `wanted`, not before `from`, where all of `lines` stand; null when nowhere. */
function findLines(
  source: Buffer,
  starts: number[],
  lines: Uint8Array[],
  wanted: number,
  from: number,
  anchors: Anchors,
  budget: { comparisons: number },
): number | null {
  const lineCount = starts.length - 1;
  const last = lineCount - lines.length;
  const at = (place: number) => matchesAt(source, starts, lines, place, budget);
  if (anchors.start || anchors.end) {
    const place = anchors.start ? 0 : last;
    if (anchors.start && anchors.end && last !== 0) return null;
    return place >= from && at(place) ? place : null;
  }
  const near = Math.min(Math.max(wanted, from), last);
  for (let distance = 0; near - distance >= from || near + distance <= last; distance++) {
    if (near - distance >= from && at(near - distance)) return near - distance;
    if (distance > 0 && near + distance <= last && at(near + distance)) return near + distance;
    if (budget.comparisons < 0) return null;
  }
  return null;
}

function matchesAt(
  source: Buffer,
  starts: number[],
  lines: Uint8Array[],
  place: number,
  budget: { comparisons: number },
): boolean {
  if (place < 0 || place + lines.length > starts.length - 1) return false;
  for (let index = 0; index < lines.length; index++) {
    if (--budget.comparisons < 0) return false;
    const line = lines[index]!;
    const start = starts[place + index]!;
    const end = starts[place + index + 1]!;
    if (end - start !== line.length || source.compare(line, 0, line.length, start, end) !== 0) return false;
  }
  return true;
}
