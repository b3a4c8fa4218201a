/** What of a folder's repository a pull request needs to know: its remote at a forge, branches. Reads only. */
import { currentBranch } from '../git/folder.ts';
import { gitLine, runGit } from '../git/git.ts';
import { atForge, type AtForge } from './forge-address.ts';

/** `host` and `repo`: where the pull request is asked for. */
export interface ForgeRemote extends AtForge {
  /** Of the remote. */
  name: string;
  /** Where this person pushes instead, as their git is told to: a fork of theirs, by its remote's name. */
  pushTo?: { name: string; repo: string };
}

/**
 * The one that the branch follows, else `origin`, else the first; null when that one is at no forge. `wanted`: the one
 * that is there, whichever branch is checked out by now; null when none is.
 */
export async function forgeRemote(root: string, wanted?: AtForge): Promise<ForgeRemote | null> {
  const names = (await gitLine(root, ['remote'])).split('\n').filter(Boolean);
  const branch = await currentBranch(root);
  const ofBranch = (key: string) => (branch === null ? '' : setting(root, `branch.${branch}.${key}`));
  const inOrder = [await ofBranch('remote'), 'origin', ...names].filter((one) => names.includes(one));
  const name = wanted === undefined ? inOrder[0] : await nameOf(root, inOrder, wanted);
  if (name === undefined) return null;
  const place = atForge(await remoteUrl(root, name));
  if (place === null) return null;
  const pushed = (await ofBranch('pushRemote')) || (await setting(root, 'remote.pushDefault'));
  const to = names.includes(pushed) ? pushed : name;
  // Of another host it is the same one by a name of the person's own, as in their configuration of SSH.
  const repo = atForge(await remoteUrl(root, to, '--push'))?.repo ?? place.repo;
  const isElsewhere = to !== name || repo.toLowerCase() !== place.repo.toLowerCase();
  return { name, ...place, ...(isElsewhere ? { pushTo: { name: to, repo } } : {}) };
}

/** As git uses it: rewritten by `insteadOf`, the first of several. */
export async function remoteUrl(root: string, name: string, ...options: '--push'[]): Promise<string> {
  return (await gitLine(root, ['remote', 'get-url', ...options, '--', name])).split('\n')[0] ?? '';
}

async function nameOf(
  root: string,
  names: readonly string[],
  { host, repo }: AtForge,
): Promise<string | undefined> {
  for (const name of names) {
    const place = atForge(await remoteUrl(root, name));
    if (place?.host === host && place.repo.toLowerCase() === repo.toLowerCase()) return name;
  }
  return undefined;
}

async function setting(root: string, key: string): Promise<string> {
  return gitLine(root, ['config', '--get', key], { okCodes: [0, 1] });
}

/** The branch to ask into: the one that is checked out where the remote has it, else the remote's default one. */
export async function baseBranch(root: string, remote: string, wanted?: string): Promise<string> {
  for (const branch of [wanted, await currentBranch(root)]) {
    if (branch === undefined || branch === null) continue;
    if (await hasRef(root, `refs/remotes/${remote}/${branch}`)) return branch;
  }
  const prefix = `refs/remotes/${remote}/`;
  const head = await gitLine(root, ['symbolic-ref', '--quiet', `${prefix}HEAD`], { okCodes: [0, 1] });
  if (head.startsWith(prefix)) return head.slice(prefix.length);
  return (await hasRef(root, `${prefix}master`)) && !(await hasRef(root, `${prefix}main`))
    ? 'master'
    : 'main';
}

/** Commits below it that the remote did not have when it was last asked. */
export async function unpushedCommits(root: string, remote: string, commit: string): Promise<number> {
  const count = await gitLine(root, ['rev-list', '--count', commit, '--not', `--remotes=${remote}`]);
  return Number(count);
}

async function hasRef(root: string, ref: string): Promise<boolean> {
  const { code } = await runGit(root, ['show-ref', '--verify', '--quiet', ref], { okCodes: [0, 1, 128] });
  return code === 0;
}
