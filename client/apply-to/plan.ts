/**
 * What a patch would make of a commit's files, path by path. Reads only, and nothing is checked out.
 * The rules are those of a folder, and for submodules those of `gitlinks.ts`.
 */
import { CodexError } from '../../protocol/errors.ts';
import type { TaskSummary } from '../../protocol/rpc.ts';
import { planApply } from '../apply/plan.ts';
import { ancestorsOf } from '../apply/paths.ts';
import type { ApplyPlan, FileIO, WirePath } from '../apply/types.ts';
import { gitLine, runGit } from '../git/git.ts';
import { openObjects } from '../git/objects.ts';
import { pathKey } from '../patch/names.ts';
import type { Patch } from '../patch/types.ts';
import { judgeGitlink, partGitlinks, type GitlinkItem } from './gitlinks.ts';
import { treeFiles, type TreeFiles } from './tree-io.ts';

export interface CommitPlan {
  /** The working tree or repository whose objects these are. */
  root: string;
  /** The commit that the patch goes on. */
  start: string;
  /** Items of files first, then those of submodules. `planned` is this module's own. */
  plan: ApplyPlan;
  /** By index of its item. */
  gitlinks: Map<number, GitlinkItem>;
}

/** `start`: a branch, tag or commit. Throws `CodexError` refUnknown | commitMissing | gitFailed. */
export async function planOnCommit(root: string, patch: Patch, start: string): Promise<CommitPlan> {
  const commit = await commitOf(root, start);
  const tree = await gitLine(root, ['rev-parse', '--verify', `${commit}^{tree}`]);
  const objects = openObjects(root);
  try {
    const files = await treeFiles(root, tree, objects);
    const { plain, gitlinks } = partGitlinks(patch);
    const judged: GitlinkItem[] = [];
    for (const parts of gitlinks) judged.push(await judgeGitlink(parts, files));
    const gone = new Set(
      judged.flatMap(({ changes }) => changes.filter(isRemoval).map(({ path }) => pathKey(path))),
    );
    const plan = await planApply(root, plain, { io: without(files, gone) });
    const links = new Map<number, GitlinkItem>();
    for (const link of judged) {
      links.set(plan.items.length, link);
      plan.items.push(link.item);
      plan.planned.push({ changes: [], needs: [] });
    }
    needFreedPlaces(plan, links);
    await needEmptiedFolders(plan, links, files);
    return { root, start: commit, plan, gitlinks: links };
  } finally {
    await objects.close();
  }
}

type GitlinkChange = GitlinkItem['changes'][number];

function isRemoval({ entry }: GitlinkChange): boolean {
  return entry === null;
}

/** The files as they are without some submodules, in whose places a patch may put something else. */
function without(files: TreeFiles, gone: ReadonlySet<string>): FileIO {
  if (gone.size === 0) return files;
  const isGone = (path: WirePath) => gone.has(pathKey(path));
  return {
    ...files,
    stat: async (path) => (isGone(path) ? { kind: 'absent', mode: 0 } : files.stat(path)),
    read: async (path) => (isGone(path) ? { kind: 'absent' } : files.read(path)),
    list: async (folder) => (await files.list(folder)).filter((path) => !isGone(path)),
    holdsRepository: async (folder) => !isGone(folder) && files.holdsRepository(folder),
  };
}

/** What goes into the place of a submodule needs the change that takes it away. */
function needFreedPlaces(plan: ApplyPlan, links: ReadonlyMap<number, GitlinkItem>): void {
  const removers = new Map<string, number>();
  for (const [index, { changes }] of links) {
    for (const change of changes) if (isRemoval(change)) removers.set(pathKey(change.path), index);
  }
  if (removers.size === 0) return;
  for (const { changes, needs } of plan.planned) {
    for (const path of changes.flatMap((change) => [...ancestorsOf(change.path), change.path])) {
      const remover = removers.get(pathKey(path));
      if (remover !== undefined) needs.push(remover);
    }
  }
}

/** A submodule in the place of a folder needs every change that takes a file out of it. */
async function needEmptiedFolders(
  plan: ApplyPlan,
  links: ReadonlyMap<number, GitlinkItem>,
  files: TreeFiles,
): Promise<void> {
  const removers = new Map<string, number>();
  for (const [index, { changes }] of plan.planned.entries()) {
    for (const { path, after } of changes) if (after.kind === 'absent') removers.set(pathKey(path), index);
  }
  for (const [index, { changes }] of links) {
    for (const { path, entry } of changes) {
      if (entry === null || (await files.stat(path)).kind !== 'folder') continue;
      const open = await files.list(path);
      for (let next = open.pop(); next !== undefined; next = open.pop()) {
        if ((await files.stat(next)).kind === 'folder') {
          open.push(...(await files.list(next)));
          continue;
        }
        const remover = removers.get(pathKey(next));
        if (remover === undefined)
          plan.items[index] = { ...plan.items[index]!, verdict: 'conflict', reason: 'notAFile' };
        else plan.planned[index]!.needs.push(remover);
      }
    }
  }
}

export async function commitOf(root: string, ref: string): Promise<string> {
  const { code, stdout } = await runGit(
    root,
    ['rev-parse', '--verify', '--quiet', '--end-of-options', `${ref}^{commit}`],
    { okCodes: [0, 1, 128] },
  );
  if (code !== 0) throw new CodexError('refUnknown', { ref });
  return stdout.toString('latin1').trim();
}

/** What the task started from, as near as this clone has it: a snapshot of local changes is only sent. */
export async function baseOf(root: string, { repo }: Pick<TaskSummary, 'repo'>): Promise<string> {
  for (const sha of [repo.sha, repo.headSha]) {
    if (sha === undefined) continue;
    const commit = await commitOf(root, sha).catch(() => null);
    if (commit !== null) return commit;
  }
  return 'HEAD';
}
