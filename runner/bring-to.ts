/**
 * A prepared repository, brought to a commit: what is missing is fetched, tracked files are what the
 * commit says, what is neither tracked nor ignored goes (repositories inside too), and what is ignored
 * (what a setup installed) stays. Does next to nothing when the commit is the one that is there.
 *
 * At the end of a setup (`last`) that is noted in the git folder. Whoever starts from there changes only
 * what differs between the two commits: looking at ten thousand files takes longer than all the rest.
 *
 * Files that come out of an image have other inodes and times than git remembers; it compares size and
 * seconds only here, where no agent has run yet, or it would read each file again.
 */
import { lstatSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { originUrl } from '../protocol/door.ts';
import type { DoorCheckout } from '../protocol/door.ts';
import { DoorRefusal } from './failure.ts';
import { git, gitList, gitText, joinNul } from './git.ts';
import type { GitOptions } from './git.ts';
import { PLACES } from './places.ts';

const BY_SIZE_AND_SECOND = ['-c', 'core.checkStat=minimal', '-c', 'core.trustctime=false'];
/** The commit that the files are of, and nothing else is there but what is ignored. */
const NOTE = 'codex-prepared';
const NOTE_BYTES = 100;
const SHA = /^([0-9a-f]{40}|[0-9a-f]{64})$/;
/** Sections of a repository's configuration that say what it is; others say what a setup wants. */
const OF_THE_REPOSITORY = /^(core|extensions)$/;

export async function bringTo(wanted: DoorCheckout): Promise<void> {
  const { workdir, sha, asUncommitted, last } = wanted;
  const gitDir = join(workdir, '.git');
  if (!lstatSync(gitDir, { throwIfNoEntry: false })?.isDirectory())
    throw new DoorRefusal('gitFailed', 'there is no repository');
  // Whatever the configuration of the folder says about places.
  const here: GitOptions = { cwd: workdir, env: { GIT_DIR: gitDir, GIT_WORK_TREE: workdir } };
  removeLocks(gitDir);
  await withPlainConfig(gitDir, async () => {
    const commits = asUncommitted === undefined ? [sha] : [sha, asUncommitted];
    const [missing] = await Promise.all([missingOf(commits, here), forgetFlags(here)]);
    const at = takeNote(gitDir);
    if (missing) await fetchCommits(wanted, here);
    if (at === null || !(await moveFrom(at, wanted, here))) await bringAll(wanted, here);
    // Branch and index move, no file does: what differs is what the person had not committed.
    if (asUncommitted !== undefined)
      await git([...BY_SIZE_AND_SECOND, 'reset', '--quiet', '--mixed', asUncommitted], here);
    if (last === true) writeFileSync(join(gitDir, NOTE), `${sha}\n`);
  });
}

async function bringAll({ sha, branch }: DoorCheckout, here: GitOptions): Promise<void> {
  await git([...BY_SIZE_AND_SECOND, 'checkout', '--quiet', '--force', '-B', branch, sha], here);
  await git([...BY_SIZE_AND_SECOND, 'clean', '--quiet', '--force', '--force', '-d'], here);
}

/** From a commit that all files are known to be of. False when git finds that they are not. */
async function moveFrom(at: string, { sha, branch }: DoorCheckout, here: GitOptions): Promise<boolean> {
  try {
    if (at !== sha) await git([...BY_SIZE_AND_SECOND, 'read-tree', '-m', '-u', at, sha], here);
    await git(['update-ref', `refs/heads/${branch}`, sha], here);
    await git(['symbolic-ref', 'HEAD', `refs/heads/${branch}`], here);
    return true;
  } catch (error) {
    if (error instanceof DoorRefusal && error.reason === 'gitFailed') return false;
    throw error;
  }
}

/** Good for once: an agent works here from now on. */
function takeNote(gitDir: string): string | null {
  const path = join(gitDir, NOTE);
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (!stat) return null;
  const said = stat.isFile() && stat.size < NOTE_BYTES ? readFileSync(path, 'latin1').trim() : '';
  rmSync(path, { recursive: true });
  return SHA.test(said) ? said : null;
}

export async function fetchCommits(
  { workdir, sha, asUncommitted }: DoorCheckout,
  options: GitOptions = { cwd: workdir },
): Promise<void> {
  await git(
    [
      'fetch',
      '--quiet',
      '--no-write-fetch-head',
      originUrl(basename(workdir), PLACES.originPort),
      '+refs/heads/*:refs/remotes/origin/*',
      '+refs/tags/*:refs/tags/*',
      ...(asUncommitted === undefined ? [sha] : [sha, asUncommitted]),
    ],
    options,
  );
}

async function missingOf(commits: string[], here: GitOptions): Promise<boolean> {
  const input = Buffer.from(commits.map((sha) => `${sha}\n`).join(''));
  const said = await gitText(['cat-file', '--batch-check=%(objecttype)'], { ...here, input });
  return said.split('\n').some((line) => line !== 'commit');
}

/** A file that the index says not to look at would keep what a setup made of it. */
async function forgetFlags(here: GitOptions): Promise<void> {
  const flagged = (await gitList(['ls-files', '-v', '-z'], here)).filter((entry) => entry[0] !== 0x48);
  const names = joinNul(flagged.map((entry) => entry.subarray(2)));
  if (names.length === 0) return;
  for (const flag of ['--no-assume-unchanged', '--no-skip-worktree'])
    await git(['update-index', flag, '-z', '--stdin'], { ...here, input: names });
}

/** Of a git that was ended in the middle with everything else. */
function removeLocks(gitDir: string): void {
  for (const name of readdirSync(gitDir)) if (name.endsWith('.lock')) rmSync(join(gitDir, name));
}

/**
 * A setup may have configured filters, other URLs, includes: none of it decides what is checked out, and
 * all of it is there afterwards.
 */
async function withPlainConfig(gitDir: string, work: () => Promise<void>): Promise<void> {
  const path = join(gitDir, 'config');
  const said = readFileSync(path, 'latin1');
  const plain = plainConfig(said);
  if (plain !== said) writeFileSync(path, plain, 'latin1');
  try {
    await work();
  } finally {
    if (plain !== said) writeFileSync(path, said, 'latin1');
  }
}

export function plainConfig(text: string): string {
  let keeps = false;
  return text
    .split('\n')
    .filter((line) => {
      const section = /^\s*\[\s*([A-Za-z0-9.-]+)/.exec(line)?.[1];
      if (section !== undefined) keeps = OF_THE_REPOSITORY.test(section.toLowerCase());
      return keeps;
    })
    .join('\n');
}
