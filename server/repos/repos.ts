/**
 * The backend's own git repositories, as the rest sees them. All are bare and trusted: the backend
 * never runs git in a folder that an agent could write.
 *
 * One repository per folder or remote of the person's (what clients push to, and where results are
 * kept), and one per task that only the task's sandbox sees as `origin`, with nothing of other tasks
 * in it and no shared object store that would reach them.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex, Readable } from 'node:stream';
import type { FileChange, PatchSummary } from '../../protocol/events.ts';
import type { NewContent } from './contents.ts';
import type { RepoAtCommit } from '../../protocol/rpc.ts';
import type { RemoteRepos } from './remote-types.ts';
import type { LineRange } from './review.ts';

/** Who still needs what is kept. */
export interface Needed {
  /** Those of these tasks that are there. */
  tasks(taskIds: readonly string[]): Promise<ReadonlySet<string>>;
  /** Commits that tasks on this repository began at. */
  commits(repoId: string): Promise<ReadonlySet<string>>;
}

export interface Repos extends RemoteRepos {
  /**
   * The repository of a remote, or of a folder that has none; made when it is not there. `sha` says
   * by its length which kind of object ids the client's repository has (SHA-1 when absent).
   */
  resolve(of: { name: string; remote: string | null; folder: string; sha?: string }): Promise<string>;
  has(repoId: string): Promise<boolean>;
  hasCommit(repoId: string, sha: string): Promise<boolean>;
  /**
   * A file as it is committed, its bytes unconverted; null when nothing is there. Throws `CodexError`
   * commitMissing, limitReached (`limit: fileBytes`), and badRequest (`reason: notAFile`, `what`: symlink,
   * folder, submodule): links are not followed.
   */
  readFile(repoId: string, sha: string, path: string, maxBytes: number): Promise<Buffer | null>;
  /** Names of the ordinary files in a folder (`''`: the root), not below it; none when there is no such folder. */
  listTree(repoId: string, sha: string, folder: string): Promise<string[]>;
  /** Paths of all ordinary files of a commit that have one of these names. */
  findFiles(repoId: string, sha: string, names: readonly string[]): Promise<string[]>;
  /** About what its objects take on disk: all that a clone could have to carry. */
  packBytes(repoId: string): Promise<number>;
  /**
   * Git's smart HTTP for clients: fetch, and push to `refs/codex/in/<uuid>` only, checked strictly
   * (fsckObjects), size-limited, without hooks. `rest` is what follows `/git/<repoId>.git`.
   */
  handleHttp(repoId: string, rest: string, request: IncomingMessage, response: ServerResponse): Promise<void>;

  /** Makes the task's own repository hold `at.sha` (and `at.headSha`), the branch naming the latter if there. */
  prepareOrigin(taskId: string, at: RepoAtCommit): Promise<void>;
  /** Adds a result to the task's own repository, so that a new sandbox can check it out. */
  publishToOrigin(taskId: string, repoId: string, sha: string): Promise<void>;
  /** Serves the task's own repository, read-only, over one byte stream of its sandbox. */
  serveOrigin(taskId: string, stream: Duplex): void;

  /**
   * Takes a thin pack from a sandbox into the trusted repository, strictly, and commits `tree` on
   * `parent` as `refs/codex/tasks/<taskId>/<turn>/<attempt>`; returns the commit.
   */
  takeResult(
    repoId: string,
    result: {
      taskId: string;
      turn: number;
      attempt: number;
      parent: string;
      tree: string;
      pack: Readable;
      maxBytes: number;
      message: string;
      /** Looks at what is new before any of it is kept; what it throws leaves nothing behind. */
      inspect?: (files: AsyncIterable<NewContent>) => Promise<void>;
    },
  ): Promise<string>;
  /** `git diff --binary --full-index -M` between two commits: the bytes, and what they contain. */
  patch(
    repoId: string,
    from: string,
    to: string,
    maxBytes: number,
  ): Promise<{ bytes: Buffer; summary: PatchSummary; files: FileChange[] }>;
  /**
   * The bytes of a file that differs between two commits, by the object id of its old or new side, unconverted.
   * Null for every other id: whoever may see a diff may not look around in the repository. Throws `CodexError`
   * limitReached (`limit: fileBytes`).
   */
  changedFile(
    repoId: string,
    from: string,
    to: string,
    oid: string,
    maxBytes: number,
  ): Promise<Buffer | null>;

  /** The whole id of the commit whose id begins so (with `^`: of its parent); null when it is not one commit. */
  findCommit(repoId: string, name: string): Promise<string | null>;
  mergeBase(repoId: string, one: string, other: string): Promise<string | null>;
  /** Of a file's new state; null when it does not differ. `from` null: from nothing. */
  changedLines(repoId: string, from: string | null, to: string, path: string): Promise<LineRange[] | null>;

  /** Everything of a task: its own repository and its refs. */
  removeTask(taskId: string, repoId: string): Promise<void>;
  /**
   * What was left of pull requests of tasks that are gone, and what was fetched from forges, by a process before
   * this one, and no task needs. Returns how many refs went; a limit leaves the rest to the next time.
   */
  sweepRefs(needed: Needed): Promise<number>;
}
