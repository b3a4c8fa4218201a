/**
 * Changes of submodules, for a tree: a submodule is there an entry that names a commit. The folder's
 * planner refuses them, since checking that commit out is the other repository's matter.
 */
import { applyFilePatch } from '../patch/apply-file.ts';
import { pathKey } from '../patch/names.ts';
import type { FilePatch, Patch } from '../patch/types.ts';
import { refusalOf } from '../apply/paths.ts';
import type { ApplyReason, PlanItem, Verdict, WirePath } from '../apply/types.ts';
import { FOLDER, GITLINK, type TreeEntry, type TreeFiles } from './tree-io.ts';

/** An item and what it makes of the tree. */
export interface GitlinkItem {
  item: PlanItem;
  changes: { path: WirePath; entry: TreeEntry | null; bytes?: Uint8Array }[];
}

/** Parts a patch: the files of any path that is or becomes a submodule stand apart, by path. */
export function partGitlinks(patch: Patch): { plain: Patch; gitlinks: FilePatch[][] } {
  const keys = new Set(patch.files.filter(isGitlink).flatMap((file) => [pathKey(file.newPath)]));
  const gitlinks = new Map<string, FilePatch[]>();
  const plain: FilePatch[] = [];
  for (const file of patch.files) {
    const key = pathKey(file.newPath);
    if (!keys.has(key)) plain.push(file);
    else gitlinks.set(key, [...(gitlinks.get(key) ?? []), file]);
  }
  return { plain: { ...patch, files: plain }, gitlinks: [...gitlinks.values()] };
}

function isGitlink(file: FilePatch): boolean {
  return file.oldMode === GITLINK || file.newMode === GITLINK;
}

export async function judgeGitlink(parts: FilePatch[], files: TreeFiles): Promise<GitlinkItem> {
  const [first] = parts as [FilePatch];
  const is = (verdict: Verdict, reason?: ApplyReason, changes: GitlinkItem['changes'] = []): GitlinkItem => ({
    item: {
      path: first.newPath,
      ...(first.kind === 'renamed' || first.kind === 'copied' ? { from: first.oldPath } : {}),
      kind: parts.length === 2 ? 'typeChanged' : first.kind,
      verdict,
      ...(reason ? { reason } : {}),
      merged: false,
      runsByItself: false,
      unsaved: false,
      parts,
    },
    changes,
  });
  for (const { oldPath, newPath } of parts) {
    const refusal = refusalOf(oldPath, files.platform) ?? refusalOf(newPath, files.platform);
    if (refusal) return is('refused', refusal);
  }
  if (parts.length > 2) return is('refused', 'duplicatePath');
  // A creation comes last, a deletion first: git writes a change of type in this order.
  const last = parts.at(-1)!;
  const before = await files.entry(first.oldPath);
  const after = last.kind === 'deleted' ? null : await created(last, files);
  if (after === 'corrupt') return is('refused', 'corruptPatch');
  const there = first.kind === 'renamed' ? await files.entry(first.newPath) : before;
  if (sameEntry(there, after?.entry ?? null)) return is('alreadyApplied');
  if (first.kind === 'added') {
    // A folder may be emptied by other changes of the patch: the plan sees to that.
    const isFree = before === null || before.mode === FOLDER;
    return isFree ? is('applies', undefined, [{ path: first.newPath, ...after! }]) : is('conflict', 'exists');
  }
  if (before === null) return is('conflict', 'missing');
  if (before.mode !== first.oldMode || before.id !== first.oldId) return is('conflict', 'contentChanged');
  if (first.kind !== 'renamed')
    return is('applies', undefined, [{ path: first.newPath, entry: null, ...after }]);
  if (there !== null) return is('conflict', 'exists');
  return is('applies', undefined, [
    { path: first.oldPath, entry: null },
    { path: first.newPath, ...after! },
  ]);
}

/** The entry that a change makes, and the bytes of a blob that has to be written for it. */
async function created(
  file: FilePatch,
  files: TreeFiles,
): Promise<{ entry: TreeEntry; bytes?: Uint8Array } | 'corrupt'> {
  const { newMode, newId } = file;
  if (newMode === null) return 'corrupt';
  if (newMode === GITLINK) {
    const id = newId ?? (await files.entry(file.oldPath))?.id;
    return id !== undefined && /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(id)
      ? { entry: { mode: newMode, id } }
      : 'corrupt';
  }
  const outcome = applyFilePatch(new Uint8Array(), file);
  return outcome.ok && newId !== null
    ? { entry: { mode: newMode, id: newId }, bytes: outcome.bytes }
    : 'corrupt';
}

function sameEntry(one: TreeEntry | null, two: TreeEntry | null): boolean {
  return one === two || (one !== null && two !== null && one.mode === two.mode && one.id === two.id);
}
