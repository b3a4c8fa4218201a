/**
 * The volume with the runner, one per content: filled once through a container that is never
 * started, then mounted read-only into every sandbox. `complete` is written last; a volume without
 * it was cut off while it was filled and is filled again.
 */
import type Docker from 'dockerode';
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { pack } from 'tar-stream';
import { pipeline } from 'node:stream/promises';
import { CODEX_DIR } from '../../../protocol/door.ts';
import type { RunnerFiles } from '../runner-files.ts';
import type { NodeSource } from './node-source.ts';
import { LABEL } from './spec.ts';

const COMPLETE = 'complete';

/** The volume's name. `image` is any that is there: the helper needs one to exist at all. */
export async function ensureRunnerVolume(
  docker: Docker,
  runner: RunnerFiles,
  node: NodeSource,
  image: string,
): Promise<string> {
  const name = `codex-tasks-runner-${runner.hash}`;
  // Creating a volume that is there is no error.
  await docker.createVolume({ Name: name, Labels: { [`${LABEL}.runner`]: runner.hash } });
  const helper = await docker.createContainer({
    name: `codex-tasks-fill-${runner.hash}-${randomBytes(4).toString('hex')}`,
    Image: image,
    Entrypoint: ['/never-started'],
    Labels: { [`${LABEL}.helper`]: 'true' },
    HostConfig: {
      NetworkMode: 'none',
      Mounts: [
        {
          Type: 'volume',
          Source: name,
          Target: CODEX_DIR,
          ReadOnly: false,
          VolumeOptions: { NoCopy: true, Labels: {}, DriverConfig: { Name: 'local', Options: {} } },
        },
      ],
    },
  });
  try {
    if (!(await isComplete(helper))) await helper.putArchive(archive(runner, node), { path: CODEX_DIR });
  } finally {
    await helper.remove({ force: true });
  }
  return name;
}

async function isComplete(helper: Docker.Container): Promise<boolean> {
  try {
    const answer = (await helper.infoArchive({ path: `${CODEX_DIR}/${COMPLETE}` })) as NodeJS.ReadableStream;
    answer.resume();
    return true;
  } catch {
    return false;
  }
}

function archive(runner: RunnerFiles, node: NodeSource): NodeJS.ReadableStream {
  const tar = pack();
  const add = async (): Promise<void> => {
    tar.entry({ name: 'bin', type: 'directory', mode: 0o755 });
    await node.read((bytes, content) =>
      pipeline(content, tar.entry({ name: 'node', mode: 0o755, size: bytes })),
    );
    for (const file of runner.files) tar.entry({ name: file.path, mode: file.mode }, file.content);
    tar.entry({ name: COMPLETE, mode: 0o644 }, runner.hash);
    tar.finalize();
  };
  add().catch((error: unknown) => tar.destroy(error instanceof Error ? error : new Error(String(error))));
  return Readable.from(tar);
}
