/**
 * Publishing: a branch with one commit that has the result's tree, then a pull request from it.
 *
 * In order: the row that says what is wanted → the commit → the push, never by force → the pull request. What
 * broke off at any point goes on from the row: a push that arrived is found by its commit, a pull request that
 * was made is found by its branch, and neither is made twice. A name that others have taken gets a number.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { freeName } from '../../protocol/branch-name.ts';
import { CodexError, toWireError, wireError } from '../../protocol/errors.ts';
import { HEAD_UNKNOWN_PAUSES_MS } from '../../protocol/limits.ts';
import type { Author } from '../../protocol/pull-request.ts';
import type { ForgeRepo, PullRequest } from '../forge/forge.ts';
import { remoteOf } from '../forge/remote.ts';
import type { RemoteRepo } from '../repos/remote-types.ts';
import { authorOfRow, putRow, type PullRow } from './rows.ts';
import type { Source } from './source.ts';
import { onMerged } from './standing.ts';
import { merged, publishedTree } from './trees.ts';
import { headRef, type PullDeps } from './types.ts';
import { authorOf, cleanAuthor, commitMessage } from './wording.ts';

/** Somebody who takes each name that is free does so on purpose. */
const NAMES_TRIED = 50;

type Deps = Pick<PullDeps, 'repos' | 'forges' | 'store' | 'hub' | 'limits' | 'log' | 'signal'>;

export interface Publishing {
  source: Source;
  repo: ForgeRepo;
  /** As it is wanted, in the state `publishing`. */
  row: PullRow;
  /** As it is stored; undefined: it is not. */
  was: PullRow | undefined;
  /** An earlier try may have come somewhere. */
  resumed: boolean;
}

/** Returns the row of the pull request that is there then. What went wrong is in the row, too. */
export async function publish(deps: Deps, of: Publishing): Promise<PullRow> {
  const step = new Steps(deps, of.row, of.was);
  try {
    const remote = await remoteOf(of.repo, 'write');
    const ended = of.resumed ? await endedMeanwhile(deps, of, remote) : null;
    if (ended === null) await pushFirst(deps, of, remote, step);
    const pull = ended ?? (await findOrCreate(deps, of, step.row));
    return await step.to(
      {
        number: pull.number,
        url: pull.url,
        title: pull.title,
        body: pull.body,
        draft: pull.draft,
        base: pull.base.branch,
        state: pull.state,
        error: null,
      },
      true,
    );
  } catch (thrown) {
    await step.failed(thrown);
    throw thrown;
  }
}

type StepDeps = Pick<PullDeps, 'store' | 'hub' | 'limits' | 'log' | 'signal'>;

/** The error of a row whose backend ended: the next one goes on by itself (`polling.ts`). */
export const STOPPED = JSON.stringify(wireError('shuttingDown'));

/** Nobody has to ask again for it; with another error it waits for the person, who has been told. */
export function isUnderWay({ state, error }: PullRow): boolean {
  return state === 'publishing' && (error === null || error === STOPPED);
}

/** The row as it goes along. */
export class Steps {
  readonly #deps: StepDeps;
  #stored: PullRow | undefined;
  row: PullRow;

  constructor(deps: StepDeps, row: PullRow, stored: PullRow | undefined) {
    this.#deps = deps;
    this.row = row;
    this.#stored = stored;
  }

  /** Stored with the next one: nothing would be lost without it. */
  note(change: Partial<PullRow>): void {
    this.row = { ...this.row, ...change };
  }

  async to(change: Partial<PullRow>, published = false): Promise<PullRow> {
    this.note(change);
    this.row = await putRow(this.#deps, this.row, { was: this.#stored, published });
    this.#stored = this.row;
    return this.row;
  }

  /** The task shows why; that this can't be stored must not hide it. */
  async failed(thrown: unknown): Promise<void> {
    try {
      const error = this.#deps.signal.aborted ? STOPPED : JSON.stringify(toWireError(thrown));
      await this.to({ error });
    } catch (error) {
      this.#deps.log.warn('why a pull request stopped could not be stored', {
        taskId: this.row.task_id,
        error,
      });
    }
  }
}

