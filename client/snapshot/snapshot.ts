/**
 * A commit of a folder as it is now, to be sent to the backend.
 *
 * In order: which commit it stands on; a copy of the index, brought to the state of the working tree
 * (`collect.ts`); the tree, and a commit of it. Everything new is written to a temporary folder: the
 * person's index, refs, objects, configuration and files are never touched. The same state gives the
 * same commit, so that what was sent once is not sent again. `dispose` removes the temporary folder.
 */
import { copyFile, mkdir, mkdtemp, rm, stat, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { CodexError } from '../../protocol/errors.ts';
import { defaultCommit } from '../git/default-branch.ts';
import { inspectFolder, type Folder } from '../git/folder.ts';
import { gitLine, runGit, type GitCall } from '../git/git.ts';
import { collect } from './collect.ts';
import type { SnapshotWarning } from './warnings.ts';

export interface Snapshot {
  /** The top of the working tree, or the folder when it is in no repository. */
  root: string;
  /** The commit to work on. */
  sha: string;
  /** The commit that the person has checked out, when `sha` stands on it; null before the first one. */
  headSha: string | null;
  branch: string | null;
  /** The newest commit of the default branch that this clone knows of. */
  defaultSha: string | null;
  /** Whether `sha` holds changes that the person has not committed. */
  includesLocal: boolean;
  warnings: SnapshotWarning[];
  /** Where git finds the commit: for `pushCommits`. */
  gitEnv: Readonly<Record<string, string>>;
  dispose(): Promise<void>;
}

/** Who "wrote" a snapshot: no one's name is needed, none is taken. */
const IDENTITY = {
  GIT_AUTHOR_NAME: 'Codex Tasks',
  GIT_AUTHOR_EMAIL: 'codex-tasks@localhost',
  GIT_COMMITTER_NAME: 'Codex Tasks',
  GIT_COMMITTER_EMAIL: 'codex-tasks@localhost',
};
/** A commit that stands on none has a fixed date, so that the same files are the same commit. */
const ROOT_DATE = '946684800 +0000';

/** What a sandbox takes as a branch. */
const MAX_BRANCH_CHARS = 250;

/** Warnings about line endings are errors for some; the conversion itself is the same. */
const CONFIG = [
  'core.safecrlf=false',
  'core.splitIndex=false',
  'core.untrackedCache=false',
  'i18n.commitEncoding=UTF-8',
];

/**
 * `dir`: a folder, or any folder inside a repository. `ref` (a branch, tag or commit) only without
 * local changes, or when it is the commit that is checked out.
 * Throws `CodexError` gitFailed (`reason`: gitMissing, noWorkTree, foreignOwner, missing) | refUnknown | cancelled.
 */
export async function takeSnapshot(
  dir: string,
  options: { includeLocal: boolean; ref?: string; signal?: AbortSignal },
): Promise<Snapshot> {
  const folder = await inspectFolder(dir);
  const temporary = await mkdtemp(join(tmpdir(), 'codex-snapshot-'));
  const dispose = () => rm(temporary, { recursive: true, force: true });
  try {
    const taken = await take(folder, temporary, options);
    return { ...taken, dispose };
  } catch (thrown) {
    await dispose();
    throw thrown;
  }
}

type Taken = Omit<Snapshot, 'dispose'>;
type Options = { includeLocal: boolean; ref?: string; signal?: AbortSignal };

async function take(folder: Folder, temporary: string, options: Options): Promise<Taken> {
  switch (folder.kind) {
    case 'repository':
      return ofRepository(folder, temporary, options);
    case 'noCommits':
      return ofRepository({ ...folder, headSha: null, isShallow: false }, temporary, options);
    case 'notGit':
      return ofPlainFolder(folder.root, temporary, options);
    case 'gitMissing':
    case 'missing':
    case 'noWorkTree':
    case 'foreignOwner':
      throw new CodexError('gitFailed', { reason: folder.kind }, { detail: `no snapshot: ${folder.kind}` });
  }
}

async function ofRepository(
  folder: { root: string; branch: string | null; headSha: string | null; isShallow: boolean },
  temporary: string,
  options: Options,
): Promise<Taken> {
  const { root, branch } = folder;
  const objects = resolve(root, await gitLine(root, ['rev-parse', '--git-path', 'objects']));
  const gitEnv = {
    GIT_OBJECT_DIRECTORY: join(temporary, 'objects'),
    GIT_ALTERNATE_OBJECT_DIRECTORIES: quoted(objects),
  };
  await mkdir(gitEnv.GIT_OBJECT_DIRECTORY);
  const call = callWith(options, gitEnv);
  const warnings: SnapshotWarning[] = [];

  const base = await baseCommit(folder, options, call);
  let head = base;
  let defaultSha = await defaultCommit(root);
  if (folder.isShallow && base !== null) {
    head = await withoutHistory(root, call, base);
    if (defaultSha !== null) defaultSha = await withoutHistory(root, call, defaultSha);
    warnings.push({ code: 'shallowHistory', params: {} });
  }
  const clean: Taken = {
    root,
    sha: head ?? '',
    headSha: head,
    branch: options.ref === undefined || base === folder.headSha ? takeable(branch) : null,
    defaultSha,
    includesLocal: false,
    warnings,
    gitEnv,
  };
  // Before the first commit there is nothing but local changes.
  if (head !== null && !options.includeLocal) return clean;

  const index = join(temporary, 'index');
  await copyIndex(resolve(root, await gitLine(root, ['rev-parse', '--git-path', 'index'])), index);
  const indexed = callWith(options, { ...gitEnv, GIT_INDEX_FILE: index });
  warnings.push(...(await collect(root, indexed)));
  const tree = await gitLine(root, ['write-tree'], indexed);
  if (head !== null && tree === (await treeOf(root, call, head))) return clean;
  const sha = await commit(root, call, tree, head, 'Local changes');
  return { ...clean, sha, includesLocal: true };
}

/** A repository for the occasion, outside the folder; what `.gitignore` names stays out. */
async function ofPlainFolder(root: string, temporary: string, options: Options): Promise<Taken> {
  const gitEnv = { GIT_DIR: join(temporary, 'repository.git'), GIT_WORK_TREE: root };
  const call = callWith(options, gitEnv);
  await runGit(root, ['init', '--quiet', '--template='], call);
  const warnings = await collect(root, call);
  const tree = await gitLine(root, ['write-tree'], call);
  const sha = await commit(root, call, tree, null, 'The folder');
  return { root, sha, headSha: null, branch: null, defaultSha: null, includesLocal: true, warnings, gitEnv };
}

function callWith(options: Options, env: Readonly<Record<string, string>>): GitCall {
  return { env, config: CONFIG, ...(options.signal ? { signal: options.signal } : {}) };
}

async function baseCommit(
  folder: { root: string; headSha: string | null },
  options: Options,
  call: GitCall,
): Promise<string | null> {
  if (options.ref === undefined) return folder.headSha;
  const { code, stdout } = await runGit(
    folder.root,
    ['rev-parse', '--verify', '--quiet', '--end-of-options', `${options.ref}^{commit}`],
    { ...call, okCodes: [0, 1, 128] },
  );
  if (code !== 0) throw new CodexError('refUnknown', { ref: options.ref });
  const sha = stdout.toString('latin1').trim();
  if (options.includeLocal && sha !== folder.headSha) {
    // Local changes stand on what is checked out, and on nothing else.
    throw new CodexError('badRequest', { field: 'ref', reason: 'notCheckedOut' });
  }
  return sha;
}

async function treeOf(root: string, call: GitCall, commitSha: string): Promise<string> {
  return gitLine(root, ['rev-parse', '--verify', `${commitSha}^{tree}`], call);
}

/** A commit whose parents are not in this clone cannot be sent as it is: its files are, as one that has none. */
async function withoutHistory(root: string, call: GitCall, sha: string): Promise<string> {
  const tree = await treeOf(root, call, sha);
  return commit(root, call, tree, null, 'History before this is not in the clone');
}

async function commit(
  root: string,
  call: GitCall,
  tree: string,
  parent: string | null,
  message: string,
): Promise<string> {
  const date =
    parent === null ? ROOT_DATE : await gitLine(root, ['show', '-s', '--format=%ct +0000', parent], call);
  return gitLine(root, ['commit-tree', '--no-gpg-sign', ...(parent === null ? [] : ['-p', parent]), tree], {
    ...call,
    env: { ...call.env, ...IDENTITY, GIT_AUTHOR_DATE: date, GIT_COMMITTER_DATE: date },
    input: message,
  });
}

/**
 * With its time, rounded down: git trusts an entry only if the file is older than the index, and a
 * copy that is newer than the original would make it trust too many.
 */
async function copyIndex(from: string, to: string): Promise<void> {
  try {
    await copyFile(from, to);
    const { mtimeMs } = await stat(from);
    const seconds = Math.floor(mtimeMs / 1000);
    await utimes(to, seconds, seconds);
  } catch (thrown) {
    // A repository in which nothing was ever staged has none.
    if ((thrown as NodeJS.ErrnoException).code !== 'ENOENT') throw thrown;
  }
}

/** Plumbing can make a branch that no command of git's would take as its argument: to the task it is none. */
function takeable(branch: string | null): string | null {
  return branch === null || branch.startsWith('-') || branch.length > MAX_BRANCH_CHARS ? null : branch;
}

/** One folder for git's list of object folders, whatever its name contains. */
function quoted(dir: string): string {
  return `"${dir.replaceAll('\\', '/').replaceAll('"', '\\"')}"`;
}
