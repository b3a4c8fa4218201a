/**
 * Sandboxes as Docker containers. Opening one, in order: engine → image → its probe → the runner's
 * volume → the container (there, stopped, or new) → one attached `exec` as its door.
 *
 * The engine is the only register: what exists is found by name and label, never remembered.
 */
import { mkdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import Docker from 'dockerode';
import { CodexError, errorText } from '../../../protocol/errors.ts';
import type { Door } from '../door.ts';
import { DoorRefused } from '../door.ts';
import { DoorSandbox } from '../door-sandbox.ts';
import type { Behind } from '../door-sandbox.ts';
import { Gate } from '../gate.ts';
import { checkRepoName, ownerOf, parseSandboxName, sandboxName } from '../naming.ts';
import { Parking } from '../parking.ts';
import type {
  ChangedFile,
  Sandbox,
  SandboxDriver,
  SandboxHealth,
  SandboxRef,
  SandboxSpec,
  SnapshotRef,
} from '../sandbox.ts';
import { asking, handOverWorkspace } from './ask.ts';
import { attachDoor, isRunning, lastLog } from './attach.ts';
import { changedFiles } from './changes.ts';
import { adopt, stopContainer } from './containers.ts';
import type { Found } from './containers.ts';
import { engineInfo, runtimeMissing, weaknessesOf } from './engine.ts';
import { asCodexError, BUSY_ENGINE_TIMEOUT_MS, ENGINE_TIMEOUT_MS, statusOf, within } from './failure.ts';
import { Grounds, type Ground } from './ground.ts';
import { Images } from './images.ts';
import { handOver } from './ownership.ts';
import { watchedUse } from './usage.ts';
import { Pool } from './pool.ts';
import { missing, Snapshots } from './snapshots.ts';
import { LABEL, containerSpec } from './spec.ts';
import { sweepLeftovers } from './sweep.ts';

/** More of them only make each other late, until one of them gives up. */
const STARTING_AT_ONCE = Math.max(4, 2 * availableParallelism());

export class DockerDriver implements SandboxDriver {
  readonly kind = 'docker';
  readonly #docker: Docker;
  /** Absent: the engine's default. */
  readonly #runtime: string | undefined;
  readonly #owner: string;
  readonly #images: Images;
  readonly #grounds: Grounds;
  readonly #snapshots: Snapshots;
  readonly #pool: Pool;
  readonly #parking: Parking;
  readonly #starting = new Gate(STARTING_AT_ONCE);

  /** `poolSize`: how many sandboxes are kept started for whoever comes next. */
  constructor(dataDir: string, options: Docker.DockerOptions = {}, runtime?: string, poolSize = 0) {
    mkdirSync(dataDir, { recursive: true });
    this.#docker = new Docker(options);
    this.#runtime = runtime;
    this.#owner = ownerOf(dataDir);
    this.#images = new Images(this.#docker, join(dataDir, 'tmp'));
    this.#grounds = new Grounds(this.#docker, this.#owner, runtime, this.#images);
    this.#snapshots = new Snapshots(this.#docker, this.#owner);
    this.#pool = new Pool(this.#docker, poolSize);
    this.#parking = new Parking(join(dataDir, 'parked'));
  }

  check(): Promise<SandboxHealth> {
    return this.#look(ENGINE_TIMEOUT_MS);
  }

  async #look(patienceMs: number): Promise<SandboxHealth> {
    try {
      const version = await within(patienceMs, this.#docker.version());
      if (version.Os !== 'linux') {
        return { ok: false, detail: `Docker runs ${version.Os} containers; switch it to Linux containers.` };
      }
      const info = await within(patienceMs, engineInfo(this.#docker));
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
    const name = sandboxName(spec.taskId, spec.attempt, spec.role);
    try {
      const adopting = adopt(this.#docker, name, spec.role ?? 'agent');
      // Waited for below; what an engine answers that is not well is not looked at.
      adopting.catch(() => {});
      const health = await this.#look(BUSY_ENGINE_TIMEOUT_MS);
      if (!health.ok)
        throw new CodexError('sandboxUnavailable', { detail: health.detail }, { detail: health.detail });
      signal?.throwIfAborted();
      const ready = (await adopting) ?? (await this.#claim(name, spec, progress, signal));
      const enter = async (): Promise<Sandbox> => {
        signal?.throwIfAborted();
        const found = 'ground' in ready ? await this.#create(name, spec, ready) : ready;
        await this.#parking.clear(name);
        return this.#enter(name, found, spec);
      };
      return await ('door' in ready ? enter() : this.#starting.through(enter));
    } catch (error) {
      if (error instanceof DoorRefused && error.reason === 'version') {
        // Made by another version of us, with a runner that speaks otherwise.
        await this.remove(name);
        return this.open(spec, progress, signal);
      }
      throw asCodexError(error, name, signal);
    }
  }

  async stop(name: string): Promise<void> {
    try {
      await stopContainer(this.#docker.getContainer(name));
    } catch (error) {
      throw asCodexError(error, name);
    }
  }

  async *changedFiles(name: string): AsyncIterable<ChangedFile> {
    try {
      yield* changedFiles(this.#docker, this.#docker.getContainer(name));
    } catch (error) {
      throw asCodexError(error, name);
    }
  }

  snapshot(name: string, labels: Record<string, string>): Promise<{ id: string; bytes: number }> {
    return this.#snapshots.make(name, labels);
  }

  snapshots(): Promise<SnapshotRef[]> {
    return this.#snapshots.list();
  }

  async removeSnapshot(id: string): Promise<boolean> {
    await this.#pool.forget(id);
    return this.#snapshots.remove(id);
  }

  async imageIdentity(
    image: string | undefined,
    progress: (line: string) => void = () => {},
    signal?: AbortSignal,
  ): Promise<string> {
    return (await this.#images.ensure(image, progress, signal)).id;
  }

  async list(): Promise<SandboxRef[]> {
    const containers = await this.#docker.listContainers({
      all: true,
      filters: { label: [`${LABEL}.sandbox=true`, `${LABEL}.owner=${this.#owner}`] },
    });
    const refs = await Promise.all(
      containers.map(async (one): Promise<SandboxRef | null> => {
        const name = (one.Names[0] ?? '').replace(/^\//, '');
        const parts = parseSandboxName(name);
        if (!parts) return null;
        const expiresAt = await this.#parking.expiresAt(name);
        return {
          name,
          ...parts,
          running: one.State === 'running',
          ...(expiresAt === undefined ? {} : { expiresAt }),
        };
      }),
    );
    return refs.filter((ref) => ref !== null);
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

  async sweep(): Promise<string[]> {
    return sweepLeftovers({
      docker: this.#docker,
      owner: this.#owner,
      isOurPool: (instance) => this.#pool.isOurs(instance),
      keepVolumes: await this.#grounds.currentVolumes(),
    });
  }

  close(): Promise<void> {
    return this.#pool.close();
  }

  /** One of the pool's, or what one is made of. */
  async #claim(
    name: string,
    spec: SandboxSpec,
    progress: (line: string) => void,
    signal?: AbortSignal,
  ): Promise<Found | { ground: Ground }> {
    const ground = await this.#grounds.of(spec, progress, signal);
    if ((spec.role ?? 'agent') !== 'agent') return { ground };
    try {
      const claimed = await this.#pool.claim(ground, name, spec.generation);
      this.#pool.expect(ground);
      return claimed ? { ...claimed, ...madeOf(spec, ground) } : { ground };
    } catch (error) {
      return this.#madeMeanwhile(error, name, spec);
    }
  }

  /** By somebody with the same task: it is ours to share, the door decides who stays. Else it is the error. */
  async #madeMeanwhile(error: unknown, name: string, { role = 'agent' }: SandboxSpec): Promise<Found> {
    const adopted = statusOf(error) === 409 ? await adopt(this.#docker, name, role) : null;
    if (adopted) return adopted;
    throw error;
  }

  async #create(name: string, spec: SandboxSpec, { ground }: { ground: Ground }): Promise<Found> {
    const { taskId, attempt, repoName, role = 'agent' } = spec;
    try {
      const container = await this.#docker.createContainer(
        containerSpec({ ...ground, name, taskId, attempt, repoName, role }),
      );
      await handOver(container, ground.user);
      if (role === 'ask') await handOverWorkspace(container);
      await container.start();
      return { container, ...madeOf(spec, ground) };
    } catch (error) {
      if (statusOf(error) === 404 && spec.snapshot !== undefined) throw missing(spec.snapshot, error);
      return this.#madeMeanwhile(error, name, spec);
    }
  }

  async #enter(
    name: string,
    { container, how, home, door: claimed }: Found,
    spec: SandboxSpec,
  ): Promise<Sandbox> {
    const attach = (): Promise<Door> => attachDoor(container, spec.generation);
    let door: Door;
    try {
      door = claimed ?? (await attach());
    } catch (error) {
      if (error instanceof DoorRefused) throw error;
      const log = await lastLog(container);
      // What never worked is not left behind to be adopted.
      if (how === 'new' || how === 'prepared') await this.remove(name).catch(() => {});
      const detail = `${errorText(error)}${log === '' ? '' : `\n${log}`}`;
      throw new CodexError('sandboxStartFailed', { detail }, { detail, cause: error });
    }
    const behind: Behind = {
      kind: 'docker',
      name,
      how,
      home,
      repoName: spec.repoName,
      attach,
      isRunning: () => isRunning(container),
      park: (expiresAt) => this.#parking.park(name, expiresAt),
      ...watchedUse(this.#docker, container, spec.limits),
    };
    return new DoorSandbox(spec.role === 'ask' ? asking(behind, container) : behind, door);
  }
}

function madeOf({ snapshot }: SandboxSpec, { user }: Ground): Pick<Found, 'how' | 'home'> {
  return { how: snapshot === undefined ? 'new' : 'prepared', home: user.home };
}
