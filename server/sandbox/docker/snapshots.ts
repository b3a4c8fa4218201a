/**
 * Prepared environments as images: a stopped container's files, with the configuration of the image that
 * it was made from and labels of ours. Nothing of the container's own configuration is in it, nor what
 * lies on volumes (the runner, and `/run/codex` with the output of commands).
 *
 * An image has at most 127 layers. A snapshot is made of a sandbox on a plain image, or of one on such a
 * snapshot; never deeper, so that the limit is out of reach of whatever image it began with.
 */
import { randomBytes } from 'node:crypto';
import type Docker from 'dockerode';
import { CodexError } from '../../../protocol/errors.ts';
import type { SnapshotRef } from '../sandbox.ts';
import { inspectStopped } from './containers.ts';
import { statusOf } from './failure.ts';
import { LABEL } from './spec.ts';

const REPOSITORY = `${LABEL}/prepared`;
const PREPARED = `${LABEL}.prepared`;
const DEPTH = `${LABEL}.depth`;
const ROOT = `${LABEL}.from`;
const OWNER = `${LABEL}.owner`;
/** The labels that `snapshot` was given. */
const GIVEN = `${LABEL}.with.`;
const DEPTH_MOST = 2;

type ImageConfig = Docker.ImageInspectInfo['Config'];

export class Snapshots {
  readonly #docker: Docker;
  readonly #owner: string;

  constructor(docker: Docker, owner: string) {
    this.#docker = docker;
    this.#owner = owner;
  }

  async make(name: string, labels: Record<string, string>): Promise<{ id: string; bytes: number }> {
    const container = this.#docker.getContainer(name);
    const made = await inspectStopped(container);
    const from = await this.#docker.getImage(made.Image).inspect();
    const depth = Number(from.Config.Labels?.[DEPTH] ?? 0) + 1;
    if (depth > DEPTH_MOST)
      throw new CodexError('internal', {}, { detail: `${name} already stands on ${DEPTH_MOST} snapshots` });
    const query = {
      container: made.Id,
      repo: REPOSITORY,
      tag: randomBytes(12).toString('hex'),
      pause: false,
    };
    const config = snapshotConfig(from.Config, made.Config.Labels, {
      [PREPARED]: 'true',
      [OWNER]: this.#owner,
      [DEPTH]: String(depth),
      [ROOT]: from.Config.Labels?.[ROOT] ?? made.Image,
      ...Object.fromEntries(Object.entries(labels).map(([key, value]) => [`${GIVEN}${key}`, value])),
    });
    // Not in the published types: what goes into the body apart from the query.
    const apart: object = { _query: query, _body: config };
    const { Id: id } = (await container.commit(apart)) as { Id: string };
    const { Size } = await this.#docker.getImage(id).inspect();
    return { id, bytes: Math.max(0, Size - from.Size) };
  }

  async list(): Promise<SnapshotRef[]> {
    const images = await this.#docker.listImages({
      filters: { label: [`${PREPARED}=true`, `${OWNER}=${this.#owner}`] },
    });
    return images.map((one) => ({
      id: one.Id,
      createdAt: one.Created * 1_000,
      labels: Object.fromEntries(
        Object.entries(one.Labels ?? {}).flatMap(([key, value]) =>
          key.startsWith(GIVEN) && value !== '' ? [[key.slice(GIVEN.length), value]] : [],
        ),
      ),
    }));
  }

  async remove(id: string): Promise<boolean> {
    try {
      await this.#docker.getImage(id).remove();
      return true;
    } catch (error) {
      // 409: a container, or a snapshot on top of it, needs it.
      if (statusOf(error) === 409) return false;
      if (statusOf(error) === 404) return true;
      throw error;
    }
  }
}

/** The image below a snapshot. Throws `imageMissing` when the snapshot is gone. */
export async function standsOn(docker: Docker, id: string): Promise<{ id: string; name: string }> {
  try {
    const root = (await docker.getImage(id).inspect()).Config.Labels?.[ROOT] ?? id;
    return { id: root, name: root };
  } catch (error) {
    throw statusOf(error) === 404 ? missing(id, error) : error;
  }
}

export function missing(image: string, cause: unknown): CodexError {
  const detail = `The prepared environment ${image} is gone.`;
  return new CodexError('imageMissing', { image, reason: 'it was removed' }, { detail, cause });
}

/**
 * The engine fills what is absent or empty here from the container's own configuration, label by label:
 * so every label of ours is named, and emptied where it is not meant.
 */
export function snapshotConfig(
  image: ImageConfig,
  ofContainer: Record<string, string>,
  ours: Record<string, string>,
): object {
  const emptied = Object.keys(ofContainer)
    .filter((key) => key.startsWith(`${LABEL}.`))
    .map((key): [string, string] => [key, '']);
  return {
    ...image,
    Entrypoint: image.Entrypoint ?? [],
    Cmd: image.Cmd ?? [],
    Labels: { ...image.Labels, ...Object.fromEntries(emptied), ...ours },
  };
}
