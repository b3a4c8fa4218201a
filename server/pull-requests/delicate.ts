/** Which files of a result need a second yes before they leave: they run by themselves, or bring in other code. Pure. */
import { createHash } from 'node:crypto';
import { CodexError } from '../../protocol/errors.ts';
import type { FileChange } from '../../protocol/events.ts';
import type { DelicateFile } from '../../protocol/pull-request.ts';
import { selfRunningKind } from '../../protocol/self-running.ts';

const SUBMODULE = '160000';
const SYMLINK = '120000';
/** As many as a sentence can name. */
const PATHS_NAMED = 5;

/** By path; the old name of a file that is renamed counts, too. */
export function delicateOf(files: readonly FileChange[]): DelicateFile[] {
  const found = new Map<string, DelicateFile>();
  for (const file of files) {
    const submodule = file.oldMode === SUBMODULE || file.newMode === SUBMODULE;
    const symlink = file.oldMode === SYMLINK || file.newMode === SYMLINK;
    for (const path of file.from ? [file.path, file.from] : [file.path]) {
      const why = submodule ? 'submodule' : whyOf(path.path, symlink);
      if (why !== null) found.set(path.path, { path: path.path, why });
    }
  }
  return [...found.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

function whyOf(path: string, symlink: boolean): DelicateFile['why'] | null {
  const lower = path.toLowerCase();
  if (/(^|\/)\.gitmodules$/.test(lower)) return 'submodule';
  if (/^(\.github\/|\.gitlab\/|docs\/)?codeowners$/.test(lower)) return 'codeowners';
  return selfRunningKind({ path }, symlink);
}

/** Names these files as they are in this tree: another result needs another yes. */
export function delicateKey(files: readonly DelicateFile[], tree: string): string | undefined {
  if (files.length === 0) return undefined;
  const hash = createHash('sha256').update(tree);
  for (const { path, why } of files) hash.update(`\0${why}\0${path}`);
  return hash.digest('hex').slice(0, 40);
}

/** Throws `CodexError` forgeNotConfirmed. */
export function checkConfirmed(
  files: readonly DelicateFile[],
  tree: string,
  confirmed: string | undefined,
): void {
  if (files.length === 0 || confirmed === delicateKey(files, tree)) return;
  const named = files.slice(0, PATHS_NAMED).map(({ path }) => path);
  const paths = files.length > PATHS_NAMED ? [...named, '…'] : named;
  throw new CodexError('forgeNotConfirmed', { count: files.length, paths: paths.join(', ') });
}
