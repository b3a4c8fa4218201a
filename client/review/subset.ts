/**
 * Some parts of a patch as a patch of their own. It is made from the patch alone: what is not chosen
 * stays as the base has it, removed lines as context, added ones left out. All parts chosen give the
 * patch back byte for byte.
 */
import type { FilePatch, Hunk, HunkLine, Patch, PatchBody } from '../patch/types.ts';
import { firstLine } from './hunks.ts';
import type { ReviewFile, ReviewHunk, WholePart } from './types.ts';

export interface Subset {
  patch: Patch;
  /** Chosen but left out: what they need was not chosen. */
  left: string[];
}

/**
 * `files`: of `reviewOf(patch)`, with hunks split or not. `present`: what is in the files already and
 * stays there, so that nothing needs it any more and a renamed file is found at its new name; to take
 * parts out, take the `reversedPatch` of the subset of them with all others present. Lines are those of the base: hunks
 * of a file that holds some of them are put in and taken out by `change`.
 */
export function subsetOf(
  patch: Patch,
  files: readonly ReviewFile[],
  chosen: Iterable<string>,
  present: ReadonlySet<string> = new Set(),
): Subset {
  const wanted = new Set(chosen);
  const items = files.flatMap((file) => [...file.whole, ...file.hunks]).filter(({ id }) => wanted.has(id));
  const left: string[] = [];
  for (let before = -1; before !== left.length;) {
    before = left.length;
    for (const { id, needs } of items) {
      if (needs.every((other) => wanted.has(other) || present.has(other))) continue;
      if (wanted.delete(id)) left.push(id);
    }
  }
  return {
    patch: { quotePath: patch.quotePath, files: files.flatMap((file) => partsOf(file, wanted, present)) },
    left,
  };
}

function partsOf(review: ReviewFile, wanted: ReadonlySet<string>, present: ReadonlySet<string>): FilePatch[] {
  const whole = review.whole.filter(({ id }) => wanted.has(id));
  const hunks = review.hunks.filter(({ id }) => wanted.has(id));
  if (whole.length + hunks.length === 0) return [];
  if (whole.length === review.whole.length && hunks.length === review.hunks.length) return review.parts;
  const there = review.whole.filter(({ id }) => present.has(id));
  return [partly(review, kindsOf(whole), hunks, kindsOf(there))];
}

type Kinds = ReadonlySet<WholePart['what']>;

function kindsOf(parts: readonly WholePart[]): Kinds {
  return new Set(parts.map(({ what }) => what));
}

function partly(review: ReviewFile, whole: Kinds, hunks: ReviewHunk[], present: Kinds): FilePatch {
  const file = review.parts[0]!;
  const isMove = (kinds: Kinds) => kinds.has('renamed') || kinds.has('copied');
  const moves = isMove(whole);
  const body = bodyOf(review, whole, hunks);
  const added = file.kind === 'added';
  const oldPath = isMove(present) ? file.newPath : file.oldPath;
  const oldMode = present.has('mode') ? file.newMode : file.oldMode;
  const empty = body.type === 'none';
  return {
    kind: moves || added ? file.kind : empty ? 'modeChanged' : 'modified',
    oldPath,
    newPath: moves || added ? file.newPath : oldPath,
    oldMode,
    newMode: added || whole.has('mode') ? file.newMode : oldMode,
    // The old id still says what the lines were made from; a new one would have to be computed.
    oldId: empty ? null : file.oldId,
    newId: empty || body !== file.body ? null : file.newId,
    similarity: moves && (empty || body === file.body) ? similarityOf(file, body) : null,
    body,
  };
}

function similarityOf(file: FilePatch, body: PatchBody): FilePatch['similarity'] {
  return body.type === 'none' ? { word: 'similarity', percent: 100 } : file.similarity;
}

/** The very same object when it is complete. */
function bodyOf(review: ReviewFile, whole: Kinds, hunks: ReviewHunk[]): PatchBody {
  const { body } = review.parts[0]!;
  if (review.hunks.length === 0) {
    const content = whole.has('content') || whole.has('link') || whole.has('submodule') || whole.has('added');
    return content ? body : { type: 'none' };
  }
  if (body.type !== 'text' || hunks.length === review.hunks.length) return body;
  return hunks.length === 0
    ? { type: 'none' }
    : { type: 'text', hunks: chosenHunks(body.hunks, review.hunks, hunks) };
}

function chosenHunks(
  all: readonly Hunk[],
  parts: readonly ReviewHunk[],
  chosen: readonly ReviewHunk[],
): Hunk[] {
  const groups = new Map<number, ReviewHunk[]>();
  for (const part of parts) {
    const known = groups.get(part.group);
    if (known) known.push(part);
    else groups.set(part.group, [part]);
  }
  const wanted = new Set(chosen.map(({ id }) => id));
  const result: Hunk[] = [];
  let group = -1;
  let growth = 0;
  for (const hunk of all) {
    const lines: HunkLine[] = [];
    let inside = false;
    for (const line of hunk.lines) {
      if (line.op === ' ') lines.push(line);
      else if (!inside) lines.push(...stretch(groups.get(++group) ?? [], wanted));
      inside = line.op !== ' ';
    }
    if (lines.every(({ op }) => op === ' ')) continue;
    const newLines = lines.filter(({ op }) => op !== '-').length;
    const start = firstLine(hunk.oldStart, hunk.oldLines) + growth;
    result.push({ ...hunk, newStart: newLines === 0 ? start : start + 1, newLines, lines });
    growth += newLines - hunk.oldLines;
  }
  return result;
}

/** What stands in a hunk for one stretch of changed lines, with removed before added as git has it. */
function stretch(parts: readonly ReviewHunk[], wanted: ReadonlySet<string>): HunkLine[] {
  const lines: HunkLine[] = [];
  let added: HunkLine[] = [];
  for (const part of parts) {
    const removed = part.removed.map((text): HunkLine => ({ op: wanted.has(part.id) ? '-' : ' ', text }));
    if (!wanted.has(part.id) && removed.length > 0) {
      lines.push(...added);
      added = [];
    }
    lines.push(...removed);
    if (wanted.has(part.id)) added.push(...part.added.map((text): HunkLine => ({ op: '+', text })));
  }
  lines.push(...added);
  return lines;
}
