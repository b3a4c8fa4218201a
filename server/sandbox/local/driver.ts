/**
 * Sandboxes as confined local processes (Linux, bubblewrap): weaker than a container's own kernel
 * limits, chosen by a person or a flag, never fallen back to by itself.
 *
 * Each has a folder `sandboxes/<name>` in the data folder: `sandbox.json` (what it is and which
 * process), `workspace`, `home`, `tmp`, `run` (with the door's socket), `etc`, `log`.
 */
import { execFile } from 'node:child_process';
import { accessSync, closeSync, constants, lstatSync, mkdirSync, openSync, readlinkSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { CodexError, errorText, hasNoSpace } from '../../../protocol/errors.ts';
import { DOOR_VERSION } from '../../../protocol/door.ts';
import { DoorRefused, openDoor, RunnerGone } from '../door.ts';
import type { Door } from '../door.ts';
import { DoorSandbox } from '../door-sandbox.ts';
import type { Behind } from '../door-sandbox.ts';
import { checkRepoName, sandboxName } from '../naming.ts';
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
import { endProcess, INFO_FD, isAlive, readLog, startProcess } from './process.ts';
import { bwrapArguments, COMMAND, ETC_FILES } from './spec.ts';

const CHECK_TIMEOUT_MS = 10_000;
const CONNECT_TIMEOUT_MS = 15_000;
const CONNECT_RETRY_MS = 5;
const NEEDED = ['bash', 'git', 'mkfifo'];
const TOP_LEVEL = ['bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32'];
const FOLDERS = ['workspace', 'home', 'tmp', 'run', 'etc'] as const;

const Kept = z.object({
  taskId: z.string(),
  attempt: z.number().int(),
  repoName: z.string(),
  process: z.object({ pid: z.number().int().positive(), startedAt: z.string() }),
});
type Kept = z.infer<typeof Kept>;

export class LocalDriver implements SandboxDriver {
  readonly kind = 'local';
  readonly #dataDir: string;
  readonly #dir: string;
  readonly #parking: Parking;

  constructor(dataDir: string) {
    this.#dataDir = dataDir;
    this.#dir = join(dataDir, 'sandboxes');
    this.#parking = new Parking(join(dataDir, 'parked'));
    mkdirSync(this.#dir, { recursive: true, mode: 0o700 });
  }

  async check(): Promise<SandboxHealth> {
    if (process.platform !== 'linux') {
      return { ok: false, detail: 'The local sandbox is only available on Linux so far; use Docker.' };
    }
    const bwrap = findProgram('bwrap');
    const missing = [
      ...(bwrap === null ? ['bubblewrap'] : []),
      ...NEEDED.filter((name) => findProgram(name) === null),
    ];
    if (bwrap === null || missing.length > 0) {
      return {
        ok: false,
        detail: `Missing on this machine: ${missing.join(', ')} (apt-get install ${missing.join(' ')}).`,
      };
    }
    try {
      const trial = [
        '--unshare-user',
        '--unshare-all',
        '--cap-drop',
        'ALL',
        '--ro-bind',
        '/',
        '/',
        '--proc',
        '/proc',
      ];
      await promisify(execFile)(bwrap, [...trial, 'true'], { timeout: CHECK_TIMEOUT_MS });
      const { stdout } = await promisify(execFile)(bwrap, ['--version'], { timeout: CHECK_TIMEOUT_MS });
      return {
        ok: true,
        detail: `Confined local process (${stdout.trim()}); no limit on memory or processes`,
      };
    } catch (error) {
      const why = (error as { stderr?: string }).stderr?.trim() || errorText(error);
      return {
        ok: false,
        detail: `bubblewrap can't make a sandbox here: ${why} (are user namespaces allowed?)`,
      };
    }
  }

  async open(spec: SandboxSpec, _progress?: (line: string) => void, signal?: AbortSignal): Promise<Sandbox> {
    checkRepoName(spec.repoName);
    const name = sandboxName(spec.taskId, spec.attempt);
    if (spec.image !== undefined) {
      const detail = `The local sandbox has no images; ${spec.image} needs Docker.`;
      throw new CodexError('sandboxStartFailed', { detail }, { detail });
    }
    const health = await this.check();
    if (!health.ok)
      throw new CodexError('sandboxUnavailable', { detail: health.detail }, { detail: health.detail });
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
    const before = await this.#read(name);
    let how: Sandbox['how'] = before ? 'restarted' : 'new';
    let door: Door | undefined;
    if (before && isAlive(before.process)) {
      try {
        door = await this.#attach(name, spec.generation);
        how = 'parked';
      } catch (error) {
        if (error instanceof DoorRefused && error.reason !== 'version') throw error;
        // Its runner is gone or speaks otherwise: started again, with its files.
        await endProcess(before.process);
      }
    }
    await this.#parking.clear(name);
    if (!door) {
      await this.#start(name, spec);
      door = await this.#attachWhenUp(name, spec.generation);
    }
    const behind: Behind = {
      kind: this.kind,
      name,
      how,
      repoName: spec.repoName,
      attach: () => this.#attach(name, spec.generation),
      isRunning: async () => {
        const kept = await this.#read(name);
        return kept !== null && isAlive(kept.process);
      },
      park: (expiresAt: number) => this.#parking.park(name, expiresAt),
    };
    return new DoorSandbox(behind, door);
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
    const found: SandboxRef[] = [];
    for (const name of await readdir(this.#dir)) {
      const kept = await this.#read(name);
      if (!kept) continue;
      const expiresAt = await this.#parking.expiresAt(name);
      found.push({
        name,
        taskId: kept.taskId,
        attempt: kept.attempt,
        role: 'agent',
        running: isAlive(kept.process),
        ...(expiresAt === undefined ? {} : { expiresAt }),
      });
    }
    return found;
  }

  async remove(name: string): Promise<void> {
    if (!/^codex-task-[A-Za-z0-9_.-]+$/.test(name)) throw new CodexError('badRequest', {}, { detail: name });
    const kept = await this.#read(name);
    if (kept) await endProcess(kept.process);
    await removeFolder(join(this.#dir, name));
    await this.#parking.clear(name);
  }

  async #start(name: string, spec: SandboxSpec): Promise<void> {
    const bwrap = findProgram('bwrap') ?? 'bwrap';
    const at = (part: string): string => join(this.#dir, name, part);
    for (const folder of FOLDERS) await mkdir(at(folder), { recursive: true, mode: 0o700 });
    // A socket that a runner left behind would be taken for one that does not answer.
    await rm(join(at('run'), 'door.sock'), { force: true });
    for (const [file, content] of Object.entries(ETC_FILES)) await writeFile(join(at('etc'), file), content);
    const { codex, node } = await this.#codexFolder();
    const bwrapOptions = bwrapArguments({
      workspace: at('workspace'),
      home: at('home'),
      tmp: at('tmp'),
      run: at('run'),
      etc: at('etc'),
      codex,
      node,
      topLevel: topLevel(),
      infoFd: INFO_FD,
    });
    const started = await startProcess(bwrap, bwrapOptions, COMMAND, at('log'));
    const kept: Kept = {
      taskId: spec.taskId,
      attempt: spec.attempt,
      repoName: spec.repoName,
      process: started,
    };
    await writeFile(at('sandbox.json.new'), JSON.stringify(kept));
    await rename(at('sandbox.json.new'), at('sandbox.json'));
  }

  /** The runner's files by content, shared read-only by all sandboxes. */
  async #codexFolder(): Promise<{ codex: string; node: string }> {
    const node = await findNode(process.arch);
    if (!node) {
      const detail = `No Node for linux was found. Install the npm package node-linux-${process.arch}.`;
      throw new CodexError('sandboxStartFailed', { detail }, { detail });
    }
    const { files, hash } = await runnerFiles(node.identity);
    const codex = join(this.#dataDir, 'runner', hash);
    try {
      await readFile(join(codex, 'complete'));
    } catch {
      await mkdir(join(codex, 'bin'), { recursive: true, mode: 0o755 });
      await writeFile(join(codex, 'node'), '');
      for (const file of files) {
        await writeFile(join(codex, file.path), file.content, { mode: file.mode });
        await chmod(join(codex, file.path), file.mode);
      }
      await writeFile(join(codex, 'complete'), hash);
    }
    return { codex, node: node.path };
  }

  async #read(name: string): Promise<Kept | null> {
    try {
      return Kept.parse(JSON.parse(await readFile(join(this.#dir, name, 'sandbox.json'), 'utf8')));
    } catch {
      return null;
    }
  }

  async #attachWhenUp(name: string, generation: number): Promise<Door> {
    for (const until = Date.now() + CONNECT_TIMEOUT_MS; ;) {
      try {
        return await this.#attach(name, generation);
      } catch (error) {
        const kept = await this.#read(name);
        const log = readLog(join(this.#dir, name, 'log'));
        if (!kept || !isAlive(kept.process))
          throw new Error(log || 'the runner ended at once', { cause: error });
        if (!(error instanceof RunnerGone) || Date.now() > until) throw error;
        await new Promise((resolve) => setTimeout(resolve, CONNECT_RETRY_MS));
      }
    }
  }

  async #attach(name: string, generation: number): Promise<Door> {
    const socket = await connectIn(join(this.#dir, name, 'run'));
    return openDoor(socket, { door: DOOR_VERSION, generation });
  }
}

/**
 * Through a descriptor of the folder, since the path of a Unix socket may have 107 bytes. What the
 * sandbox put in the socket's place (a link to a socket of the machine's) is not followed.
 */
function connectIn(runDir: string): Promise<Socket> {
  const fd = openSync(runDir, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  const path = `/proc/self/fd/${fd}/door.sock`;
  return new Promise<Socket>((resolve, reject) => {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (!stat?.isSocket()) throw new RunnerGone('the runner has no socket');
    const socket = connect({ path });
    socket.once('connect', () => resolve(socket));
    socket.once('error', (error) => reject(new RunnerGone(error.message)));
  }).finally(() => closeSync(fd));
}

function topLevel(): Record<string, string | null> {
  const found: Record<string, string | null> = {};
  for (const name of TOP_LEVEL) {
    const stat = lstatSync(`/${name}`, { throwIfNoEntry: false });
    if (stat?.isSymbolicLink()) found[name] = readlinkSync(`/${name}`);
    else if (stat?.isDirectory()) found[name] = null;
  }
  return found;
}

function findProgram(name: string): string | null {
  for (const dir of (process.env.PATH ?? '').split(':')) {
    const path = join(dir || '.', name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not here.
    }
  }
  return null;
}

/** What ran inside may have taken our permissions on its folders away. */
async function removeFolder(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch {
    await makeWritable(path);
    await rm(path, { recursive: true, force: true });
  }
}

async function makeWritable(dir: string): Promise<void> {
  await chmod(dir, 0o700);
  for (const entry of await readdir(Buffer.from(dir), { withFileTypes: true, encoding: 'buffer' })) {
    if (entry.isDirectory()) await makeWritable(join(dir, entry.name.toString('latin1'))).catch(() => {});
  }
}
