/**
 * Every file of a stopped container that differs from what it was made from, streamed: planned by
 * `changes-plan.ts`, read as archives. Volumes are not part of a container's changes; what is ours
 * among them is never read.
 */
import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { CodexError } from '../../../protocol/errors.ts';
import { CODEX_DIR, RUN_DIR } from '../../../protocol/door.ts';
import type { ChangedFile } from '../sandbox.ts';
import type { Change, Source } from './changes-plan.ts';
import { isAtOrBelow, listedAs, parentOf, planChanges } from './changes-plan.ts';
import { tarEntries } from './tar.ts';

const NEVER = [CODEX_DIR, RUN_DIR, '/proc', '/sys', '/dev'];
/** Asked for ahead while one is being read: the engine prepares an archive for longer than it sends it. */
const ARCHIVES_AHEAD = 3;
const SLASH = Buffer.from('/');

export async function* changedFiles(
  docker: Docker,
  container: Docker.Container,
): AsyncGenerator<ChangedFile> {
  const { State, Image, Name } = await container.inspect();
  if (State.Running) throw new CodexError('conflict', {}, { detail: `${Name} has not been stopped` });
  const changes = ((await container.changes()) as Change[] | null) ?? [];
  const { Size } = await docker.getImage(Image).inspect();
  const plan = planChanges(changes, NEVER, Size);
  const changed = new Set(changes.map((one) => listedAs(one.Path)));
  for await (const { source, archive } of archives(container, plan)) {
    yield* filesIn(source, archive, changed);
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

async function* archives(
  container: Docker.Container,
  plan: Source[],
): AsyncGenerator<{ source: Source; archive: Readable }> {
  const open = async (source: Source): Promise<{ source: Source; archive: Readable }> => {
    const whole = source.take === 'listed' && source.path === '/';
    const answer = whole ? container.export() : container.getArchive({ path: source.path });
    const archive = (await answer) as Readable;
    // While it waits for its turn nobody hears of its end; its reader will.
    archive.on('error', () => {});
    return { source, archive };
  };
  const ahead: Promise<{ source: Source; archive: Readable }>[] = [];
  const waiting = [...plan];
  const fill = (): void => {
    while (ahead.length < ARCHIVES_AHEAD) {
      const next = waiting.shift();
      if (!next) return;
      const opening = open(next);
      opening.catch(() => {});
      ahead.push(opening);
    }
  };
  try {
    fill();
    for (let next = ahead.shift(); next; next = ahead.shift()) {
      const opened = await next;
      fill();
      yield opened;
    }
  } finally {
    for (const opening of ahead) {
      opening.then(
        ({ archive }) => archive.destroy(),
        () => {},
      );
    }
  }
}

function withSlash(path: string): string {
  return path.endsWith('/') ? path : `${path}/`;
}

function withoutSlash(path: Buffer): Buffer {
  return path.length > 1 && path[path.length - 1] === SLASH[0] ? path.subarray(0, -1) : path;
}
