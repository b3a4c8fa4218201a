/**
 * Commits that a client is about to push, fetched from the forge first, so that only what the forge does not have
 * needs to be sent. It is a try: whatever goes wrong, or takes too long, the commits are not here, as before.
 */
import { FORGE_READ_MS } from '../../protocol/limits.ts';
import type { RemoteRepos } from '../repos/remote-types.ts';
import type { Repos } from '../repos/repos.ts';
import type { Forges } from './forge.ts';
import { remoteOf } from './remote.ts';

export interface FetchCommitsParts {
  forges: Pick<Forges, 'ofRemote'>;
  repos: Pick<Repos, 'hasCommit'> & Pick<RemoteRepos, 'fetchFrom'>;
  /** Default: FORGE_READ_MS. */
  withinMs?: number;
}

export interface WantedCommits {
  repoId: string;
  remote: string | null;
  /** In the order in which they are tried: one that is behind another brings most of it along. */
  commits: readonly string[];
}

export type FetchCommits = (wanted: WantedCommits) => Promise<void>;

/** Never rejects. */
export function createFetchCommits({
  forges,
  repos,
  withinMs = FORGE_READ_MS,
}: FetchCommitsParts): FetchCommits {
  return async ({ repoId, remote, commits }) => {
    if (remote === null) return;
    const over = Promise.withResolvers<void>();
    const stop = new AbortController();
    const timer = setTimeout(() => {
      stop.abort();
      over.resolve();
    }, withinMs);
    const work = async (): Promise<void> => {
      const repo = await forges.ofRemote(remote);
      if (repo === null) return;
      const missing = await withoutThose(commits, (sha) => repos.hasCommit(repoId, sha));
      if (missing.length === 0 || stop.signal.aborted) return;
      const from = await remoteOf(repo, 'read');
      for (const sha of missing) {
        // One at a time: a commit that the forge does not have makes the fetch of all fail.
        if (stop.signal.aborted) return;
        if (await repos.hasCommit(repoId, sha)) continue;
        await repos.fetchFrom(repoId, from, [sha], stop.signal).catch(() => undefined);
      }
    };
    try {
      await Promise.race([work().catch(() => undefined), over.promise]);
    } finally {
      clearTimeout(timer);
    }
  };
}

async function withoutThose(
  commits: readonly string[],
  isHere: (sha: string) => Promise<boolean>,
): Promise<string[]> {
  const missing: string[] = [];
  for (const sha of new Set(commits)) if (!(await isHere(sha))) missing.push(sha);
  return missing;
}
