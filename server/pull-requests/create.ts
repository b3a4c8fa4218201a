/** Making a pull request, because a person asked for it: what has to be so, then the row, then `publish`. */
import { branchOfTask, isBranchName, isFreed } from '../../protocol/branch-name.ts';
import { delicateOf } from '../../protocol/delicate.ts';
import { CodexError } from '../../protocol/errors.ts';
import { siteOf } from '../../protocol/forge-address.ts';
import type { ParamsOf } from '../../protocol/rpc.ts';
import type { ForgeRepo, RepoAbout } from '../forge/forge.ts';
import { remoteOf } from '../forge/remote.ts';
import { checkConfirmed } from './delicate.ts';
import { publish, tipOf } from './publish.ts';
import { refreshRow } from './refresh.ts';
import { pullRow, type PullRow } from './rows.ts';
import { sourceOf, type Source } from './source.ts';
import { mergedLine } from './standing.ts';
import { publishedFiles, publishedTree } from './trees.ts';
import { type PullDeps } from './types.ts';
import { newFiles } from './update.ts';
import { cleanAuthor } from './wording.ts';

type Request = ParamsOf<'pullRequest.create'>;

/** Throws `CodexError` pullRequestExists, forgeUnknown, forgeNotConfirmed, forgeNothingToPublish, … */
export async function create(deps: PullDeps, request: Request, who: string): Promise<PullRow> {
  const { store, repos, limits } = deps;
  const { taskId, localChanges } = request;
  for (const branch of [request.branch, request.base]) {
    if (branch !== undefined && !isBranchName(branch)) throw new CodexError('branchNameInvalid', { branch });
  }
  const was = await notThereYet(deps, taskId);
  const source = await sourceOf(store, taskId, { asked: request.attempt });
  const [all, { repo, about }] = await Promise.all([
    publishedFiles(repos, source, localChanges, limits.patchBytes),
    forgeRepoOf(deps, source),
  ]);
  const base = request.base ?? (await baseOf(deps, source.repo.branch, repo, about));
  const line = await mergedLine(deps, was, { repo, base });
  const files = line !== null && was?.state === 'merged' ? await newFiles(deps, source, was) : all;
  if (files.length === 0) throw new CodexError('forgeNothingToPublish');
  const delicate = delicateOf(files);
  if (delicate.length > 0) {
    checkConfirmed(delicate, await publishedTree(repos, source, localChanges), request.confirmed);
  }
  const row = rowOf(request, { source, repo, base, who, was, line });
  return publish(deps, { source, repo, row, was, resumed: was?.state === 'publishing' });
}

/** The row of an earlier try, or of one that has ended; throws `CodexError` pullRequestExists. */
async function notThereYet(deps: PullDeps, taskId: string): Promise<PullRow | undefined> {
  const row = await deps.store.read((db) => pullRow(db, taskId));
  if (row?.state !== 'open' && row?.state !== 'closed') return row;
  // It may have been closed since, or opened again.
  const now = await refreshRow(deps, row).catch(() => row);
  if (now.state !== 'open') return now;
  throw new CodexError('pullRequestExists', now.url === null ? {} : { url: now.url });
}

/** Under the name that the repository has now. Throws `CodexError` forgeUnknown, forgeForbidden, … */
export async function forgeRepoOf(
  { forges }: Pick<PullDeps, 'forges'>,
  { remote }: Pick<Source, 'remote'>,
): Promise<{ repo: ForgeRepo; about: RepoAbout }> {
  const repo = remote === null ? null : await forges.ofRemote(remote);
  if (repo === null) {
    const host = remote === null ? undefined : siteOf(remote)?.host;
    throw new CodexError('forgeUnknown', host === undefined ? {} : { host });
  }
  const about = await repo.about();
  if (about.name === repo.name) return { repo, about };
  return { repo: (await forges.get(repo.forge.host)).repo(about.name), about };
}

/** The branch that the person had checked out, where the forge has it; else the default one. */
export async function baseOf(
  deps: Pick<PullDeps, 'repos' | 'signal'>,
  branch: string | undefined,
  repo: ForgeRepo,
  { defaultBranch }: RepoAbout,
): Promise<string> {
  if (branch === undefined || branch === defaultBranch || !isBranchName(branch)) return defaultBranch;
  return (await tipOf(deps, await remoteOf(repo, 'read'), branch)) === null ? defaultBranch : branch;
}

function rowOf(
  request: Request,
  of: {
    source: Source;
    repo: ForgeRepo;
    base: string;
    who: string;
    was: PullRow | undefined;
    line: string | null;
  },
): PullRow {
  const { source, repo, base, who, was, line } = of;
  const now = Date.now();
  const earlier = was?.state === 'publishing' ? was : undefined;
  // Where an earlier try has a branch of this name, it may be ours already.
  const branch = request.branch ?? earlier?.branch ?? branchOfTask(request.title, request.taskId);
  const isSame = earlier !== undefined && isFreed(earlier.branch, branch) && earlier.repo === repo.name;
  return {
    task_id: request.taskId,
    host: repo.forge.host,
    kind: repo.forge.kind,
    repo: repo.name,
    made_by: 'backend',
    number: null,
    url: null,
    title: request.title,
    body: request.body,
    draft: request.draft,
    branch: isSame ? earlier.branch : branch,
    base,
    state: 'publishing',
    turn: source.turn,
    attempt: source.attempt,
    local_changes: request.localChanges,
    author: request.author ? JSON.stringify(cleanAuthor(request.author)) : null,
    pushed_sha: isSame ? earlier.pushed_sha : null,
    pushed_line: line ?? (isSame ? earlier.pushed_line : null),
    wanted_sha: isSame ? earlier.wanted_sha : null,
    wanted_line: isSame ? earlier.wanted_line : null,
    seen: null,
    seen_at: null,
    error: null,
    created_by: earlier?.created_by ?? who,
    created_at: earlier?.created_at ?? now,
    updated_by: who,
    updated_at: now,
  };
}
