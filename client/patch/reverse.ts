/** A change the other way round: what `git apply --reverse` does. */
import type { FilePatch, Hunk, Patch, PatchBody } from './types.ts';

const KINDS = { added: 'deleted', deleted: 'added', renamed: 'renamed' } as const;

/** null when one of the files has no way back. */
export function reversedPatch(patch: Patch): Patch | null {
  // From the end, so that what takes a place again comes after what makes room for it.
  const files = patch.files.toReversed().map(reversed);
  return files.includes(null) ? null : { ...patch, files: files.filter((file) => file !== null) };
}

/**
 * null where the patch does not hold enough: a copy (only its source is named), a binary without the
 * data of the way back.
 */
export function reversed(file: FilePatch): FilePatch | null {
  const body = reversedBody(file.body);
  if (body === null || file.kind === 'copied') return null;
  return {
    ...file,
    kind: file.kind === 'modified' || file.kind === 'modeChanged' ? file.kind : KINDS[file.kind],
    oldPath: file.newPath,
    newPath: file.oldPath,
    oldMode: file.newMode,
    newMode: file.oldMode,
    oldId: file.newId,
    newId: file.oldId,
    body,
  };
}

function reversedBody(body: PatchBody): PatchBody | null {
  switch (body.type) {
    case 'none':
    case 'binaryWithoutContent':
      return body;
    case 'text':
      return { type: 'text', hunks: body.hunks.map(reversedHunk) };
    case 'binary':
      return body.reverse && { type: 'binary', forward: body.reverse, reverse: body.forward };
  }
}

function reversedHunk(hunk: Hunk): Hunk {
  return {
    ...hunk,
    oldStart: hunk.newStart,
    oldLines: hunk.newLines,
    newStart: hunk.oldStart,
    newLines: hunk.oldLines,
    lines: hunk.lines.map(({ op, text }) => ({ op: op === ' ' ? op : op === '+' ? '-' : '+', text })),
  };
}
