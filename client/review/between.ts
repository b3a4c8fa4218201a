/** From some bytes to others as one file's patch: what `git diff -U0` would say, for changes that we make ourselves. */
import { blobId } from '../patch/blob.ts';
import type { FilePatch, Hunk, WirePath } from '../patch/types.ts';
import { comparing } from './text.ts';
import type { LineRange } from './types.ts';
import { finishInSlices, type Work } from './work.ts';

/** `null`: there is no file on that side; `mode` is what it is made with. */
export async function patchBetween(
  path: WirePath,
  before: Uint8Array | null,
  after: Uint8Array | null,
  mode: string,
): Promise<FilePatch> {
  return finishInSlices(between(path, before, after, mode));
}

function* between(
  path: WirePath,
  before: Uint8Array | null,
  after: Uint8Array | null,
  mode: string,
): Work<FilePatch> {
  const newId = after === null ? null : blobId(after);
  const file: FilePatch = {
    kind: before === null ? 'added' : after === null ? 'deleted' : 'modified',
    oldPath: path,
    newPath: path,
    // A change of lines says nothing of the mode, which stays as it is.
    oldMode: before !== null && after === null ? mode : null,
    newMode: before === null ? mode : null,
    oldId: before === null ? '0'.repeat(newId?.length ?? 40) : blobId(before),
    newId: newId ?? '0'.repeat(40),
    similarity: null,
    body: { type: 'none' },
  };
  if (after === null || (before === null && after.length === 0)) return file;
  const { hunks } = yield* comparing(before ?? new Uint8Array(), after, '');
  if (hunks.length === 0) return file;
  return {
    ...file,
    body: {
      type: 'text',
      hunks: hunks.map(({ old, new: now, removed, added }): Hunk => ({
        ...{ oldStart: startOf(old), oldLines: old.count, newStart: startOf(now), newLines: now.count },
        section: null,
        lines: [
          ...removed.map((text) => ({ op: '-' as const, text })),
          ...added.map((text) => ({ op: '+' as const, text })),
        ],
      })),
    },
  };
}

/** Lines are counted from 1, and no lines stand after the one before them. */
function startOf({ start, count }: LineRange): number {
  return count === 0 ? start : start + 1;
}
