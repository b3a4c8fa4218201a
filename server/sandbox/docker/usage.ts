/** What one container uses, as the engine and the runner inside tell it. */
import { statfs } from 'node:fs/promises';
import { hostname } from 'node:os';
import type Docker from 'dockerode';
import { CodexError } from '../../../protocol/errors.ts';
import type { LimitValues } from '../../../protocol/limits.ts';
import type { Behind } from '../door-sandbox.ts';
import { startExec } from './attach.ts';
import { stopContainer } from './containers.ts';
import { engineInfo } from './engine.ts';
import { ENGINE_TIMEOUT_MS, within } from './failure.ts';
import { watchDisk } from './watch.ts';

/** The exit code of what was killed. */
const KILLED = 137;
/** Walking a million files takes some seconds. */
const SIZE_TIMEOUT_MS = 60_000;
/** A process of its own for each question, so it is not asked often, and of a short command never. */
const RUN_DIR_EVERY_MS = 30_000;
const RUN_DIR_FIRST_MS = 10_000;
const ANSWER_BYTES = 64;

/** Its own layer, and what lies on the volume of the runner's folder. */
class Usage {
  readonly #container: Docker.Container;
  #runDir = { bytes: 0, askAt: Date.now() + RUN_DIR_FIRST_MS };

  constructor(container: Docker.Container) {
    this.#container = container;
  }

  async written(): Promise<number> {
    // `size` is missing in the published types.
    const options = { size: true } as Docker.ContainerInspectOptions;
    const found = await within(SIZE_TIMEOUT_MS, this.#container.inspect(options));
    const { SizeRw = 0 } = found as { SizeRw?: number };
    if (Date.now() >= this.#runDir.askAt) {
      const bytes = await this.#inRunDir().catch(() => this.#runDir.bytes);
      this.#runDir = { bytes, askAt: Date.now() + RUN_DIR_EVERY_MS };
    }
    return SizeRw + this.#runDir.bytes;
  }

  async #inRunDir(): Promise<number> {
    const channel = await startExec(this.#container, ['usage']);
    try {
      let said = '';
      for await (const chunk of channel) {
        said += String(chunk);
        if (said.length > ANSWER_BYTES) break;
      }
      const bytes = Number(said);
      if (!Number.isSafeInteger(bytes) || bytes < 0) throw new Error('no number of bytes');
      return bytes;
    } finally {
      channel.destroy();
    }
  }
}

/** What a sandbox's door is told of the container's use. */
export function watchedUse(
  docker: Docker,
  container: Docker.Container,
  limits: Pick<LimitValues, 'sandboxMemoryBytes' | 'sandboxDiskBytes'>,
): Pick<Behind, 'whyStopped' | 'whileRunning'> {
  const limitBytes = limits.sandboxDiskBytes;
  const usage = new Usage(container);
  let free: Promise<() => Promise<number | null>> | undefined;
  return {
    whyStopped: () => endedForMemory(container, limits.sandboxMemoryBytes),
    whileRunning: (fail) =>
      watchDisk({
        limitBytes,
        written: () => usage.written(),
        free: async () => (await (free ??= freeOnEngine(docker)))(),
        onFull: (why) => void endForDisk(container, fail, why === 'limit' ? { limitBytes } : {}),
      }),
  };
}

/** From inside, so that the runner stays; else by the engine. The files are kept either way. */
async function endForDisk(
  container: Docker.Container,
  fail: (error: CodexError) => Promise<boolean>,
  params: { limitBytes?: number },
): Promise<void> {
  const ended = await fail(new CodexError('sandboxDiskFull', params));
  if (!ended) await stopContainer(container).catch(() => {});
}

/** Of the disk that the engine keeps containers on; null when it is not one of this machine's. */
async function freeOnEngine(docker: Docker): Promise<() => Promise<number | null>> {
  const { DockerRootDir, Name } = await engineInfo(docker);
  if (DockerRootDir === undefined || Name !== hostname()) return () => Promise.resolve(null);
  return async () => {
    const { bavail, bsize } = await statfs(DockerRootDir);
    return bavail * bsize;
  };
}

/** Why it has ended, when that was for memory: its main process, killed after the kernel ran out of it. */
async function endedForMemory(container: Docker.Container, limitBytes: number): Promise<CodexError | null> {
  const { State } = await within(ENGINE_TIMEOUT_MS, container.inspect());
  return State.OOMKilled && State.ExitCode === KILLED ? new CodexError('outOfMemory', { limitBytes }) : null;
}
