/**
 * From the person's folder to a commit that the backend has: look at the folder, decide what the task
 * starts from, push it. Nothing of the person's is touched or staged.
 */
import { inspectFolder } from '../../client/git/folder.ts';
import { sendSnapshot } from '../../client/snapshot/send.ts';
import { takeSnapshot } from '../../client/snapshot/snapshot.ts';
import { warningWords } from '../../client/words/index.ts';
import { CodexError } from '../../protocol/errors.ts';
import type { RepoAtCommit } from '../../protocol/rpc.ts';
import type { Backend } from '../backend.ts';
import type { RunOptions } from './options.ts';
import type { Output } from './output.ts';

export interface Folder {
  root: string;
  name: string;
  remote: string | null;
  ref: string | null;
  includeLocal: boolean;
  /** What a person should know about what is sent and what is not. */
  notes: string[];
}

/** Throws `CodexError` when no task can start from it. */
export async function lookAtFolder(
  options: Pick<RunOptions, 'repo' | 'ref' | 'includeLocal'>,
): Promise<Folder> {
  const { ref, includeLocal } = options;
  const found = await inspectFolder(options.repo);
  switch (found.kind) {
    case 'missing':
      throw new CodexError('folderMissing', { folder: options.repo });
    case 'gitMissing':
      throw new CodexError('gitMissing');
    case 'noWorkTree':
    case 'foreignOwner':
      throw new CodexError(found.kind, { folder: found.root });
    case 'notGit':
    case 'noCommits': {
      // All that there is is local: it goes only when that was asked for.
      if (!includeLocal) throw new CodexError(found.kind, { folder: found.root });
      const { root, name } = found;
      return { root, name, remote: null, ref: null, includeLocal, notes: [`Folder: ${root}, as it is now`] };
    }
    case 'repository': {
      const { root, name, remote } = found;
      const from = ref ?? found.branch ?? `${found.headSha.slice(0, 10)} (detached HEAD)`;
      const local = includeLocal && found.dirty;
      const notes = [`Repository: ${name} at ${from}${local ? ', with local changes' : ''}`];
      if (found.dirty && !includeLocal && ref === null) {
        notes.push('Local changes are not sent; --include-local sends them.');
      }
      if (found.hasSubmodules) notes.push('Submodules are left out.');
      return { root, name, remote, ref, includeLocal, notes };
    }
  }
}

/** Snapshot and push; what is there already is not sent again. */
export async function sendCommit(
  folder: Folder,
  backend: Backend,
  output: Pick<Output, 'note' | 'warn'>,
  signal: AbortSignal,
): Promise<RepoAtCommit> {
  const { root, name, remote, ref, includeLocal } = folder;
  const snapshot = await takeSnapshot(root, { includeLocal, signal, ...(ref === null ? {} : { ref }) });
  try {
    for (const { code, params } of snapshot.warnings) output.warn(warningWords(code, params));
    return await sendSnapshot(backend.connection, snapshot, {
      name,
      remote,
      token: backend.where().token,
      // Asked for when it is needed: it may have come back on another port by then.
      url: (path) => backend.where().url + path,
      signal,
    });
  } finally {
    await snapshot.dispose();
  }
}
