/** Local branches, moved by compare-and-swap and never while a working tree stands on them. */
import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { branchNameProblem, isBranchName } from '../../protocol/branch-name.ts';
import { CodexError } from '../../protocol/errors.ts';
import { gitLine, runGit } from '../git/git.ts';

/** Throws `CodexError` branchNameInvalid. */
export function nameMustBeValid(branch: string): void {
  if (!isBranchName(branch)) throw new CodexError('branchNameInvalid', { branch });
}

/** The commit that a branch is at; null when there is none of this name. */
export async function tipOf(root: string, branch: string): Promise<string | null> {
  const { code, stdout } = await runGit(
    root,
    ['rev-parse', '--verify', '--quiet', `refs/heads/${branch}^{commit}`],
    {
      okCodes: [0, 1, 128],
    },
  );
  return code === 0 ? stdout.toString('latin1').trim() : null;
}

/** Throws `CodexError` branchCheckedOut for the worktree that stands on it, or is amid a rebase of it. */
export async function mustNotBeCheckedOut(root: string, branch: string): Promise<void> {
  const ref = `refs/heads/${branch}`;
  const folder = (await checkedOut(root)).get(ref);
  if (folder !== undefined) throw new CodexError('branchCheckedOut', { branch, folder });
  // A rebase or bisect detaches HEAD and comes back to the branch: git says so only in its own files.
  const common = resolve(root, await gitLine(root, ['rev-parse', '--git-common-dir']));
  const worktrees = await readdir(join(common, 'worktrees')).catch(() => []);
  for (const gitDir of [common, ...worktrees.map((name) => join(common, 'worktrees', name))]) {
    const busy = [await word(gitDir, 'rebase-merge/head-name'), await word(gitDir, 'rebase-apply/head-name')];
    const bisected = await word(gitDir, 'BISECT_START');
    if (busy.includes(ref) || bisected === branch)
      throw new CodexError('branchCheckedOut', { branch, folder: gitDir });
  }
}

async function word(gitDir: string, file: string): Promise<string | null> {
  return readFile(join(gitDir, file), 'utf8').then(
    (text) => text.trim(),
    () => null,
  );
}

/** The folder of the worktree that stands on a branch, by the branch's whole ref. */
async function checkedOut(root: string): Promise<Map<string, string>> {
  const { stdout } = await runGit(root, ['worktree', 'list', '--porcelain']);
  const found = new Map<string, string>();
  let folder = '';
  for (const line of stdout.toString('utf8').split('\n')) {
    if (line.startsWith('worktree ')) folder = line.slice('worktree '.length);
    if (line.startsWith('branch ')) found.set(line.slice('branch '.length), folder);
  }
  return found;
}

export interface LocalBranch {
  name: string;
  /** The commit that it is at. */
  at: string;
  /** Of the worktree that stands on it; null when none does. */
  folder: string | null;
}

/** Last committed to first. A name that is not UTF-8 can't be asked for, and is left out. */
export async function localBranches(root: string): Promise<LocalBranch[]> {
  const { stdout } = await runGit(root, [
    ...['for-each-ref', '--sort=-committerdate', '--format=%(objectname) %(refname)', 'refs/heads'],
  ]);
  const folders = await checkedOut(root);
  return stdout
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.includes('\ufffd'))
    .map((line) => {
      const space = line.indexOf(' ');
      const ref = line.slice(space + 1);
      const name = ref.slice('refs/heads/'.length);
      return { name, at: line.slice(0, space), folder: folders.get(ref) ?? null };
    });
}

/** `from` null: the branch must not be there. Throws `CodexError` branchMoved | branchExists | gitFailed. */
export async function moveBranch(
  root: string,
  branch: string,
  to: string,
  from: string | null,
  why: string,
): Promise<void> {
  const ref = `refs/heads/${branch}`;
  const old = from ?? '0'.repeat(to.length);
  await swap(root, branch, from, ['update-ref', '--create-reflog', '-m', why, ref, to, old]);
}

/** Throws `CodexError` branchMoved | gitFailed. */
export async function deleteBranch(root: string, branch: string, at: string): Promise<void> {
  await swap(root, branch, at, ['update-ref', '-d', `refs/heads/${branch}`, at]);
}

async function swap(root: string, branch: string, from: string | null, args: string[]): Promise<void> {
  try {
    await runGit(root, args);
  } catch (error) {
    // Looked at, not read from git's words: only another's write makes it differ.
    if ((await tipOf(root, branch)) === from) {
      const inTheWay = from === null ? await nameInTheWay(root, branch) : null;
      if (inTheWay === null) throw error;
      throw new CodexError('branchExists', { branch: inTheWay }, { cause: error });
    }
    throw new CodexError(from === null ? 'branchExists' : 'branchMoved', { branch }, { cause: error });
  }
}

/** Git keeps names as folders: `a` leaves no room for `a/b`. */
async function nameInTheWay(root: string, branch: string): Promise<string | null> {
  const taken = await localBranches(root);
  const problem = branchNameProblem(
    branch,
    taken.map(({ name }) => name),
  );
  return problem !== null && 'branch' in problem ? problem.branch : null;
}
