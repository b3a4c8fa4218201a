/** Worktrees of our own: made in a free place, and taken away only as they were made. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { CodexError } from '../../protocol/errors.ts';
import { codeOf } from '../apply/node-io.ts';
import { gitLine, runGit } from '../git/git.ts';
import { deleteBranch, moveBranch, mustNotBeCheckedOut, tipOf } from './branches.ts';

/** Throws `CodexError` worktreeExists. */
export async function folderMustBeFree(folder: string): Promise<void> {
  try {
    if ((await readdir(folder)).length === 0) return;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    if (codeOf(error) !== 'ENOTDIR') throw error;
  }
  throw new CodexError('worktreeExists', { folder });
}

/** Throws `CodexError` branchExists | gitFailed; then nothing is left of it. */
export async function addWorktree(
  root: string,
  { folder, branch, at }: { folder: string; branch: string | null; at: string },
  why: string,
): Promise<string> {
  const place = resolve(root, folder);
  if (branch !== null) await moveBranch(root, branch, at, null, why);
  try {
    const what = branch === null ? ['--detach', place, at] : [place, branch];
    await runGit(root, ['worktree', 'add', '--quiet', ...what]);
    return place;
  } catch (error) {
    await runGit(root, ['worktree', 'remove', '--force', place]).catch(() => undefined);
    if (branch !== null) await deleteBranch(root, branch, at).catch(() => undefined);
    throw error;
  }
}

/** The tree of all that lies in a folder, ignored files too, told by an index of its own. */
export async function treeOfFolder(folder: string): Promise<string> {
  const temporary = await mkdtemp(join(tmpdir(), 'codex-tasks-index-'));
  const call = { env: { GIT_INDEX_FILE: join(temporary, 'index') }, config: ['core.splitIndex=false'] };
  try {
    await runGit(folder, ['read-tree', 'HEAD'], call);
    await runGit(folder, ['add', '--all', '--force'], call);
    return await gitLine(folder, ['write-tree'], call);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** Throws `CodexError` madeChanged when anything is not as it was made. */
export async function removeWorktree(
  root: string,
  { folder, branch, at, tree }: { folder: string; branch: string | null; at: string; tree: string },
): Promise<void> {
  const changed = () => new CodexError('madeChanged', { what: folder });
  const isThere = await readdir(folder).then(
    () => true,
    () => false,
  );
  if (isThere) {
    const head = await gitLine(folder, ['rev-parse', 'HEAD']);
    const { stdout } = await runGit(folder, ['symbolic-ref', '--quiet', 'HEAD'], { okCodes: [0, 1] });
    const on = stdout.toString('utf8').trim();
    if (head !== at || on !== (branch === null ? '' : `refs/heads/${branch}`)) throw changed();
    if ((await treeOfFolder(folder)) !== tree) throw changed();
    await runGit(root, ['worktree', 'remove', '--force', folder]);
  } else {
    await runGit(root, ['worktree', 'prune']);
  }
  if (branch === null) return;
  const tip = await tipOf(root, branch);
  if (tip === null) return;
  if (tip !== at) throw new CodexError('madeChanged', { what: branch });
  await mustNotBeCheckedOut(root, branch);
  await deleteBranch(root, branch, at);
}
