/**
 * Objects from outside first lie in a folder apart, where nothing of ours sees them, and move into the trusted
 * repository once they were found good. What fails on the way leaves nothing behind.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { CodexError } from '../../protocol/errors.ts';
import { objectPathList } from './bare.ts';
import { isDiskFull, type GitCall } from './git.ts';

/** Left behind by a process that was killed; swept at start. */
export const QUARANTINE_PREFIX = 'incoming-result-';

/** `against`: the repository whose objects the new ones may lean on. */
export async function throughQuarantine(
  repo: string,
  against: string,
  fill: (apart: GitCall) => Promise<void>,
): Promise<void> {
  const quarantine = join(repo, 'objects', `${QUARANTINE_PREFIX}${randomUUID()}`);
  try {
    await mkdir(join(quarantine, 'pack'), { recursive: true, mode: 0o700 });
    await fill({
      dir: against,
      env: {
        GIT_OBJECT_DIRECTORY: quarantine,
        GIT_ALTERNATE_OBJECT_DIRECTORIES: objectPathList([join(against, 'objects')]),
      },
    });
    await movePacks(join(quarantine, 'pack'), join(repo, 'objects', 'pack'));
  } finally {
    await rm(quarantine, { recursive: true, force: true });
  }
}

/** The index last: git sees a pack once its index is there. */
async function movePacks(from: string, to: string): Promise<void> {
  const names = await readdir(from);
  const last = (name: string) => (name.endsWith('.idx') ? 1 : 0);
  try {
    await mkdir(to, { recursive: true });
    // A pack's name is the hash of its content: replacing one by itself is no change.
    for (const name of names.sort((a, b) => last(a) - last(b)))
      await rename(join(from, name), join(to, name));
  } catch (cause) {
    if (await isDiskFull(to)) throw new CodexError('diskFull', {}, { cause });
    throw cause;
  }
}
