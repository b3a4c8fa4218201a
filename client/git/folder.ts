/**
 * What a folder of the person's is, as far as git is concerned: everything that decides whether and
 * how a task can start from it. Reads only.
 */
import { createHash } from 'node:crypto';
import { realpath, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { CodexError } from '../../protocol/errors.ts';
import { gitLine, query, runGit } from './git.ts';
import { publicRemote } from './remote.ts';

interface InRepository {
  /** The top of the working tree: often above the folder that was asked about. */
  root: string;
  name: string;
  /** The branch that is checked out; null when HEAD is detached. */
  branch: string | null;
  /** Where it came from, without credentials; null when only this machine could say where that is. */
  remote: string | null;
  /** Changes that are not committed, untracked files counted. */
  dirty: boolean;
  hasSubmodules: boolean;
  /** A linked worktree of another folder's repository. */
  isWorktree: boolean;
  /** Its history does not go back to the beginning. */
  isShallow: boolean;
}

export type Folder =
  | ({ kind: 'repository'; headSha: string } & InRepository)
  /** A repository before its first commit. */
  | ({ kind: 'noCommits' } & InRepository)
  | { kind: 'notGit'; root: string; name: string }
  /** Inside a `.git` folder, or a repository without a working tree. */
  | { kind: 'noWorkTree'; root: string; name: string }
  /** It belongs to another user; git itself refuses to read it until told otherwise. */
  | { kind: 'foreignOwner'; root: string; name: string }
  | { kind: 'missing' }
  | { kind: 'gitMissing' };

/** Throws `CodexError` gitFailed only for a repository that git cannot read. */
export async function inspectFolder(dir: string): Promise<Folder> {
  const folder = resolve(dir);
  try {
    if (!(await stat(folder)).isDirectory()) return { kind: 'missing' };
  } catch {
    return { kind: 'missing' };
  }
  const here = { root: folder, name: folderName(folder) };
  try {
    const inside = await runGit(folder, ['rev-parse', '--is-inside-work-tree'], { okCodes: [0, 128] });
    if (inside.code !== 0) {
      const trusted = await runGit(folder, ['rev-parse', '--git-dir'], {
        config: ['safe.directory=*'],
        okCodes: [0, 128],
      });
      return { kind: trusted.code === 0 ? 'foreignOwner' : 'notGit', ...here };
    }
    if (inside.stdout.toString('latin1').trim() !== 'true') return { kind: 'noWorkTree', ...here };
  } catch (thrown) {
    if (thrown instanceof CodexError && thrown.wire.params['reason'] === 'gitMissing')
      return { kind: 'gitMissing' };
    throw thrown;
  }
  return inspectRepository(folder);
}

async function inspectRepository(folder: string): Promise<Folder> {
  const root = resolve(await gitLine(folder, ['rev-parse', '--show-toplevel']));
  const git = await query(root);
  const head = await runGit(root, ['rev-parse', '--verify', '--quiet', 'HEAD^{commit}'], {
    okCodes: [0, 1, 128],
  });
  const branch = await currentBranch(root);
  const [gitDir = '', commonDir = '', shallow = ''] = (
    await git.revparse(['--git-dir', '--git-common-dir', '--is-shallow-repository'])
  ).split(/\r?\n/);
  const about: InRepository = {
    root,
    name: folderName(root),
    branch,
    remote: await remoteOf(root, branch),
    dirty: await isDirty(root),
    hasSubmodules: await isFile(join(root, '.gitmodules')),
    isWorktree: resolve(root, gitDir) !== resolve(root, commonDir),
    isShallow: shallow === 'true',
  };
  if (head.code !== 0) return { kind: 'noCommits', ...about };
  return { kind: 'repository', headSha: head.stdout.toString('latin1').trim(), ...about };
}

export async function currentBranch(root: string): Promise<string | null> {
  const { code, stdout } = await runGit(root, ['symbolic-ref', '--quiet', '--short', 'HEAD'], {
    okCodes: [0, 1],
  });
  return code === 0 ? stdout.toString('utf8').trim() : null;
}

/** The one the branch follows, else `origin`, else the first that there is. */
async function remoteOf(root: string, branch: string | null): Promise<string | null> {
  const git = await query(root);
  const remotes = new Map((await git.getRemotes(true)).map(({ name, refs }) => [name, refs.fetch]));
  const followed = branch === null ? null : (await git.getConfig(`branch.${branch}.remote`)).value;
  const address =
    (followed === null ? undefined : remotes.get(followed)) ??
    remotes.get('origin') ??
    [...remotes.values()][0];
  return address ? publicRemote(address) : null;
}

/** Stops git at the first change: nobody needs the list. */
async function isDirty(root: string): Promise<boolean> {
  try {
    const { stdout } = await runGit(root, ['status', '--porcelain', '-z', '--ignore-submodules=dirty'], {
      maxOutputBytes: 0,
    });
    return stdout.length > 0;
  } catch (thrown) {
    if (thrown instanceof CodexError && thrown.code === 'limitReached') return true;
    throw thrown;
  }
}

/**
 * Names the folder for the backend, without telling it where it is. Two machines, or two folders of
 * one machine, never have the same.
 */
export async function folderKey(root: string): Promise<string> {
  const real = await realpath(root);
  return createHash('sha256').update(`${hostname()}\0${real}`).digest('hex').slice(0, 40);
}

function folderName(folder: string): string {
  return basename(folder) || 'workspace';
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}
