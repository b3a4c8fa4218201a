/** What would be pushed and asked for. It reads at the forge and writes nothing there. */
import { branchOfTask, freeName } from '../../protocol/branch-name.ts';
import { delicateOf } from '../../protocol/delicate.ts';
import { CodexError } from '../../protocol/errors.ts';
import { PREVIEW_FILES } from '../../protocol/limits.ts';
import type { PullRequestPreview } from '../../protocol/pull-request.ts';
import { bodyOfPull } from '../../protocol/pull-text.ts';
import type { ParamsOf } from '../../protocol/rpc.ts';
import type { ForgeRepo } from '../forge/forge.ts';
import { remoteOf } from '../forge/remote.ts';
import { baseOf, forgeRepoOf } from './create.ts';
import { delicateKey } from './delicate.ts';
import { branchesLike } from './publish.ts';
import { pullRow, viewOf, type PullRow } from './rows.ts';
import { sourceOf } from './source.ts';
import { mergedLine, onMerged } from './standing.ts';
import { templateOf } from './template.ts';
import { mergedForPull, publishedFiles } from './trees.ts';
import { headRef, taskUrl, type PullDeps } from './types.ts';
import { newFiles } from './update.ts';
import { titleOfPull } from './wording.ts';

/** Throws `CodexError` forgeUnknown, forgeNothingToPublish, choiceNeeded, … */
export async function preview(
  deps: PullDeps,
  request: ParamsOf<'pullRequest.preview'>,
): Promise<PullRequestPreview> {
  const { store, repos, limits } = deps;
  const { taskId } = request;
  const row = await store.read((db) => pullRow(db, taskId));
  const open = row?.state === 'open' ? row : undefined;
  const source = await sourceOf(store, taskId, { asked: request.attempt, shown: open?.attempt });
  const how = open?.local_changes ?? request.localChanges ?? 'leaveOut';
  const all = await publishedFiles(repos, source, how, limits.patchBytes);
  // One that is there may well be told that all of it was taken back.
  if (all.length === 0 && !open) throw new CodexError('forgeNothingToPublish');
  // What can't be taken apart from the local changes is no failure yet: they can be included.
  const tree = await mergedForPull(repos, source, how);
  const { repo, about } = await forgeRepoOf(deps, source);
  const base =
    open?.base ??
    // Where an earlier try was to go, unless that is gone.
    (await baseOf(deps, row?.state === 'publishing' ? row.base : source.repo.branch, repo, about));
  const line = open ? null : await mergedLine(deps, row, { repo, base });
  const files = line !== null && row?.state === 'merged' ? await newFiles(deps, source, row) : all;
  if (files.length === 0 && !open) throw new CodexError('forgeNothingToPublish');
  const whole = 'tree' in tree ? tree.tree : null;
  const on =
    line === null || whole === null ? null : await onMerged(deps, { source, repo, base, line, tree: whole });
  const at = await standsOn(deps, {
    ...{ repoId: source.repo.repoId, taskId, repo, base },
    ...(on ?? { parent: source.parent, tree: whole }),
  });
  const template = await templateOf(
    repos,
    { repoId: source.repo.repoId, sha: at.baseSha ?? source.parent },
    repo.forge.kind,
  );
  const title = titleOfPull(source.said);
  const delicate = delicateOf(open ? await newFiles(deps, source, open) : files);
  const key = delicateKey(delicate, whole ?? source.sha);
  return {
    host: repo.forge.host,
    kind: repo.forge.kind,
    repo: repo.name,
    title: open?.title ?? title,
    body: open?.body ?? bodyOfPull(source.said, template, { taskId, url: taskUrl(deps.publicUrl, taskId) }),
    draft: open?.draft ?? false,
    branch: await branchOf(deps, { repo, row, title, base, taskId }),
    base,
    turn: source.turn,
    attempt: source.attempt,
    files: files.slice(0, PREVIEW_FILES),
    filesCut: files.length > PREVIEW_FILES,
    delicate,
    ...(key === undefined ? {} : { delicateKey: key }),
    localChanges: source.localChanges,
    unpushedCommits: at.unpushed,
    behind: at.behind,
    conflicts: ('conflicts' in tree ? tree.conflicts : at.conflicts).slice(0, PREVIEW_FILES),
    ...(row ? { existing: viewOf(row) } : {}),
  };
}

interface StandsOn {
  /** Null: the forge has no such branch (an empty repository). */
  baseSha: string | null;
  unpushed: number;
  behind: number;
  conflicts: string[];
}

async function standsOn(
  { repos, signal }: PullDeps,
  of: { repoId: string; taskId: string; repo: ForgeRepo; base: string; parent: string; tree: string | null },
): Promise<StandsOn> {
  const { repoId, taskId, repo, base, parent, tree } = of;
  const remote = await remoteOf(repo, 'read');
  const ref = headRef(base);
  const there = await repos.remoteRefs(remote, [ref], signal);
  const [baseSha = null] = there.has(ref) ? await repos.fetchFrom(repoId, remote, [ref], signal, taskId) : [];
  if (baseSha === null) return { baseSha, unpushed: 0, behind: 0, conflicts: [] };
  const { ahead: unpushed, behind } = await repos.distance(repoId, baseSha, parent);
  const fork = behind === 0 || tree === null ? null : await repos.mergeBase(repoId, baseSha, parent);
  if (fork === null || tree === null) return { baseSha, unpushed, behind, conflicts: [] };
  const [from, ours] = await Promise.all([repos.treeOf(repoId, fork), repos.treeOf(repoId, baseSha)]);
  const merge = await repos.mergeTrees(repoId, { base: from, ours, theirs: tree });
  return { baseSha, unpushed, behind, conflicts: 'conflicts' in merge ? merge.conflicts : [] };
}

/** One that is free now; it may be taken by the time. */
async function branchOf(
  deps: PullDeps,
  of: { repo: ForgeRepo; row: PullRow | undefined; title: string; base: string; taskId: string },
): Promise<string> {
  const { repo, row, title, base, taskId } = of;
  if (row && (row.state === 'open' || row.state === 'publishing')) return row.branch;
  const name = branchOfTask(title, taskId);
  const there = await branchesLike(deps, await remoteOf(repo, 'read'), name);
  return freeName(name, [base, ...there.keys()]);
}
