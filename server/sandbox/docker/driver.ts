/**
 * Sandboxes as Docker containers. Opening one, in order: engine → image → its probe → the runner's
 * volume → the container (there, stopped, or new) → one attached `exec` as its door.
 *
 * The engine is the only register: what exists is found by name and label, never remembered.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import Docker from 'dockerode';
import { CodexError, errorText } from '../../../protocol/errors.ts';
import { CODEX_DIR } from '../../../protocol/door.ts';
import type { Door } from '../door.ts';
import { DoorBroken, DoorRefused, openDoor } from '../door.ts';
import { DoorSandbox } from '../door-sandbox.ts';
import { checkRepoName, ownerOf, sandboxName } from '../naming.ts';
import { findNode } from '../node-binary.ts';
import { Parking } from '../parking.ts';
import { runnerFiles } from '../runner-files.ts';
import type {
  ChangedFile,
  Sandbox,
  SandboxDriver,
  SandboxHealth,
  SandboxRef,
  SandboxSpec,
  SnapshotRef,
} from '../sandbox.ts';
import { engineInfo, factsOf, runtimeMissing, sizesDisk, weaknessesOf } from './engine.ts';
import { ExecChannel } from './exec-channel.ts';
import { Images } from './images.ts';
import { probeImage } from './probe.ts';
import { nodeOfFile, nodeOfImage } from './node-source.ts';
import { ensureRunnerVolume } from './runner-volume.ts';
import { LABEL, containerSpec } from './spec.ts';
import type { EngineFacts } from './spec.ts';

/** An engine that accepts the connection and never answers counts as none. */
const ENGINE_TIMEOUT_MS = 5_000;
const ATTACH_TIMEOUT_MS = 15_000;
const LOG_LINES = 20;
/** As `docker info` names an architecture → as Node does. */
const ARCHITECTURES: Record<string, string> = {
  x86_64: 'x64',
  amd64: 'x64',
  aarch64: 'arm64',
  arm64: 'arm64',
};

export class DockerDriver implements SandboxDriver {
  readonly kind = 'docker';
  readonly #docker: Docker;
  /** Absent: the engine's default. */
  readonly #runtime: string | undefined;
  readonly #owner: string;
  readonly #images: Images;
  readonly #parking: Parking;
  /** Image ids that passed the probe, and volumes that are complete: neither changes any more. */
  readonly #ready = new Map<string, Promise<string>>();

  constructor(dataDir: string, options: Docker.DockerOptions = {}, runtime?: string) {
    mkdirSync(dataDir, { recursive: true });
    this.#docker = new Docker(options);
    this.#runtime = runtime;
    this.#owner = ownerOf(dataDir);
    this.#images = new Images(this.#docker, join(dataDir, 'tmp'));
    this.#parking = new Parking(join(dataDir, 'parked'));
  }

