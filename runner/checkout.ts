/**
 * The repository in: a normal clone of `origin` at one commit, with no credential in it; made from
 * nothing, or (`keep`) brought to the commit where a setup has prepared it. With `asUncommitted` HEAD and
 * index are that commit and the files are the other.
 */
import { lstatSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { originUrl } from '../protocol/door.ts';
import type { DoorCheckout } from '../protocol/door.ts';
import { bringTo, fetchCommits } from './bring-to.ts';
import { DoorRefusal } from './failure.ts';
import { git } from './git.ts';

export async function checkout(wanted: DoorCheckout): Promise<void> {
  const { workdir } = wanted;
  if (wanted.keep === true && lstatSync(workdir, { throwIfNoEntry: false })?.isDirectory()) {
    try {
      return await bringTo(wanted);
    } catch (error) {
      if (!(error instanceof DoorRefusal) || error.reason !== 'gitFailed') throw error;
      // The repository there is damaged: only it is made anew, what was installed beside it stays.
      rmSync(join(workdir, '.git'), { recursive: true, force: true });
      await makeRepository(wanted);
      return await bringTo(wanted);
    }
  }
  emptyFolder(workdir);
  await makeRepository(wanted);
  await fetchCommits(wanted);
  const here = { cwd: workdir };
  await git(['checkout', '--quiet', '--force', '-B', wanted.branch, wanted.sha], here);
  // Branch and index move, no file does: what differs is what the person had not committed.
  if (wanted.asUncommitted !== undefined)
    await git(['reset', '--quiet', '--mixed', wanted.asUncommitted], here);
}

async function makeRepository({ workdir, sha, branch }: DoorCheckout): Promise<void> {
  const here = { cwd: workdir };
  const format = sha.length === 64 ? 'sha256' : 'sha1';
  await git(
    ['init', '--quiet', '--template=', `--object-format=${format}`, `--initial-branch=${branch}`],
    here,
  );
  await git(['remote', 'add', 'origin', originUrl(basename(workdir))], here);
}

/** The folder itself stays: it may be a mount, or a shell's current one. */
function emptyFolder(path: string): void {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat && !stat.isDirectory()) rmSync(path, { force: true });
  mkdirSync(path, { recursive: true });
  for (const name of readdirSync(path, { encoding: 'buffer' })) {
    rmSync(Buffer.concat([Buffer.from(join(path, '/')), name]), { recursive: true, force: true });
  }
}
