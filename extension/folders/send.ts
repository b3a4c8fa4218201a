/** The commits of a folder to the backend: a snapshot, where to, a push only if it is not there yet. */
import { addressesOf } from '../../client/connection/addresses.ts';
import type { BackendConnection } from '../../client/connection/index.ts';
import { sendSnapshot } from '../../client/snapshot/send.ts';
import { takeSnapshot } from '../../client/snapshot/snapshot.ts';
import type { SnapshotWarning } from '../../client/snapshot/warnings.ts';
import type { RepoAtCommit } from '../../protocol/rpc.ts';
import { t } from '../platform/words.ts';
import type { Sendable } from './repository.ts';

export interface SendOptions {
  includeLocal: boolean;
  /** Of the backend. */
  url: string;
  token: string;
  onPush: () => void;
}

export interface Sent {
  repo: RepoAtCommit;
  warnings: SnapshotWarning[];
}

export async function sendCommits(
  connection: BackendConnection,
  facts: Sendable,
  { includeLocal, url, token, onPush }: SendOptions,
): Promise<Sent> {
  const snapshot = await takeSnapshot(facts.root, { includeLocal });
  try {
    const repo = await sendSnapshot(connection, snapshot, {
      name: facts.name,
      remote: facts.kind === 'notGit' ? null : facts.remote,
      token,
      url: (path) => addressesOf(url).http(path),
      onPush,
    });
    return { repo, warnings: snapshot.warnings };
  } finally {
    await snapshot.dispose();
  }
}

/** One sentence for what a person should know; empty when there is nothing. */
export function snapshotWarningWords(warnings: readonly SnapshotWarning[]): string {
  const first = warnings.find(({ code }) => code !== 'shallowHistory' && code !== 'linkedWorktree');
  if (!first) return '';
  const more = warnings.length > 1 ? ` ${t('The log names all.')}` : '';
  return wordsOf(first) + more;
}

function wordsOf({ code, params }: SnapshotWarning): string {
  const path = String(params['path'] ?? '');
  switch (code) {
    case 'notIncluded':
      return t('{path} was not sent.', { path });
    case 'embeddedRepository':
      return t('{path} is a repository of its own and was not sent.', { path });
    case 'linkedWorktree':
      return t('{path} is a linked worktree and was not sent.', { path });
    case 'submoduleChanges':
      return t('Changes inside the submodule {path} were not sent.', { path });
    case 'largeFile':
      return t('{path} is large; each task takes longer to start with it.', { path });
    case 'largeFiles':
      return t('{count} files are large; each task takes longer to start with them.', {
        count: params['count'] ?? 0,
      });
    case 'shallowHistory':
      return t('The history before this clone was not sent.');
    case 'conflicts':
      return t('Files with merge conflicts were sent as they are on disk.');
  }
}
