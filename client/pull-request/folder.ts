/** What of a folder's repository a pull request needs to know: its remote at a forge, branches. Reads only. */
import { currentBranch } from '../git/folder.ts';
import { gitLine, runGit } from '../git/git.ts';
import { atForge, type AtForge } from './forge-address.ts';

export interface ForgeRemote extends AtForge {
  /** Of the remote, as `git push` takes it. */
  name: string;
}

/** The one that the branch follows, else `origin`, else the first; null when that one is at no forge. */
export async function forgeRemote(root: string): Promise<ForgeRemote | null> {
  const names = (await gitLine(root, ['remote'])).split('\n').filter(Boolean);
  const branch = await currentBranch(root);
  const followed =
    branch === null
      ? ''
      : await gitLine(root, ['config', '--get', `branch.${branch}.remote`], { okCodes: [0, 1] });
  const name = [followed, 'origin', ...names].find((one) => names.includes(one));
  if (name === undefined) return null;
  const place = atForge((await gitLine(root, ['remote', 'get-url', name])).split('\n')[0] ?? '');
  return place && { name, ...place };
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
