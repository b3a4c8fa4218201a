/**
 * Which files of a result need a second yes before they leave: they run by themselves, bring in other code, or say
 * who has to look. The backend asks for that yes and so does a client that pushes with the person's own git. Pure.
 */
import type { FileChange, WirePath } from './events.ts';
import type { DelicateFile } from './pull-request.ts';
import { asFound, selfRunningKind } from './self-running.ts';

const SUBMODULE = '160000';
const SYMLINK = '120000';

export type ChangedFile = Pick<FileChange, 'path' | 'oldMode' | 'newMode'> & {
  /** Of a renamed or copied file. */
  from?: WirePath | undefined;
};

/** By path, each once; the old name of a file that is renamed counts, too. */
export function delicateOf(files: readonly ChangedFile[]): DelicateFile[] {
  const found = new Map<string, DelicateFile>();
  for (const file of files) {
    const submodule = file.oldMode === SUBMODULE || file.newMode === SUBMODULE;
    const symlink = file.oldMode === SYMLINK || file.newMode === SYMLINK;
    for (const path of file.from ? [file.path, file.from] : [file.path]) {
      const why = submodule ? 'submodule' : whyOf(path, symlink);
      if (why !== null) found.set(path.path, { path: path.path, why });
    }
  }
  return [...found.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

function whyOf(path: WirePath, symlink: boolean): DelicateFile['why'] | null {
  const text = asFound(path);
  if (/(^|\/)\.gitmodules$/.test(text)) return 'submodule';
  if (/^(\.github\/|\.gitlab\/|docs\/)?codeowners$/.test(text)) return 'codeowners';
  return selfRunningKind(path, symlink);
}
