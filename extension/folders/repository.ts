/** A folder's git, by `client/git` and `client/snapshot`, as the extension needs it. */
import type { BackendConnection } from '../../client/connection/index.ts';
import { CodexError } from '../../protocol/errors.ts';
import type { ComposerFolder } from '../../protocol/pages.ts';
import type { RepoAtCommit } from '../../protocol/rpc.ts';
import type { z } from 'zod';
import type { Log } from '../platform/log.ts';

export interface FolderFacts {
  root: string;
  name: string;
  branch?: string;
  headSha?: string;
  changed: number;
  hints: string[];
}

export interface SendOptions {
  includeLocal: boolean;
  url: string;
  token: () => Promise<string>;
  onPush: () => void;
  log: Log;
}

export async function inspect(_folder: string): Promise<FolderFacts> {
  throw new CodexError('notBuilt', { feature: 'git' });
}

export function problemWords(_facts: FolderFacts): ComposerFolder['problem'] {
  return undefined;
}

export async function sendCommits(
  _connection: BackendConnection,
  _facts: FolderFacts,
  _options: SendOptions,
): Promise<z.input<typeof RepoAtCommit>> {
  throw new CodexError('notBuilt', { feature: 'git' });
}
