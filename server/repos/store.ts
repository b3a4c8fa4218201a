/**
 * The backend's repositories in the data folder: `repos/<id>.git` for what clients push and what
 * tasks result in, `origins/<taskId>.git` for what a task's sandbox may see.
 *
 * This file knows where each lies, checks every id before it becomes part of a path, and orders what
 * must not happen at the same time; what happens is in the files beside it.
 */
import { readdir, rm } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join, resolve as absolute } from 'node:path';
import type { Duplex } from 'node:stream';
import { CodexError } from '../../protocol/errors.ts';
import { LIMITS } from '../../protocol/limits.ts';
import type { RepoAtCommit } from '../../protocol/rpc.ts';
import { TEMPORARY_PREFIX, checkCommits, exists, hasCommit, initBare, treeOf, withCommits } from './bare.ts';
import { distanceOf, isAncestor, makeCommitAs, mergeThreeTrees } from './commit.ts';
import { checkRepoId, checkSha, checkTaskId, objectFormatOf, repoIdOf, resultRef } from './key.ts';
import { forgeRef, keptRefs, neededOf, pullRef, removeRefs, removeRefsOfTask } from './kept-refs.ts';
import { KeyedLock } from './keyed-lock.ts';
import { OriginServer, addToOrigin, fillOrigin } from './origin.ts';
import { makePatch } from './patch.ts';
import { findFilesAt, listTreeAt, packBytesOf, readChangedFile, readFileAt } from './read.ts';
import { QUARANTINE_PREFIX } from './quarantine.ts';
import { checkBranchName } from './ref-names.ts';
import { fetchInto, listRemoteRefs } from './remote-fetch.ts';
import { withRemote, type RemoteTimes } from './remote-http.ts';
import { pushBranch, type PushTo } from './remote-push.ts';
import type { NewCommit, RemoteRepo } from './remote-types.ts';
import type { Needed, Repos } from './repos.ts';
import { changedLines, findCommit, mergeBase, type LineRange } from './review.ts';
import { takeResultInto } from './result.ts';
import { refuse, serveGit } from './smart-http.ts';

/** That a start removes: a second's work. */
const SWEPT_REFS = 10_000;

export interface ReposOptions {
  dataDir: string;
  /** The largest push; the limit `pushBytes`. */
  maxPushBytes?: number;
  /** How long a forge may be silent, and take. */
  remoteTimes?: RemoteTimes;
}

/** Opens the store, and sweeps away what a killed process left half made. */
export async function openRepos(options: ReposOptions): Promise<Repos> {
  const store = new RepoStore(options);
  await store.sweep();
  return store;
}

class RepoStore implements Repos {
  readonly #repos: string;
  readonly #origins: string;
  readonly #maxPushBytes: number;
  readonly #remoteTimes: RemoteTimes;
  readonly #lock = new KeyedLock();
  readonly #originServer = new OriginServer();
  /** Fetched by this process for no task: one may be about to begin there. */
  readonly #awaited = new Set<string>();

  constructor(options: ReposOptions) {
    this.#repos = absolute(options.dataDir, 'repos');
    this.#origins = absolute(options.dataDir, 'origins');
    this.#maxPushBytes = options.maxPushBytes ?? LIMITS.pushBytes.default;
    this.#remoteTimes = options.remoteTimes ?? {};
  }

