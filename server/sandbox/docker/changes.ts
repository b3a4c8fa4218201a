/**
 * Every file of a stopped container that differs from what it was made from, streamed: planned by
 * `changes-plan.ts`, read as archives. Volumes are not part of a container's changes; what is ours
 * among them is never read.
 */
import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { CODEX_DIR, RUN_DIR } from '../../../protocol/door.ts';
import type { ChangedFile } from '../sandbox.ts';
import type { Change, Source } from './changes-plan.ts';
import { isAtOrBelow, listedAs, parentOf, planChanges } from './changes-plan.ts';
import { inspectStopped } from './containers.ts';
import { tarEntries } from './tar.ts';

const NEVER = [CODEX_DIR, RUN_DIR, '/proc', '/sys', '/dev'];
const SLASH = Buffer.from('/');

export async function* changedFiles(
  docker: Docker,
  container: Docker.Container,
): AsyncGenerator<ChangedFile> {
  const { Image } = await inspectStopped(container);
  const changes = ((await container.changes()) as Change[] | null) ?? [];
  const { Size } = await docker.getImage(Image).inspect();
  const plan = planChanges(changes, NEVER, Size);
  const changed = new Set(changes.map((one) => listedAs(one.Path)));
  // One after the other: the engine locks a container while an archive of it is open.
  for (const source of plan) {
    const isAll = source.take === 'listed' && source.path === '/';
    const answer = isAll ? container.export() : container.getArchive({ path: source.path });
    const archive = (await answer) as Readable;
    // Its reader hears of it; one that has stopped reading does not want to.
    archive.on('error', () => {});
    try {
      yield* filesIn(source, archive, changed);
    } finally {
      // Whoever stops early must not leave it locked.
      archive.destroy();
    }
  }
}

async function* filesIn(
  source: Source,
  archive: Readable,
  changed: Set<string>,
): AsyncGenerator<ChangedFile> {
  const folder = Buffer.from(source.path === '/' ? '/' : withSlash(parentOf(source.path)));
  for await (const entry of tarEntries(archive as AsyncIterable<Buffer>)) {
    if (source.take === 'one' && entry.kind === 'folder') return;
    const path = withoutSlash(Buffer.concat([folder, entry.path]));
    const name = listedAs(path);
    if (NEVER.some((root) => isAtOrBelow(name, root))) continue;
    if (source.take === 'listed' && !changed.has(name)) continue;
    yield {
      path,
      ...(entry.kind === 'symlink' ? { target: entry.target } : {}),
      // A hard link's content comes with the name that the archive has it under first.
      ...(entry.kind === 'file' ? { content: entry.content } : {}),
    };
  }
}

function withSlash(path: string): string {
  return path.endsWith('/') ? path : `${path}/`;
}

function withoutSlash(path: Buffer): Buffer {
  return path.length > 1 && path[path.length - 1] === SLASH[0] ? path.subarray(0, -1) : path;
}
