/**
 * How strictly objects from outside are checked, as git's `fsck` message levels.
 *
 * Strict mode makes an error of every warning. What could do harm stays one: entries named `.git`
 * (also as HFS+ and NTFS would read it), `.`, `..` or empty, slashes in names, duplicate or unsorted
 * entries, null ids, and `.gitmodules` or `.gitattributes` that attack who clones them.
 */

/**
 * Let through in pushes: oddities in the headers of old commits and tags, and in the notation of
 * file modes, as old git and importers wrote them into repositories that are in daily use. Nobody
 * can mend them without rewriting history, and they are only text or a number to us.
 */
const OLD_HISTORY = [
  'badDate',
  'badDateOverflow',
  'badEmail',
  'badFilemode',
  'badName',
  'badTagName',
  'badTimezone',
  'gitmodulesParse',
  'missingEmail',
  'missingNameBeforeEmail',
  'missingSpaceBeforeDate',
  'missingSpaceBeforeEmail',
  'missingTaggerEntry',
  'multipleAuthors',
  'nulInCommit',
  'zeroPaddedDate',
  'zeroPaddedFilemode',
] as const;

/** `-c` settings for `receive-pack`. */
export const RECEIVE_FSCK_CONFIG: readonly string[] = [
  'receive.fsckObjects=true',
  ...OLD_HISTORY.map((id) => `receive.fsck.${id}=ignore`),
];

/** The same for `index-pack`, of what is fetched from a forge. */
export const FETCH_INDEX_STRICTNESS = `--strict=${OLD_HISTORY.map((id) => `${id}=ignore`).join(',')}`;

/**
 * For a result: its objects were written a moment ago by a git of ours, so nothing old is in them.
 * One exception: the tree of an old folder with zero-padded modes may be taken over as it is.
 */
export const RESULT_INDEX_STRICTNESS = '--strict=zeroPaddedFilemode=ignore,gitmodulesParse=ignore';
