/**
 * What an image's own user must be able to write, given to it before its container starts: nothing in a
 * container that runs as somebody else than root could do it later.
 */
import { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { pack } from 'tar-stream';
import { RUN_DIR, WORKSPACE_DIR } from '../../../protocol/door.ts';
import { OTHER_HOME } from './probe.ts';
import type { ImageUser } from './spec.ts';

export async function handOver(container: Docker.Container, user: ImageUser): Promise<void> {
  if (user.uid === 0) return;
  const { uid, gid } = user;
  const tar = pack();
  const folder = (path: string, mode: number): void =>
    void tar.entry({ name: path.slice(1), type: 'directory', mode, uid, gid });
  folder(RUN_DIR, 0o700);
  folder(WORKSPACE_DIR, 0o755);
  if (user.home === OTHER_HOME) folder(OTHER_HOME, 0o755);
  tar.finalize();
  await container.putArchive(Readable.from(tar), { path: '/' });
}