  async check(): Promise<SandboxHealth> {
    try {
      const version = await within(ENGINE_TIMEOUT_MS, this.#docker.version());
      if (version.Os !== 'linux') {
        return { ok: false, detail: `Docker runs ${version.Os} containers; switch it to Linux containers.` };
      }
      const info = await within(ENGINE_TIMEOUT_MS, engineInfo(this.#docker));
      const missing = runtimeMissing(info, this.#runtime);
      if (missing !== null) return { ok: false, detail: missing };
      const weak = weaknessesOf(info, this.#runtime).map((sentence) => ` ${sentence}`);
      return {
        ok: true,
        detail: `Docker Engine ${version.Version} (${version.Os}/${version.Arch})${weak.join('')}`,
      };
    } catch (error) {
      return { ok: false, detail: `Docker does not answer (${errorText(error)}). Install or start it.` };
    }
  }

  async open(
    spec: SandboxSpec,
    progress: (line: string) => void = () => {},
    signal?: AbortSignal,
  ): Promise<Sandbox> {
    checkRepoName(spec.repoName);
    const name = sandboxName(spec.taskId, spec.attempt);
    const health = await this.check();
    if (!health.ok)
      throw new CodexError('sandboxUnavailable', { detail: health.detail }, { detail: health.detail });
    try {
      signal?.throwIfAborted();
      const { container, how } =
        (await this.#adopt(name)) ?? (await this.#create(name, spec, progress, signal));
      await this.#parking.clear(name);
      return await this.#enter(container, how, spec);
    } catch (error) {
      if (error instanceof DoorRefused && error.reason === 'version') {
        // Made by another version of us, with a runner that speaks otherwise.
        await this.remove(name);
        return this.open(spec, progress, signal);
      }
      throw asCodexError(error, name, signal);
    }
  }

  stop(): Promise<void> {
    return Promise.reject(new CodexError('notBuilt', { feature: 'setup' }));
  }

  async *changedFiles(): AsyncIterable<ChangedFile> {
    throw new CodexError('notBuilt', { feature: 'setup' });
  }
  snapshot(): Promise<{ id: string; bytes: number }> {
    return Promise.reject(new CodexError('notBuilt', { feature: 'setup' }));
  }
  snapshots(): Promise<SnapshotRef[]> {
    return Promise.resolve([]);
  }
  removeSnapshot(): Promise<boolean> {
    return Promise.resolve(true);
  }
  imageIdentity(): Promise<string> {
    return Promise.reject(new CodexError('notBuilt', { feature: 'setup' }));
  }

  async list(): Promise<SandboxRef[]> {
    const containers = await this.#docker.listContainers({
      all: true,
      filters: { label: [`${LABEL}.sandbox=true`, `${LABEL}.owner=${this.#owner}`] },
    });
    return Promise.all(
      containers.map(async (one) => {
        const name = (one.Names[0] ?? '').replace(/^\//, '');
        const expiresAt = await this.#parking.expiresAt(name);
        return {
          name,
          taskId: one.Labels[`${LABEL}.task`] ?? '',
          attempt: Number(one.Labels[`${LABEL}.attempt`] ?? 0),
          role: 'agent' as const,
          running: one.State === 'running',
          ...(expiresAt === undefined ? {} : { expiresAt }),
        };
      }),
    );
  }

  async remove(name: string): Promise<void> {
    try {
      await this.#docker.getContainer(name).remove({ force: true, v: true });
    } catch (error) {
      // 404: gone; 409: somebody else is removing it.
      if (![404, 409].includes(statusOf(error))) throw error;
    }
    await this.#parking.clear(name);
  }

  /** The container of this name, running; started again when it had stopped. */
  async #adopt(name: string): Promise<{ container: Docker.Container; how: Sandbox['how'] } | null> {
    const container = this.#docker.getContainer(name);
    let state: Docker.ContainerInspectInfo['State'];
    try {
      state = (await container.inspect()).State;
    } catch (error) {
      if (statusOf(error) === 404) return null;
      throw error;
    }
    if (state.Paused) await container.unpause();
    if (state.Running) return { container, how: 'parked' };
    await container.start();
    return { container, how: 'restarted' };
  }

  async #create(
    name: string,
    spec: SandboxSpec,
    progress: (line: string) => void,
    signal?: AbortSignal,
  ): Promise<{ container: Docker.Container; how: Sandbox['how'] }> {
    const image = await this.#images.ensure(spec.image, progress, signal);
    const runnerVolume = await this.#runnerVolume(image.id, progress, signal);
    const of = {
      repoName: spec.repoName,
      image: image.id,
      runnerVolume,
      owner: this.#owner,
      limits: spec.limits,
      engine: await this.#engine(image.id),
    };
    await this.#once(`probe ${image.id} ${runnerVolume}`, async () => {
      await probeImage(this.#docker, { ...of, image: image.name });
      return '';
    });
    signal?.throwIfAborted();
    try {
      const container = await this.#docker.createContainer(
        containerSpec({ ...of, name, taskId: spec.taskId, attempt: spec.attempt }),
      );
      await container.start();
      return { container, how: 'new' };
    } catch (error) {
      // Somebody with the same task made it meanwhile: it is ours to share, the door decides who stays.
      const adopted = statusOf(error) === 409 ? await this.#adopt(name) : null;
      if (adopted) return adopted;
      throw error;
    }
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
    progress: (line: string) => void,
    signal?: AbortSignal,
  ): Promise<string> {
    const { Architecture } = await engineInfo(this.#docker);
    const found = await findNode(ARCHITECTURES[Architecture] ?? Architecture);
    // A backend that runs on VS Code's own Node has none to give: the default image has one inside.
    const node = found
      ? nodeOfFile(found)
      : nodeOfImage(this.#docker, (await this.#images.ensure(undefined, progress, signal)).id);
    const runner = await runnerFiles(node.identity);
    return this.#once(`volume ${runner.hash}`, () => ensureRunnerVolume(this.#docker, runner, node, image));
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

  async #enter(container: Docker.Container, how: Sandbox['how'], spec: SandboxSpec): Promise<Sandbox> {
    const attach = (): Promise<Door> => this.#attach(container, spec.generation);
    const isRunning = async (): Promise<boolean> => {
      try {
        return (await within(ENGINE_TIMEOUT_MS, container.inspect())).State.Running;
      } catch (error) {
        if (statusOf(error) === 404) return false;
        throw new Error(`Docker does not answer any more (${errorText(error)})`, { cause: error });
      }
    };
    let door: Door;
    try {
      door = await attach();
    } catch (error) {
      if (error instanceof DoorRefused) throw error;
      const log = await lastLog(container);
      // What never worked is not left behind to be adopted.
      if (how === 'new') await this.remove(sandboxName(spec.taskId, spec.attempt)).catch(() => {});
      const detail = `${errorText(error)}${log === '' ? '' : `\n${log}`}`;
      throw new CodexError('sandboxStartFailed', { detail }, { detail, cause: error });
    }
    const name = sandboxName(spec.taskId, spec.attempt);
    const park = (expiresAt: number): Promise<void> => this.#parking.park(name, expiresAt);
    return new DoorSandbox(
      { kind: 'docker', name, how, repoName: spec.repoName, attach, isRunning, park },
      door,
    );
  }

  async #attach(container: Docker.Container, generation: number): Promise<Door> {
    const exec = await container.exec({
      Cmd: [`${CODEX_DIR}/node`, `${CODEX_DIR}/runner.cjs`, 'attach', String(generation)],
      User: '0:0',
      WorkingDir: '/',
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: true,
      Tty: false,
    });
    // An exec in a container that is just being removed may never be answered.
    const giveUp = new AbortController();
    const timer = setTimeout(() => giveUp.abort(), ATTACH_TIMEOUT_MS);
    let raw: Duplex;
    try {
      raw = await exec.start({ hijack: true, stdin: true, Tty: false, abortSignal: giveUp.signal });
    } catch (error) {
      // A refusal leaves the request, whose body never ends, open.
      giveUp.abort();
      throw error;
    } finally {
      clearTimeout(timer);
    }
    const channel = new ExecChannel(raw);
    try {
      return await openDoor(channel, null);
    } catch (error) {
      if (error instanceof DoorBroken && channel.stderr !== '') throw new DoorBroken(channel.stderr.trim());
      throw error;
    }
  }
}

async function lastLog(container: Docker.Container): Promise<string> {
  try {
    const bytes = await container.logs({
      stdout: true,
      stderr: true,
      tail: LOG_LINES,
    });

    return bytes
      .toString('utf8')
      .replace(/[\0-\x08\x0b-\x1f]/g, '')
      .trim();
  } catch {
    return '';
  }
}

function statusOf(error: unknown): number {
  return (error as { statusCode?: number } | null)?.statusCode ?? 0;
}

function asCodexError(error: unknown, name: string, signal?: AbortSignal): unknown {
  if (error instanceof CodexError) return error;
  if (signal?.aborted) return new CodexError('cancelled', {}, { cause: error });
  const detail = `${name}: ${errorText(error)}`;
  if (error instanceof DoorRefused)
    return new CodexError('generationSuperseded', {}, { detail, cause: error });
  // Without a status the engine itself went away.
  const code = statusOf(error) === 0 ? 'sandboxUnavailable' : 'sandboxStartFailed';
  return new CodexError(code, { detail }, { detail, cause: error });
}

function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms / 1000} s`)), ms);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
