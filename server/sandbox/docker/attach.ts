/** A container's door: one attached `exec` of the byte pump. */
import type { Duplex } from 'node:stream';
import type Docker from 'dockerode';
import { errorText } from '../../../protocol/errors.ts';
import { CODEX_DIR } from '../../../protocol/door.ts';
import type { Door } from '../door.ts';
import { DoorBroken, openDoor } from '../door.ts';
import { demuxed, ExecChannel } from './exec-channel.ts';
import { BUSY_ENGINE_TIMEOUT_MS, statusOf, within } from './failure.ts';

const ATTACH_TIMEOUT_MS = 15_000;
const LOG_LINES = 20;

export async function attachDoor(container: Docker.Container, generation: number): Promise<Door> {
  const channel = await startExec(container, ['attach', String(generation)]);
  try {
    return await openDoor(channel, null);
  } catch (error) {
    if (error instanceof DoorBroken && channel.stderr !== '') throw new DoorBroken(channel.stderr.trim());
    throw error;
  }
}

/** One of the runner's verbs as another process of the container; `user`: default, as the runner itself. */
export async function startExec(
  container: Docker.Container,
  verb: string[],
  user?: string,
): Promise<ExecChannel> {
  const exec = await container.exec({
    Cmd: [`${CODEX_DIR}/node`, `${CODEX_DIR}/runner.cjs`, ...verb],
    ...(user === undefined ? {} : { User: user }),
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
  return new ExecChannel(raw);
}

/** Throws when that can't be found out now. */
export async function isRunning(container: Docker.Container): Promise<boolean> {
  try {
    return (await within(BUSY_ENGINE_TIMEOUT_MS, container.inspect())).State.Running;
  } catch (error) {
    if (statusOf(error) === 404) return false;
    throw new Error(`Docker does not answer any more (${errorText(error)})`, { cause: error });
  }
}

/** What a runner that did not come up said. */
export async function lastLog(container: Docker.Container): Promise<string> {
  try {
    const bytes = await container.logs({ stdout: true, stderr: true, tail: LOG_LINES });
    return demuxed(bytes)
      .toString('utf8')
      .replace(/[\0-\x08\x0b-\x1f]/g, '')
      .trim();
  } catch {
    return '';
  }
}
