/**
 * What a container is made from, found or made before the first one needs it: the image (or a snapshot of
 * one), what it can run as, the runner's volume for it, and what the engine can limit.
 */
import type Docker from 'dockerode';
import { findNode } from '../node-binary.ts';
import { runnerFiles } from '../runner-files.ts';
import type { SandboxSpec } from '../sandbox.ts';
import { engineInfo, factsOf, nodeArchitecture, sizesDisk } from './engine.ts';
import { statusOf } from './failure.ts';
import type { Images } from './images.ts';
import { nodeOfFile, nodeOfImage } from './node-source.ts';
import { Probes } from './probe.ts';
import { ensureRunnerVolume } from './runner-volume.ts';
import { standsOn } from './snapshots.ts';
import type { ContainerOf, EngineFacts, ImageUser } from './spec.ts';

type Progress = (line: string) => void;
/** All that does not depend on the task. */
export type Ground = Omit<ContainerOf, 'name' | 'taskId' | 'attempt' | 'repoName' | 'role'> & {
  user: ImageUser;
};
export type GroundSpec = Pick<SandboxSpec, 'image' | 'snapshot' | 'limits'>;

export class Grounds {
  readonly #docker: Docker;
  readonly #owner: string;
  /** Absent: the engine's default. */
  readonly #runtime: string | undefined;
  readonly #images: Images;
  readonly #probes: Probes;
  /** Volumes that are complete, and how the engine treats disks: neither changes any more. */
  readonly #ready = new Map<string, Promise<string>>();

  constructor(docker: Docker, owner: string, runtime: string | undefined, images: Images) {
    this.#docker = docker;
    this.#owner = owner;
    this.#runtime = runtime;
    this.#images = images;
    this.#probes = new Probes(docker);
  }

  /** Throws `CodexError` imageMissing when the snapshot is gone, sandboxStartFailed for an image that does not fit. */
  async of(spec: GroundSpec, progress: Progress, signal?: AbortSignal): Promise<Ground> {
    const image =
      spec.snapshot === undefined
        ? await this.#images.ensure(spec.image, progress, signal)
        : { name: spec.snapshot, id: spec.snapshot };
    // A snapshot was made from an image that fitted; what its setup did to bash or git is not asked.
    const root = spec.snapshot === undefined ? image : await standsOn(this.#docker, spec.snapshot);
    const engine = await this.#engine(image.id);
    const ground = {
      image: image.id,
      runnerVolume: await this.#runnerVolume(image.id, engine, progress, signal),
      owner: this.#owner,
      limits: spec.limits,
      engine,
    };
    const user = await this.#probes.user({ ...ground, image: root.id, repoName: 'probe' }, root.name);
    signal?.throwIfAborted();
    return { ...ground, user };
  }

  /** The volume of the runner that this backend brings, as far as it was needed yet. */
  async currentVolumes(): Promise<string[]> {
    const volumes = [...this.#ready].filter(([key]) => key.startsWith('volume '));
    return Promise.all(volumes.map(([, name]) => name.catch(() => '')));
  }

  async #engine(image: string): Promise<EngineFacts> {
    const info = await engineInfo(this.#docker);
    const sized = await this.#once('disk limit', async () =>
      (await sizesDisk(this.#docker, info, image)) ? 'enforced' : 'watched',
    );
    return factsOf(info, this.#runtime, sized === 'enforced');
  }

  async #runnerVolume(
    image: string,
    engine: EngineFacts,
    progress: Progress,
    signal?: AbortSignal,
  ): Promise<string> {
    const found = await findNode(nodeArchitecture(engine));
    // A backend that runs on VS Code's own Node has none to give: the default image has one inside.
    const node = found
      ? nodeOfFile(found)
      : nodeOfImage(this.#docker, (await this.#images.ensure(undefined, progress, signal)).id);
    const runner = await runnerFiles(node.identity);
    const key = `volume ${runner.hash}`;
    const make = (): Promise<string> => ensureRunnerVolume(this.#docker, runner, node, image);
    const volume = await this.#once(key, make);
    // Another backend may have swept it: the engine would mount an empty one in its place.
    if (await isThere(this.#docker, volume)) return volume;
    this.#ready.delete(key);
    return this.#once(key, make);
  }

  /** Each once at a time; what failed is tried again by the next. */
  #once(key: string, work: () => Promise<string>): Promise<string> {
    let running = this.#ready.get(key);
    if (!running) {
      running = work();
      this.#ready.set(key, running);
      running.catch(() => this.#ready.delete(key));
    }
    return running;
  }
}

async function isThere(docker: Docker, volume: string): Promise<boolean> {
  try {
    await docker.getVolume(volume).inspect();
    return true;
  } catch (error) {
    if (statusOf(error) === 404) return false;
    throw error;
  }
}
