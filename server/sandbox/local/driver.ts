/**
 * Sandboxes as confined local processes (bubblewrap on Linux, Seatbelt on macOS): weaker than a container's own kernel
 * limits, chosen by a person or a flag, never fallen back to by itself.
 *
 * Each has a folder `sandboxes/<name>` in the data folder: `sandbox.json` (what it is and which
 * process), `workspace`, `home`, `tmp`, `run` (with the door's socket), `etc`, `log`.
 */
import { lstatSync, mkdirSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { CodexError, errorText, hasNoSpace } from '../../../protocol/errors.ts';
import { DOOR_VERSION } from '../../../protocol/door.ts';
import { DoorRefused, openDoor, RunnerGone } from '../door.ts';
import type { Door } from '../door.ts';
import { DoorSandbox } from '../door-sandbox.ts';
import { checkRepoName, checkSandboxName, sandboxName } from '../naming.ts';
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
import { changedFiles, removeFolder } from './files.ts';
import { readKept, writeKept } from './kept.ts';
import type { Kept } from './kept.ts';
import { SANDBOX_FOLDERS } from './launch.ts';
import type { Platform } from './platform.ts';
import { readLog } from './process.ts';
import { Snapshots } from './snapshots.ts';
import { thisPlatform } from './this-platform.ts';
import { endedFor } from './told.ts';
import { Watch } from './watch.ts';

const CONNECT_TIMEOUT_MS = 15_000;
const CONNECT_RETRY_MS = 5;
/** A trial takes longer than the rest of a start, and what it finds seldom changes. */
const CHECKED_MS = 60_000;

export class LocalDriver implements SandboxDriver {
  readonly kind = 'local';
  readonly #dataDir: string;
  readonly #dir: string;
  readonly #parking: Parking;
  readonly #snapshots: Snapshots;
  readonly #platform: Platform;
  readonly #watch: Watch;
  /** When a check last went well. */
  #checkedAt = -Infinity;
  /** Being ended and started again on purpose: nobody may take them for lost meanwhile. */
  readonly #restarts = new Map<string, Promise<void>>();

  constructor(dataDir: string, platform: Platform = thisPlatform()) {
    this.#dataDir = dataDir;
    this.#platform = platform;
    this.#watch = new Watch(platform);
    this.#dir = join(dataDir, 'sandboxes');
    this.#parking = new Parking(join(dataDir, 'parked'));
    this.#snapshots = new Snapshots(join(dataDir, 'snapshots'), platform);
    mkdirSync(this.#dir, { recursive: true, mode: 0o700 });
  }

  async check(): Promise<SandboxHealth> {
    const health = await this.#platform.check();
    this.#checkedAt = health.ok ? performance.now() : -Infinity;
    return health;
  }

  /** Throws when the machine can't confine, by a check that is not old. */
  async #mustConfine(): Promise<void> {
    if (performance.now() - this.#checkedAt <= CHECKED_MS) return;
    const { ok, detail } = await this.check();
    if (!ok) throw new CodexError('sandboxUnavailable', { detail }, { detail });
  }

  async open(spec: SandboxSpec, _progress?: (line: string) => void, signal?: AbortSignal): Promise<Sandbox> {
    checkRepoName(spec.repoName);
    const name = sandboxName(spec.taskId, spec.attempt, spec.role);
    refuseImage(spec.image);
    await this.#mustConfine();
    if (signal?.aborted) throw new CodexError('cancelled');
    try {
      return await this.#open(name, spec);
    } catch (error) {
      if (error instanceof CodexError) throw error;
      if (hasNoSpace(error)) throw new CodexError('diskFull', {}, { cause: error });
      const detail = `${name}: ${errorText(error)}`;
      const code = error instanceof DoorRefused ? 'generationSuperseded' : 'sandboxStartFailed';
      throw new CodexError(code, { detail }, { detail, cause: error });
    }
  }

  async #open(name: string, spec: SandboxSpec): Promise<Sandbox> {
    const before = readKept(this.#at(name));
    let how: Sandbox['how'] = before ? 'restarted' : spec.snapshot === undefined ? 'new' : 'prepared';
    let door: Door | undefined;
    if (before && (await this.#platform.isAlive(before.process))) {
      try {
        door = await this.#attach(name, spec.generation);
        how = 'parked';
        this.#watch.add(name, { process: before.process, dir: this.#at(name), limits: spec.limits });
      } catch (error) {
        if (error instanceof DoorRefused && error.reason !== 'version') throw error;
        // Its runner is gone or speaks otherwise: started again, with its files.
        await this.#platform.end(before.process, this.#at(name));
      }
    }
    await this.#parking.clear(name);
    if (!door) {
      if (!before) await this.#prepare(name, spec.snapshot);
      await this.#start(name, before ?? asNew(spec), spec);
      door = await this.#whenUp(name, () => this.#attach(name, spec.generation));
    }
    const where = await this.#platform.placesOf(
      this.#at(name),
      readKept(this.#at(name))?.ports,
      this.#dataDir,
    );
    return new DoorSandbox(
      {
        kind: this.kind,
        name,
        how,
        repoName: spec.repoName,
        ...where,
        attach: () => this.#attach(name, spec.generation),
        isRunning: () => this.#isRunning(name),
        park: (expiresAt: number) => this.#parking.park(name, expiresAt),
        ended: (result, since) => endedFor(this.#watch.overSince(name, since), result, spec.limits),
        ...(spec.role === 'ask'
          ? { checkingOut: (work: () => Promise<void>) => this.#checkOutReadOnly(name, spec, work) }
          : {}),
      },
      door,
    );
  }

  async stop(name: string): Promise<void> {
    checkSandboxName(name);
    await this.#restarts.get(name)?.catch(() => {});
    const kept = readKept(this.#at(name));
    if (!kept || (await this.#platform.end(kept.process, this.#at(name))) || kept.leftAlone) return;
    writeKept(this.#at(name), { ...kept, leftAlone: true });
  }

  changedFiles(name: string): AsyncIterable<ChangedFile> {
    checkSandboxName(name);
    return changedFiles(this.#at(name), this.#platform.keptFolders(this.#at(name)));
  }

  async snapshot(name: string, labels: Record<string, string>): Promise<{ id: string; bytes: number }> {
    checkSandboxName(name);
    const kept = readKept(this.#at(name));
    if (!kept) throw new CodexError('notFound', {}, { detail: name });
    if (await this.#platform.isAlive(kept.process))
      throw new CodexError('conflict', {}, { detail: `${name} still runs` });
    if (kept.leftAlone)
      throw new CodexError(
        'conflict',
        {},
        { detail: `${name}: its runner ended before what it had started` },
      );
    return this.#snapshots.take(this.#at(name), labels);
  }

  snapshots(): Promise<SnapshotRef[]> {
    return this.#snapshots.list();
  }

  /** Nothing needs it any more: what was started from it has a copy. */
  async removeSnapshot(id: string): Promise<boolean> {
    await this.#snapshots.remove(id);
    return true;
  }

  async imageIdentity(image: string | undefined): Promise<string> {
    refuseImage(image);
    return this.#platform.identity();
  }

  async list(): Promise<SandboxRef[]> {
    const found: SandboxRef[] = [];
    for (const name of await readdir(this.#dir)) {
      const kept = readKept(this.#at(name));
      if (!kept) continue;
      const expiresAt = await this.#parking.expiresAt(name);
      found.push({
        name,
        taskId: kept.taskId,
        attempt: kept.attempt,
        role: kept.role,
        running: await this.#platform.isAlive(kept.process),
        ...(expiresAt === undefined ? {} : { expiresAt }),
      });
    }
    return found;
  }

  async remove(name: string): Promise<void> {
    await this.stop(name);
    this.#watch.forget(name);
    await removeFolder(this.#at(name));
    await this.#parking.clear(name);
  }

  #at(name: string): string {
    return join(this.#dir, name);
  }

  /** Its folders, empty or as the snapshot has them; what a start that was cut short left goes first. */
  async #prepare(name: string, snapshot: string | undefined): Promise<void> {
    const dir = this.#at(name);
    await removeFolder(dir);
    await mkdir(dir, { mode: 0o700 });
    if (snapshot !== undefined) await this.#snapshots.fill(snapshot, dir);
    for (const folder of SANDBOX_FOLDERS) await mkdir(join(dir, folder), { recursive: true, mode: 0o700 });
  }

  async #start(name: string, kept: Omit<Kept, 'process'>, { limits }: SandboxSpec): Promise<void> {
    const dir = this.#at(name);
    await this.#mustConfine();
    const ports = await this.#platform.choosePorts?.(kept.ports);
    const started = { ...kept, leftAlone: false, ...(ports ? { ports } : {}) };
    const process = await this.#platform.launch(
      {
        dataDir: this.#dataDir,
        dir,
        limits,
        ...(kept.readOnly ? { readOnly: kept.repoName } : {}),
        ...(ports ? { ports } : {}),
      },
      (early) => writeKept(dir, { ...started, process: early }),
    );
    writeKept(dir, { ...started, process });
    this.#watch.add(name, { process, dir, limits });
  }

  /**
   * The repository is written by a runner that may, and then that one is ended and another started
   * that may not. The door opens again by itself, so nobody outside notices.
   */
  async #checkOutReadOnly(name: string, spec: SandboxSpec, work: () => Promise<void>): Promise<void> {
    const kept = readKept(this.#at(name));
    if (kept?.readOnly) await this.#startAgain(name, spec, false);
    await work();
    await this.#startAgain(name, spec, true);
  }

  async #startAgain(name: string, spec: SandboxSpec, readOnly: boolean): Promise<void> {
    const restart = async (): Promise<void> => {
      const kept = readKept(this.#at(name));
      if (!kept) throw new CodexError('sandboxLost', {}, { detail: `${name} is gone` });
      const whole = await this.#platform.end(kept.process, this.#at(name));
      // What lives on from before may write what is to be read-only now.
      if (readOnly && !whole) throw new Error('its runner ended before what it had started');
      // Nothing runs there now, so what is looked at here is what is mounted.
      const folder = lstatSync(join(this.#at(name), 'workspace', kept.repoName), { throwIfNoEntry: false });
      if (readOnly && !folder?.isDirectory()) throw new Error('the checkout made no folder');
      await this.#start(name, { ...kept, readOnly }, spec);
      (await this.#whenUp(name, () => this.#platform.connect(join(this.#at(name), 'run')))).destroy();
    };
    const restarted = restart().finally(() => this.#restarts.delete(name));
    this.#restarts.set(name, restarted);
    await restarted;
  }

  async #isRunning(name: string): Promise<boolean> {
    await this.#restarts.get(name)?.catch(() => {});
    const kept = readKept(this.#at(name));
    return kept !== null && this.#platform.isAlive(kept.process);
  }

  /** Does it as soon as the runner listens. */
  async #whenUp<T>(name: string, work: () => Promise<T>): Promise<T> {
    for (const until = Date.now() + CONNECT_TIMEOUT_MS; ;) {
      try {
        return await work();
      } catch (error) {
        const kept = readKept(this.#at(name));
        const log = readLog(join(this.#at(name), 'log'));
        if (!kept || !(await this.#platform.isAlive(kept.process)))
          throw new Error(log || 'the runner ended at once', { cause: error });
        if (!(error instanceof RunnerGone) || Date.now() > until) throw error;
        await new Promise((resolve) => setTimeout(resolve, CONNECT_RETRY_MS));
      }
    }
  }

  async #attach(name: string, generation: number): Promise<Door> {
    const socket = await this.#platform.connect(join(this.#at(name), 'run'));
    return openDoor(socket, { door: DOOR_VERSION, generation });
  }
}

function asNew(spec: SandboxSpec): Omit<Kept, 'process'> {
  return {
    taskId: spec.taskId,
    attempt: spec.attempt,
    repoName: spec.repoName,
    role: spec.role ?? 'agent',
    readOnly: false,
    leftAlone: false,
  };
}

/** `base` stands for bash, git and little more: that, every machine has that passed the check. */
function refuseImage(image: string | undefined): void {
  if (image === undefined || image === 'base') return;
  const detail = `The local sandbox has no images; ${image} needs Docker.`;
  throw new CodexError('sandboxStartFailed', { detail }, { detail });
}