async function pushFirst(
  deps: Deps,
  { source, repo, resumed }: Publishing,
  remote: RemoteRepo,
  step: Steps,
): Promise<void> {
  const { repos, signal } = deps;
  const { repoId } = source.repo;
  const { branch: wanted, base, title, local_changes: how } = step.row;
  const tree = await publishedTree(repos, source, how);
  const author = authorOfRow(step.row) ?? (await accountAuthor(deps, repo));
  const commit = (content: string, parent: string) =>
    repos.makeCommit(repoId, source.task.id, {
      tree: content,
      parents: [parent],
      author: cleanAuthor(author),
      at: source.at,
      message: commitMessage(title, author),
    });
  /** The commit, and one that has nothing of others in its tree. */
  const made = async (content: string, parent: string) => {
    const sha = await commit(content, parent);
    return { sha, line: content === tree ? sha : await commit(tree, source.parent) };
  };
  const first = async () => {
    const { pushed_sha, pushed_line } = step.row;
    const before = pushed_sha === null ? pushed_line : null;
    const on = before === null ? null : await onMerged(deps, { source, repo, base, line: before, tree });
    return made(on?.tree ?? tree, on?.parent ?? source.parent);
  };

  const arrived = resumed ? await arrivedTip(deps, remote, step.row) : null;
  let expected = arrived?.sha ?? null;
  let next: { sha: string; line: string };
  if (arrived === null) next = await first();
  else {
    // What comes next may break off, too.
    step.note({ pushed_sha: arrived.sha, pushed_line: arrived.line });
    const [old, ours] = await Promise.all([
      repos.treeOf(repoId, arrived.line),
      repos.treeOf(repoId, arrived.sha),
    ]);
    if (old === tree) next = arrived;
    else
      next = await made(await merged(repos, repoId, { base: old, ours, theirs: tree }, wanted), arrived.sha);
  }

  // In an empty repository the branch to ask into would be free.
  const taken = new Set([base]);
  for (let tries = 1; ; tries++) {
    const branch = expected === null ? freeName(wanted, [...taken]) : wanted;
    const { sha, line } = next;
    if (expected === sha) {
      // What was confirmed last counts, also when this try breaks off.
      await step.to({});
      break;
    }
    await step.to({ branch, wanted_sha: sha, wanted_line: line });
    try {
      await repos.pushTo(repoId, remote, { branch, sha, expected, beside: base }, signal);
      break;
    } catch (thrown) {
      if (!(thrown instanceof CodexError) || thrown.code !== 'forgeBranchMoved') throw thrown;
      const there = await branchesLike(deps, remote, wanted);
      if (there.get(branch) === sha) break;
      // Others have gone on from what we pushed: theirs stays, ours needs a place of its own.
      if (expected !== null) [expected, next] = [null, await first()];
      if (tries >= NAMES_TRIED) throw thrown;
      for (const name of [branch, ...there.keys()]) taken.add(name);
    }
  }
  const { sha, line } = next;
  step.note({ pushed_sha: sha, pushed_line: line, wanted_sha: sha, wanted_line: line });
}

/**
 * What an earlier try made of this very result and nobody heard of, when it was merged or closed since, and its branch
 * is gone: that is not to be pushed once more.
 */
async function endedMeanwhile(
  deps: Deps,
  { source, repo, row }: Publishing,
  remote: RemoteRepo,
): Promise<PullRequest | null> {
  const { wanted_sha, wanted_line, branch, local_changes } = row;
  if (wanted_sha === null || (await tipOf(deps, remote, branch)) !== null) return null;
  const found = await repo.findPull(branch);
  if (found === null || found.state === 'open' || found.head.sha !== wanted_sha) return null;
  const { repoId } = source.repo;
  const tree = await publishedTree(deps.repos, source, local_changes);
  return (await deps.repos.treeOf(repoId, wanted_line ?? wanted_sha)) === tree ? found : null;
}

