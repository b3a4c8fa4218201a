/**
 * A snapshot to the backend: where to, what of it is there already, one push of the rest.
 *
 * The default branch's commit goes along, since a task may be prepared from it. It must never keep a task
 * from starting: what can't be sent with it is sent without it.
 */
import { CodexError, type ErrorCode } from '../../protocol/errors.ts';
import type { RepoAtCommit } from '../../protocol/rpc.ts';
import type { BackendConnection } from '../connection/index.ts';
import { folderKey } from '../git/folder.ts';
import { pushCommits, type PushOptions } from './push.ts';
import type { Snapshot } from './snapshot.ts';

export interface SendOptions {
  /** As the sandbox will call it. */
  name: string;
  remote: string | null;
  token: string;
  /** The address for what the backend names as a path. */
  url: (pushPath: string) => string;
  /** Before anything is sent. */
  onPush?: () => void;
  signal?: AbortSignal;
}

/** Throws what `pushCommits` throws, and what the backend answers. */
export async function sendSnapshot(
  connection: Pick<BackendConnection, 'call'>,
  snapshot: Snapshot,
  { name, remote, token, url, onPush, signal }: SendOptions,
): Promise<RepoAtCommit> {
  const { root, sha, headSha, branch, includesLocal, defaultSha, gitEnv } = snapshot;
  const { repoId, pushPath, hasCommit, hasDefault } = await connection.call(
    'repo.resolve',
    {
      name,
      remote,
      folder: await folderKey(root),
      sha,
      ...(includesLocal && headSha !== null ? { headSha } : {}),
      ...(defaultSha === null ? {} : { defaultSha }),
    },
    signal,
  );
  // A backend that does not know of it says nothing, and has no use for it.
  const missing = defaultSha !== null && hasDefault === false ? [defaultSha] : [];
  const wanted = hasCommit ? [] : [sha, ...(headSha === null ? [] : [headSha])];
  let isDefaultThere = hasDefault === true;
  if (wanted.length + missing.length > 0) {
    onPush?.();
    const to = { root, url: url(pushPath), token, gitEnv, ...(signal ? { signal } : {}) };
    isDefaultThere ||= missing.length > 0 && (await triesToPush(to, [...wanted, ...missing]));
    if (wanted.length > 0 && !(missing.length > 0 && isDefaultThere))
      await pushCommits({ ...to, commits: wanted });
  }
  return {
    repoId,
    name,
    sha,
    includesLocal,
    ...(branch === null ? {} : { branch }),
    ...(includesLocal && headSha !== null ? { headSha } : {}),
    ...(defaultSha !== null && isDefaultThere ? { defaultSha } : {}),
  };
}

/** Of what the default branch's history may bring about, and a push without it may not. */
const BY_ITS_HISTORY: ReadonlySet<ErrorCode> = new Set(['pushRefused', 'pushTooLarge', 'gitFailed']);

async function triesToPush(to: Omit<PushOptions, 'commits'>, commits: readonly string[]): Promise<boolean> {
  try {
    await pushCommits({ ...to, commits });
    return true;
  } catch (error) {
    if (error instanceof CodexError && BY_ITS_HISTORY.has(error.code)) return false;
    throw error;
  }
}
