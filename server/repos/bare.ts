/**
 * Bare repositories as such: making one, asking what it has, carrying commits from one to another.
 *
 * Commits are copied as packs, never shared: no alternates, no hard links, since a pack of the
 * source may hold what the other may not see.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CodexError } from '../../protocol/errors.ts';
import { git, gitLine, isDiskFull, type GitCall } from './git.ts';
import type { ObjectFormat } from './key.ts';

/** A copy of a very large repository, on a slow disk. */
const COPY_TIMEOUT_MS = 60 * 60_000;

/** Left behind by a process that was killed; swept at start. */
export const TEMPORARY_PREFIX = '.making-';

export async function exists(dir: string): Promise<boolean> {
  try {
    return (await stat(join(dir, 'HEAD'))).isFile();
  } catch {
    return false;
  }
}

/** Makes it whole or not at all; one that is there is kept. */
export async function initBare(dir: string, format: ObjectFormat): Promise<void> {
  if (await exists(dir)) return;
  const temporary = join(dirname(dir), `${TEMPORARY_PREFIX}${randomUUID()}`);
  try {
    await mkdir(dirname(dir), { recursive: true, mode: 0o700 });
    await git([
      'init',
      '--quiet',
      '--bare',
      '--template=',
      `--object-format=${format}`,
      '--initial-branch=main',
      temporary,
    ]);
    await rename(temporary, dir);
  } catch (thrown) {
    // Before its beginnings are removed, which makes some room.
    const full = (thrown as NodeJS.ErrnoException).code === 'ENOSPC' || (await isDiskFull(dirname(dir)));
    await rm(temporary, { recursive: true, force: true });
    if (await exists(dir)) return;
    if (full) throw new CodexError('diskFull', {}, { cause: thrown });
    throw thrown;
  }
}

export async function objectFormat(dir: string): Promise<ObjectFormat> {
  const format = await gitLine(['rev-parse', '--show-object-format'], { dir });
  return format === 'sha256' ? 'sha256' : 'sha1';
}

export async function hasCommit(dir: string, sha: string): Promise<boolean> {
  // 1 and 128: not there, or there as something else.
  const { code } = await git(['cat-file', '-e', `${sha}^{commit}`], { dir, okCodes: [0, 1, 128] });
  return code === 0;
}

/** Throws `CodexError` commitMissing. */
export async function checkCommits(dir: string, shas: readonly string[]): Promise<void> {
  for (const sha of shas) {
    if (!(await hasCommit(dir, sha))) throw new CodexError('commitMissing', { sha });
  }
}

/**
 * Work for which git itself looks whether these commits are there: one process less each time. That it is them is
 * found out once it has failed; throws `CodexError` commitMissing then.
 */
export async function withCommits<T>(
  dir: string,
  shas: readonly string[],
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    await checkCommits(dir, shas);
    throw thrown;
  }
}

export async function refExists(dir: string, ref: string): Promise<boolean> {
  const { code } = await git(['show-ref', '--verify', '--quiet', ref], { dir, okCodes: [0, 1] });
  return code === 0;
}

/** The commit's tree. */
export async function treeOf(
  dir: string,
  commit: string,
  options: Omit<GitCall, 'dir'> = {},
): Promise<string> {
  return gitLine(['rev-parse', '--verify', '--quiet', `${commit}^{commit}^{tree}`], { dir, ...options });
}

/** Sets refs in one transaction; all or none. */
export async function setRefs(dir: string, refs: readonly { ref: string; to: string }[]): Promise<void> {
  const lines = refs.map(({ ref, to }) => `update ${ref}\0${to}\0\0`).join('');
  await git(['update-ref', '--stdin', '-z', '--no-deref'], { dir, input: lines });
}

/** Copies the commits, with all that they reach and `to` does not have yet. */
export async function copyCommits(from: string, to: string, commits: readonly string[]): Promise<void> {
  const { stdout } = await git(['for-each-ref', '--format=%(objectname)'], { dir: to });
  const there = [...new Set(stdout.toString('latin1').split('\n').filter(Boolean))];
  const wanted = commits.filter((sha) => !there.includes(sha));
  if (wanted.length === 0) return;
  const known = await present(from, there);
  const input = [...wanted, ...known.map((sha) => `^${sha}`), ''].join('\n');
  await git(
    [
      'pack-objects',
      '--quiet',
      '--revs',
      '--non-empty',
      '--delta-base-offset',
      join(to, 'objects', 'pack', 'pack'),
    ],
    { dir: from, input, timeoutMs: COPY_TIMEOUT_MS },
  );
}

/** Those of the ids that are commits of the repository. */
export async function present(dir: string, shas: readonly string[]): Promise<string[]> {
  if (shas.length === 0) return [];
  const { stdout } = await git(['cat-file', '--batch-check=%(objecttype)', '--buffer'], {
    dir,
    input: `${shas.join('\n')}\n`,
  });
  const types = stdout.toString('latin1').split('\n');
  return shas.filter((_, index) => types[index] === 'commit');
}

/** A list of folders as git's environment wants it, whatever their names contain. */
export function objectPathList(dirs: readonly string[]): string {
  const quoted = dirs.map((dir) => `"${dir.replaceAll('\\', '/').replaceAll('"', '\\"')}"`);
  return quoted.join(process.platform === 'win32' ? ';' : ':');
}