/** Who commits are by when nobody said: whoever the credential is. */
export async function accountAuthor({ forges }: Pick<PullDeps, 'forges'>, repo: ForgeRepo): Promise<Author> {
  const { host } = repo.forge;
  return authorOf(await (await forges.get(host)).whoAmI(), host);
}

/** What an earlier try has brought to the branch; null: nothing, or others have the branch. */
async function arrivedTip(
  deps: Deps,
  remote: RemoteRepo,
  row: PullRow,
): Promise<{ sha: string; line: string } | null> {
  const { wanted_sha, wanted_line, pushed_sha, pushed_line } = row;
  if (wanted_sha === null) return null;
  const sha = await tipOf(deps, remote, row.branch);
  if (sha === null) return null;
  if (sha === wanted_sha) return { sha, line: wanted_line ?? sha };
  return sha === pushed_sha ? { sha, line: pushed_line ?? sha } : null;
}

/** Null: there is no such branch. */
export async function tipOf(
  { repos, signal }: Pick<PullDeps, 'repos' | 'signal'>,
  remote: RemoteRepo,
  branch: string,
): Promise<string | null> {
  const ref = headRef(branch);
  return (await repos.remoteRefs(remote, [ref], signal)).get(ref) ?? null;
}

/** All that may stand in the way of this name, with their commits. */
export async function branchesLike(
  { repos, signal }: Pick<PullDeps, 'repos' | 'signal'>,
  remote: RemoteRepo,
  name: string,
): Promise<Map<string, string>> {
  const [folder = name] = name.split('/', 1);
  const refs = await repos.remoteRefs(remote, [`${headRef(folder)}*`], signal);
  return new Map([...refs].map(([ref, sha]) => [ref.slice(headRef('').length), sha]));
}

async function findOrCreate(deps: Deps, { repo, resumed }: Publishing, row: PullRow): Promise<PullRequest> {
  const there = async (): Promise<PullRequest | null> => {
    const found = await repo.findPull(row.branch);
    // An old one from a branch of the same name is another one.
    return found && (found.state === 'open' || found.head.sha === row.pushed_sha) ? found : null;
  };
  const earlier = resumed ? await there() : null;
  if (earlier) return asWanted(deps, repo, row, earlier);
  const { title, body, branch: head, base, draft } = row;
  for (let tries = 0; ; tries++) {
    try {
      return await repo.createPull({ title, body, head, base, draft });
    } catch (thrown) {
      // It may have been made all the same: an answer that was lost, another process that was faster.
      if (!(thrown instanceof CodexError) || !UNCLEAR.has(thrown.code)) throw thrown;
      const made = await there().catch(() => null);
      if (made) return asWanted(deps, repo, row, made);
      const pause = thrown.wire.params['why'] === 'headUnknown' ? HEAD_UNKNOWN_PAUSES_MS[tries] : undefined;
      if (pause === undefined) throw thrown;
      await wait(pause, undefined, { signal: deps.signal }).catch(() => {
        throw thrown;
      });
    }
  }
}

/** An earlier try's may have been asked for in other words. One that somebody else made of our branch is theirs. */
async function asWanted(
  { forges }: Pick<Deps, 'forges'>,
  repo: ForgeRepo,
  row: PullRow,
  pull: PullRequest,
): Promise<PullRequest> {
  const { title, body, base } = row;
  const isSame = pull.title === title && pull.body === body && pull.base.branch === base;
  if (isSame || pull.state !== 'open') return pull;
  const { login } = await (await forges.get(repo.forge.host)).whoAmI();
  if (pull.author.toLowerCase() !== login.toLowerCase()) return pull;
  return repo.changePull(pull.number, {
    title,
    body,
    ...(pull.base.branch === base ? {} : { base }),
  });
}

const UNCLEAR: ReadonlySet<string> = new Set(['forgeUnavailable', 'forgeGarbage', 'forgeRefused']);
