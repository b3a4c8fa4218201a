/** Names of refs at a forge: git's rules (git-check-ref-format), and nothing that could be taken for something else. */
import { CodexError } from '../../protocol/errors.ts';

/** As long as a file's name may be, with `.lock` behind it; the same as `BranchName`. */
const BRANCH_BYTES = 244;
const REF_BYTES = 1024;

const NOWHERE = /[\x00-\x20\x7f~^:?*[\\]|\.\.|@\{|\/\/|(?:^|\/)\.|\.lock(?:\/|$)|[/.]$/;
const ID = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

export function isCommitId(text: string): boolean {
  return ID.test(text);
}

/** `refs/…`, or `HEAD`. */
export function checkRefName(name: string): string {
  const isFull = name === 'HEAD' || (name.startsWith('refs/') && Buffer.byteLength(name) <= REF_BYTES);
  if (!isFull || NOWHERE.test(name)) throw new CodexError('badRequest', { field: 'ref' });
  return name;
}

/** Without `refs/heads/`; one that begins so is a mistake of somebody's, not a name. */
export function checkBranchName(name: string): string {
  const isOdd = name === '' || name === '@' || name === 'HEAD' || /^(?:-|\/|refs\/)/.test(name);
  if (isOdd || NOWHERE.test(name) || Buffer.byteLength(name) > BRANCH_BYTES || !name.isWellFormed())
    throw new CodexError('badRequest', { field: 'branch' });
  return name;
}
