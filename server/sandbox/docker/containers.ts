/** A sandbox's container through its life: there already, stopped, started again. */
import type Docker from 'dockerode';
import { CodexError } from '../../../protocol/errors.ts';
import { SANDBOX_HOME } from '../../../protocol/door.ts';
import type { Sandbox, SandboxRole } from '../sandbox.ts';
import type { Door } from '../door.ts';
import { statusOf } from './failure.ts';
import { LABEL } from './spec.ts';

/** The engine has this long to see a killed container end. */
const STOP_TIMEOUT_MS = 30_000;

export interface Found {
  container: Docker.Container;
  how: Sandbox['how'];
  /** Where its user is at home. */
  home: string;
  /** Open already. */
  door?: Door;
}

/**
 * The container of this name, running; started again when it had stopped; null when there is none.
 * What it was made from is not compared: a task that is under way keeps its sandbox though its
 * environment has changed. One of another role under this name would be a mistake of ours.
 */
export async function adopt(docker: Docker, name: string, role: SandboxRole): Promise<Found | null> {
  const container = docker.getContainer(name);
  let found: Docker.ContainerInspectInfo;
  try {
    found = await container.inspect();
  } catch (error) {
    if (statusOf(error) === 404) return null;
    throw error;
  }
  const home = found.Config.Labels[`${LABEL}.home`] ?? SANDBOX_HOME;
  const is = found.Config.Labels[`${LABEL}.role`] ?? 'agent';
  if (is !== role)
    throw new CodexError('internal', {}, { detail: `${name} is a sandbox for ${is}, not for ${role}` });
  if (found.State.Paused) await container.unpause();
  if (found.State.Running) return { container, how: 'parked', home };
  await container.start();
  return { container, how: 'restarted', home };
}

/** Throws sandboxLost when it is gone, conflict when it runs. `container` is one that was got by its name. */
export async function inspectStopped(container: Docker.Container): Promise<Docker.ContainerInspectInfo> {
  const name = container.id;
  const found = await container.inspect().catch((error: unknown) => {
    throw statusOf(error) === 404
      ? new CodexError('sandboxLost', {}, { detail: `${name} is gone`, cause: error })
      : error;
  });
  if (found.State.Running) throw new CodexError('conflict', {}, { detail: `${name} has not been stopped` });
  return found;
}

/** Kills it whole and waits until it is dead. Not an error when it is not running, or gone. */
export async function stopContainer(container: Docker.Container): Promise<void> {
  try {
    await container.kill();
  } catch (error) {
    if (statusOf(error) === 404) return;
    // 409: it is not running, or about to end.
    if (statusOf(error) !== 409) throw error;
  }
  const giveUp = AbortSignal.timeout(STOP_TIMEOUT_MS);
  try {
    await container.wait({ condition: 'not-running', abortSignal: giveUp });
  } catch (error) {
    if (statusOf(error) === 404) return;
    if (giveUp.aborted)
      throw new CodexError('internal', {}, { detail: `${container.id} does not die`, cause: error });
    throw error;
  }
}
