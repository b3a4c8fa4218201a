/** Names of refs at a forge: as git allows them, and nothing that could be taken for something else. */
import { isBranchName, refNameProblem } from '../../protocol/branch-name.ts';
import { CodexError } from '../../protocol/errors.ts';

const REF_BYTES = 1024;
const ID = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

export function isCommitId(text: string): boolean {
  return ID.test(text);
}

/** `refs/…`, or `HEAD`. */
export function checkRefName(name: string): string {
  const isFull = name === 'HEAD' || (name.startsWith('refs/') && Buffer.byteLength(name) <= REF_BYTES);
  if (!isFull || refNameProblem(name) !== null) throw new CodexError('badRequest', { field: 'ref' });
  return name;
}

/** Without `refs/heads/`. */
export function checkBranchName(name: string): string {
  if (!isBranchName(name)) throw new CodexError('badRequest', { field: 'branch' });
  return name;
}