  async sweep(): Promise<void> {
    for (const folder of [this.#repos, this.#origins]) {
      for (const name of await names(folder)) {
        if (name.startsWith(TEMPORARY_PREFIX)) await rm(join(folder, name), { recursive: true, force: true });
        if (!name.endsWith('.git')) continue;
        const objects = join(folder, name, 'objects');
        for (const left of await names(objects)) {
          // Ours, and those of a `receive-pack` that died with us.
          if (left.startsWith(QUARANTINE_PREFIX) || left.startsWith('tmp_objdir-incoming-')) {
            await rm(join(objects, left), { recursive: true, force: true });
          }
        }
      }
    }
  }

  async resolve(of: { name: string; remote: string | null; folder: string; sha?: string }): Promise<string> {
    const format = of.sha === undefined ? 'sha1' : objectFormatOf(checkSha(of.sha));
    const repoId = repoIdOf({ remote: of.remote, folder: of.folder, format });
    await this.#lock.run(repoId, () => initBare(this.#repoDir(repoId), format));
    return repoId;
  }

  async has(repoId: string): Promise<boolean> {
    return exists(this.#repoDir(repoId));
  }

  async hasCommit(repoId: string, sha: string): Promise<boolean> {
    checkSha(sha);
    return (await this.has(repoId)) && hasCommit(this.#repoDir(repoId), sha);
  }

  async readFile(repoId: string, sha: string, path: string, maxBytes: number): Promise<Buffer | null> {
    return readFileAt(await this.#repoWith(repoId, sha), sha, path, maxBytes);
  }

  async findFiles(repoId: string, sha: string, names: readonly string[]): Promise<string[]> {
    return findFilesAt(await this.#repoWith(repoId, sha), sha, names);
  }

  async listTree(repoId: string, sha: string, folder: string): Promise<string[]> {
    return listTreeAt(await this.#repoWith(repoId, sha), sha, folder);
  }

  async packBytes(repoId: string): Promise<number> {
    return packBytesOf(await this.#repo(repoId));
  }

  async handleHttp(
    repoId: string,
    rest: string,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    let dir: string;
    try {
      dir = await this.#repo(repoId);
    } catch (thrown) {
      refuse(thrown, request, response);
      return;
    }
    await serveGit(
      {
        dir,
        services: ['upload-pack', 'receive-pack'],
        maxPushBytes: this.#maxPushBytes,
        // Results are for fetching; what clients pushed they have, what a forge has is fetched there.
        config: ['in', 'pulls', 'forge'].map((name) => `uploadpack.hideRefs=refs/codex/${name}`),
      },
      rest,
      request,
      response,
    );
  }

  async prepareOrigin(taskId: string, at: RepoAtCommit): Promise<void> {
    const origin = this.#originDir(taskId);
    const repo = await this.#repo(at.repoId);
    checkSha(at.sha);
    if (at.headSha !== undefined) checkSha(at.headSha);
    await this.#lock.run(taskId, () => fillOrigin(origin, repo, at));
  }

  async publishToOrigin(taskId: string, repoId: string, sha: string): Promise<void> {
    const origin = this.#originDir(taskId);
    const repo = await this.#repo(repoId);
    checkSha(sha);
    await this.#lock.run(taskId, () => addToOrigin(origin, repo, sha));
  }

  serveOrigin(taskId: string, stream: Duplex): void {
    this.#originServer.serve(this.#originDir(taskId), stream);
  }

  async takeResult(repoId: string, result: Parameters<Repos['takeResult']>[1]): Promise<string> {
    const { taskId, turn, attempt, ...rest } = result;
    const { parent, tree, pack } = rest;
    // It may break before it is read; reading it will tell.
    pack.on('error', () => {});
    try {
      const ref = resultRef(taskId, turn, attempt);
      checkSha(parent);
      checkSha(tree);
      const origin = this.#originDir(taskId);
      const repo = await this.#repo(repoId);
      // The parent may be an earlier result, which the task may see as well.
      await this.publishToOrigin(taskId, repoId, parent);
      const sha = await this.#lock.run(`${taskId}/${turn}/${attempt}`, () =>
        takeResultInto(repo, origin, { ...rest, ref }),
      );
      await this.publishToOrigin(taskId, repoId, sha);
      return sha;
    } finally {
      // Whatever went wrong, the sandbox must not wait for a reader for ever.
      pack.destroy();
    }
  }

  async patch(repoId: string, from: string, to: string, maxBytes: number): ReturnType<Repos['patch']> {
    const repo = await this.#repoWith(repoId, from, to);
    return makePatch(repo, from, to, maxBytes);
  }

  async changedFile(
    repoId: string,
    from: string,
    to: string,
    oid: string,
    maxBytes: number,
  ): Promise<Buffer | null> {
    return readChangedFile(await this.#repoWith(repoId, from, to), from, to, checkSha(oid), maxBytes);
  }

  async findCommit(repoId: string, name: string): Promise<string | null> {
    return findCommit(this.#repoDir(repoId), name);
  }

  async mergeBase(repoId: string, one: string, other: string): Promise<string | null> {
    return mergeBase(this.#repoDir(repoId), checkSha(one), checkSha(other));
  }

  async changedLines(
    repoId: string,
    from: string | null,
    to: string,
    path: string,
  ): Promise<LineRange[] | null> {
    return changedLines(this.#repoDir(repoId), from === null ? null : checkSha(from), checkSha(to), path);
  }

  async remoteRefs(
    remote: RemoteRepo,
    refs: readonly string[],
    signal?: AbortSignal,
  ): Promise<Map<string, string>> {
    return withRemote(remote, this.#remoteTimes, signal, (line) => listRemoteRefs(line, refs));
  }

  async fetchFrom(
    repoId: string,
    remote: RemoteRepo,
    wanted: readonly string[],
    signal?: AbortSignal,
    taskId?: string,
  ): Promise<string[]> {
    const repo = await this.#repo(repoId);
    // The second of two finds what the first one brought.
    return this.#lock.run(`forge:${repoId}`, () =>
      withRemote(remote, this.#remoteTimes, signal, (line) =>
        fetchInto(repo, line, wanted, this.#maxPushBytes, (sha) => {
          if (taskId === undefined) this.#awaited.add(`${repoId}/${sha}`);
          return forgeRef(taskId, sha);
        }),
      ),
    );
  }

  async pushTo(repoId: string, remote: RemoteRepo, to: PushTo, signal?: AbortSignal): Promise<void> {
    checkBranchName(to.branch);
    if (to.expected !== null) checkSha(to.expected);
    const repo = await this.#repo(repoId);
    await withRemote(remote, this.#remoteTimes, signal, (line) => pushBranch(repo, line, to));
  }

  async treeOf(repoId: string, commit: string): Promise<string> {
    const repo = await this.#repo(repoId);
    return withCommits(repo, [checkSha(commit)], () => treeOf(repo, commit));
  }

  async makeCommit(repoId: string, taskId: string, commit: NewCommit): Promise<string> {
    checkTaskId(taskId);
    for (const sha of [commit.tree, ...commit.parents]) checkSha(sha);
    const repo = await this.#repo(repoId);
    return makeCommitAs(repo, (sha) => pullRef(taskId, sha), commit);
  }

  async mergeTrees(
    repoId: string,
    trees: Parameters<Repos['mergeTrees']>[1],
  ): ReturnType<Repos['mergeTrees']> {
    for (const tree of Object.values(trees)) checkSha(tree);
    return mergeThreeTrees(await this.#repo(repoId), trees);
  }

  async distance(repoId: string, from: string, to: string): ReturnType<Repos['distance']> {
    return distanceOf(await this.#repoWith(repoId, from, to), from, to);
  }

  async isAncestor(repoId: string, one: string, of: string): Promise<boolean> {
    return isAncestor(await this.#repoWith(repoId, one, of), one, of);
  }

  async removeTask(taskId: string, repoId: string): Promise<void> {
    const origin = this.#originDir(taskId);
    await this.#lock.run(taskId, async () => {
      await rm(origin, { recursive: true, force: true });
      if (await this.has(repoId)) await removeRefsOfTask(this.#repoDir(repoId), taskId);
    });
  }

  async sweepRefs(needed: Needed): Promise<number> {
    let gone = 0;
    const broken: unknown[] = [];
    for (const name of await names(this.#repos)) {
      if (!name.endsWith('.git') || gone >= SWEPT_REFS) continue;
      try {
        const repoId = name.slice(0, -'.git'.length);
        const kept = await keptRefs(this.#repoDir(repoId));
        const isNeeded = await neededOf(kept, repoId, needed);
        gone += await this.#lock.run(`forge:${repoId}`, async () => {
          const refs = kept.filter((one) => !isNeeded(one) && !this.#awaited.has(`${repoId}/${one.sha}`));
          return removeRefs(this.#repoDir(repoId), refs.slice(0, SWEPT_REFS - gone));
        });
      } catch (thrown) {
        // The others can be swept all the same.
        broken.push(thrown);
      }
    }
    if (broken.length > 0) throw new AggregateError(broken, 'repositories that could not be swept');
    return gone;
  }

  #repoDir(repoId: string): string {
    return join(this.#repos, `${checkRepoId(repoId)}.git`);
  }

  async #repo(repoId: string): Promise<string> {
    const dir = this.#repoDir(repoId);
    if (!(await exists(dir))) throw new CodexError('repoUnknown', { repoId });
    return dir;
  }

  /** The repository's folder, when it has these commits. */
  async #repoWith(repoId: string, ...commits: string[]): Promise<string> {
    const repo = await this.#repo(repoId);
    await checkCommits(repo, commits.map(checkSha));
    return repo;
  }

  #originDir(taskId: string): string {
    return join(this.#origins, `${checkTaskId(taskId)}.git`);
  }
}

async function names(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch {
    return [];
  }
}
