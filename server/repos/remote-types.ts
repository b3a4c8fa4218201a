/** What `Repos` does with repositories elsewhere. The only git calls of the backend that reach out. */
import type { ChangedFile } from '../../protocol/delicate.ts';
import type { Author } from '../../protocol/pull-request.ts';

/** The password stays in this process: it is in no argument, variable, file or error, and git never gets it. */
export interface RemoteRepo {
  /** `https://…` (or `http://` where the owner's configuration says so), without a credential. */
  url: string;
  host: string;
  /** Whether it may be on this machine. */
  loopback: boolean;
  credential?: { username: string; password: string };
  /** Another one than was just refused; the same where there is no other. */
  renewed?: (refused: string) => Promise<{ username: string; password: string }>;
}

export interface NewCommit {
  tree: string;
  parents: readonly string[];
  author: Author;
  /** Milliseconds since 1970: the same content makes the same commit, so that a try can be repeated. */
  at: number;
  message: string;
}

/** `carried`: files that only the renames of one side have brought the other's changes to. */
export type MergedTrees = { tree: string; carried: ChangedFile[] } | { conflicts: string[] };

export interface RemoteRepos {
  /** `ls-remote` of these full ref names (a pattern may end in `*`); throws `forge…` errors. */
  remoteRefs(remote: RemoteRepo, refs: readonly string[], signal?: AbortSignal): Promise<Map<string, string>>;
  /**
   * Fetches full ref names or commit ids into the trusted repository, kept by refs of `taskId`, or of nobody until
   * a task begins there (`sweepRefs`); strict as a push
   * from a client is, capped by `pushBytes`, without submodules, tags and LFS. Returns the commits in order. Throws forgeBranchGone,
   * commitMissing, limitReached (`pushBytes`), forgeGarbage (also for objects that no git should have), …
   */
  fetchFrom(
    repoId: string,
    remote: RemoteRepo,
    wanted: readonly string[],
    signal?: AbortSignal,
    taskId?: string,
  ): Promise<string[]>;
  /**
   * Sets `refs/heads/<branch>` to a commit that is here, never by force: `expected` is what stands there now
   * (null: nothing), and the new commit must follow from it. Nothing is done when it is there already, so that a
   * try whose end was not heard can be repeated. `beside`: another branch that has to be there; nothing is pushed into
   * an empty repository, whose default branch that would be. Throws forgeBranchMoved, forgeBranchGone, forgePushRefused
   * (`reason`, of a protected branch `protectedBranch`, of a file that is too large `path`), forgeUnauthorized,
   * forgeForbidden, forgeRepoUnknown (also for a repository that was renamed), forgeUnavailable, …
   */
  pushTo(
    repoId: string,
    remote: RemoteRepo,
    to: { branch: string; sha: string; expected: string | null; beside?: string },
    signal?: AbortSignal,
  ): Promise<void>;
  treeOf(repoId: string, commit: string): Promise<string>;
  /** Kept from being collected by a ref of the task. */
  makeCommit(repoId: string, taskId: string, commit: NewCommit): Promise<string>;
  /** Three trees as one, without a working tree; renames are followed. */
  mergeTrees(repoId: string, trees: { base: string; ours: string; theirs: string }): Promise<MergedTrees>;
  /** Commits of `to` that `from` does not reach (ahead), and the other way round (behind). */
  distance(repoId: string, from: string, to: string): Promise<{ ahead: number; behind: number }>;
  isAncestor(repoId: string, one: string, of: string): Promise<boolean>;
}
