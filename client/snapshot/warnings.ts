/** What a person is told about a snapshot: a code and parameters, worded by `client/words`. */

export interface SnapshotWarning {
  code:
    | 'notIncluded'
    | 'embeddedRepository'
    | 'linkedWorktree'
    | 'submoduleChanges'
    | 'largeFile'
    | 'largeFiles'
    | 'shallowHistory'
    | 'conflicts';
  params: Record<string, string | number>;
}

/** A file of this size makes every task slow to start, and is often there by mistake. */
export const LARGE_FILE_BYTES = 50 * 1024 * 1024;
/** Named one by one up to here; then only their number. */
const NAMED = 20;

export function largeFileWarnings(files: readonly { path: string; bytes: number }[]): SnapshotWarning[] {
  const large = files.filter(({ bytes }) => bytes >= LARGE_FILE_BYTES);
  if (large.length <= NAMED) return large.map((params) => ({ code: 'largeFile', params: { ...params } }));
  const bytes = large.reduce((sum, file) => sum + file.bytes, 0);
  return [{ code: 'largeFiles', params: { count: large.length, bytes } }];
}
