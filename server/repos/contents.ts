/**
 * The new contents of every file that differs between two commits of a trusted repository, one after the
 * other: read in groups, so that a thousand small files are not a thousand processes.
 */
import type { WirePath } from '../../protocol/events.ts';
import { git, type GitCall } from './git.ts';
import { listChanges, sizesOf, wirePath } from './patch.ts';
import type { RawChange } from './raw-diff.ts';

/** A group is in memory at once. */
const GROUP_BYTES = 32 * 1024 * 1024;
/** What `cat-file --batch` puts around one blob, at most. */
const FRAME_BYTES = 128;
const SUBMODULE_MODE = '160000';

export interface NewContent {
  path: WirePath;
  name: Buffer;
  content: Buffer;
}

export async function* newContents(call: GitCall, from: string, to: string): AsyncGenerator<NewContent> {
  const changes = (await listChanges(call, from, to)).filter(
    ({ newMode, newSha }) => newMode !== SUBMODULE_MODE && !/^0+$/.test(newSha),
  );
  const sizes = await sizesOf(call, changes);
  let group: RawChange[] = [];
  let bytes = 0;
  for (const change of changes) {
    const size = sizes.get(change.newSha) ?? 0;
    if (group.length > 0 && bytes + size > GROUP_BYTES) {
      yield* read(call, group, bytes);
      [group, bytes] = [[], 0];
    }
    group.push(change);
    bytes += size;
  }
  if (group.length > 0) yield* read(call, group, bytes);
}

async function* read(call: GitCall, group: readonly RawChange[], bytes: number): AsyncGenerator<NewContent> {
  const { stdout } = await git(['cat-file', '--batch', '--buffer'], {
    ...call,
    input: group.map(({ newSha }) => `${newSha}\n`).join(''),
    maxOutputBytes: bytes + group.length * FRAME_BYTES,
  });
  let at = 0;
  for (const { path } of group) {
    const end = stdout.indexOf(0x0a, at);
    const size = Number(stdout.toString('latin1', at, end).split(' ')[2]);
    const content = stdout.subarray(end + 1, end + 1 + size);
    at = end + 1 + size + 1;
    yield { path: wirePath(path), name: path, content };
  }
}
