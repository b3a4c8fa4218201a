/** A file's change the other way round: what `git apply --reverse` does. */
import type { FilePatch, Hunk, PatchBody } from './types.ts';

const KINDS = { added: 'deleted', deleted: 'added', renamed: 'renamed' } as const;

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
