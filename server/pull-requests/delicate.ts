/** The second yes to files that run by themselves, or bring in other code: what it names, and whether it was given. */
import { createHash } from 'node:crypto';
import { CodexError } from '../../protocol/errors.ts';
import type { DelicateFile } from '../../protocol/pull-request.ts';

/** As many as a sentence can name. */
const PATHS_NAMED = 5;

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
