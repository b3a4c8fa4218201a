/**
 * The repository in: a normal clone of `origin` at one commit, made from nothing each time, with no
 * credential in it. With `asUncommitted` HEAD and index are that commit and the files are the other.
 */
import { lstatSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { originUrl } from '../protocol/door.ts';
import type { DoorCheckout } from '../protocol/door.ts';
import { git } from './git.ts';

export async function checkout(wanted: DoorCheckout): Promise<void> {
  const { workdir, sha, asUncommitted } = wanted;
  emptyFolder(workdir);
  const here = { cwd: workdir };
  const format = sha.length === 64 ? 'sha256' : 'sha1';
  await git(
    ['init', '--quiet', '--template=', `--object-format=${format}`, `--initial-branch=${wanted.branch}`],
    here,
  );
  await git(['remote', 'add', 'origin', originUrl(basename(workdir))], here);
  const commits = asUncommitted === undefined ? [sha] : [sha, asUncommitted];
  await git(
    [
      'fetch',
      '--quiet',
      '--no-write-fetch-head',
      'origin',
      '+refs/heads/*:refs/remotes/origin/*',
      '+refs/tags/*:refs/tags/*',
      ...commits,
    ],
    here,
  );
  await git(['checkout', '--quiet', '--force', '-B', wanted.branch, sha], here);
  // Branch and index move, no file does: what differs is what the person had not committed.
  if (asUncommitted !== undefined) await git(['reset', '--quiet', '--mixed', asUncommitted], here);
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
