/**
 * Files of a result that need a second yes (`protocol/delicate.ts`), where the person's own git pushes it. The key
 * names exactly these files as they are in the result, so that a yes holds for nothing else.
 */
import { createHash } from 'node:crypto';
import { delicateOf } from '../../protocol/delicate.ts';
import type { DelicateFile } from '../../protocol/pull-request.ts';
import type { Patch } from '../patch/types.ts';

/** Of a patch itself: a list of files may be cut. */
export function delicateInPatch({ files }: Patch): DelicateFile[] {
  return delicateOf(
    files.map(({ oldPath, newPath, oldMode, newMode }) => ({
      ...{ path: newPath, from: oldPath, oldMode: oldMode ?? '', newMode: newMode ?? '' },
    })),
  );
}

export function delicateKeyOf(patch: Uint8Array, files: readonly DelicateFile[]): string | undefined {
  if (files.length === 0) return undefined;
  const text = JSON.stringify(files.map(({ path, why }) => [path, why]));
  return createHash('sha256').update(patch).update(text).digest('hex');
}
