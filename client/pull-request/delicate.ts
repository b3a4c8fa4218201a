/**
 * Files of a result that run by themselves somewhere, or bring in other code: a pull request with them needs a
 * second yes. The key names exactly these files as they are in the result, so that a yes holds for nothing else.
 */
import { createHash } from 'node:crypto';
import type { FileChange } from '../../protocol/events.ts';
import type { DelicateFile } from '../../protocol/pull-request.ts';
import { selfRunningKind } from '../../protocol/self-running.ts';
import type { Patch } from '../patch/types.ts';

const SUBMODULE = '160000';
const SYMLINK = '120000';

type Changed = Pick<FileChange, 'path' | 'oldMode' | 'newMode'> & { from?: FileChange['path'] | undefined };

/** Of a patch itself: a list of files may be cut. */
export function delicateInPatch({ files }: Patch): DelicateFile[] {
  const changed = files.map(({ oldPath, newPath, oldMode, newMode }) => ({
    ...{ path: newPath, from: oldPath, oldMode: oldMode ?? '', newMode: newMode ?? '' },
  }));
  const found = new Map(delicateFiles(changed).map((one) => [one.path, one]));
  return [...found.values()];
}

export function delicateFiles(files: readonly Changed[]): DelicateFile[] {
  return files.flatMap((file) => {
    const why = whyOf(file);
    return why === null ? [] : [{ path: file.path.path, why }];
  });
}

export function delicateKeyOf(resultSha256: string, files: readonly DelicateFile[]): string | undefined {
  if (files.length === 0) return undefined;
  const text = JSON.stringify([resultSha256, files.map(({ path, why }) => [path, why])]);
  return createHash('sha256').update(text).digest('hex');
}

function whyOf(file: Changed): DelicateFile['why'] | null {
  const path = file.path.path.toLowerCase();
  if (file.oldMode === SUBMODULE || file.newMode === SUBMODULE || /(^|\/)\.gitmodules$/.test(path))
    return 'submodule';
  if (/^(\.github\/|\.gitlab\/|docs\/)?codeowners$/.test(path)) return 'codeowners';
  const symlink = file.oldMode === SYMLINK || file.newMode === SYMLINK;
  const paths = file.from ? [file.path, file.from] : [file.path];
  return paths.map((one) => selfRunningKind(one, symlink)).find((kind) => kind !== null) ?? null;
}
