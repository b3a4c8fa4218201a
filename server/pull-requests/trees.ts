/**
 * Which tree a pull request has: the sandbox's, byte for byte. Where the task began with local changes that are
 * to be left out, what the agent changed is put onto the person's commit without them.
 */
import { delicateOf } from '../../protocol/delicate.ts';
import { CodexError } from '../../protocol/errors.ts';
import type { FileChange } from '../../protocol/events.ts';
import type { RemoteRepos } from '../repos/remote-types.ts';
import type { Repos } from '../repos/repos.ts';
import type { PullRow } from './rows.ts';
import type { Source } from './source.ts';

type LocalChanges = PullRow['local_changes'];
type Of = Pick<Source, 'repo' | 'localChanges' | 'parent'> & { sha: string };

/** As many as a sentence can name. */
const PATHS_NAMED = 10;

/** Conflicts: paths of what was changed and lies on what is to be left out. */
export type Merged = { tree: string } | { conflicts: string[] };

interface Trees {
  base: string;
  ours: string;
  theirs: string;
}

/** Throws `CodexError` forgeConflicts. */
export async function publishedTree(repos: RemoteRepos, of: Of, how: LocalChanges): Promise<string> {
  return treeOf(await mergedForPull(repos, of, how));
}

export async function mergedForPull(
  repos: RemoteRepos,
  { repo, localChanges, parent, sha }: Of,
  how: LocalChanges,
): Promise<Merged> {
  const { repoId } = repo;
  const theirs = await repos.treeOf(repoId, sha);
  if (!localChanges || how === 'include') return { tree: theirs };
  const [base, ours] = await Promise.all([repos.treeOf(repoId, repo.sha), repos.treeOf(repoId, parent)]);
  return merge(repos, repoId, { base, ours, theirs });
}

/** Throws `CodexError` forgeConflicts; `branch` is where others have pushed to. */
export async function merged(
  repos: RemoteRepos,
  repoId: string,
  trees: Trees,
  branch: string,
): Promise<string> {
  return treeOf(await merge(repos, repoId, trees), branch);
}

/**
 * A change that a rename would carry into a file that runs by itself is a conflict: nobody has said yes to that file,
 * since the result has its old name.
 */
export async function merge(repos: RemoteRepos, repoId: string, trees: Trees): Promise<Merged> {
  if (trees.base === trees.ours) return { tree: trees.theirs };
  const made = await repos.mergeTrees(repoId, trees);
  if ('conflicts' in made) return made;
  const delicate = delicateOf(made.carried).map(({ path }) => path);
  return delicate.length > 0 ? { conflicts: delicate } : { tree: made.tree };
}

function treeOf(result: Merged, branch?: string): string {
  if ('tree' in result) return result.tree;
  throw new CodexError('forgeConflicts', {
    paths: namedPaths(result.conflicts),
    ...(branch === undefined ? {} : { branch }),
  });
}

function namedPaths(paths: readonly string[]): string {
  const named = paths.slice(0, PATHS_NAMED).join(', ');
  return paths.length > PATHS_NAMED ? `${named}, …` : named;
}

/** What would be seen as changed on the person's commit. */
export async function publishedFiles(
  repos: Repos,
  source: Source,
  how: LocalChanges,
  maxBytes: number,
): Promise<FileChange[]> {
  if (!source.localChanges || how === 'leaveOut') return source.files;
  return (await repos.patch(source.repo.repoId, source.parent, source.sha, maxBytes)).files;
}
