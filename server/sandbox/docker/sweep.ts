/**
 * What is left of us in an engine and is no sandbox: helpers of a process that was killed, pool members of
 * one, volumes without a container, runners of older versions. Found by label, and idempotent: what
 * somebody else removes meanwhile is as good as removed.
 */
import type Docker from 'dockerode';
import { statusOf } from './failure.ts';
import { POOL_LABEL, POOL_NAME } from './pool.ts';
import { LABEL } from './spec.ts';

/** A helper lives for seconds; the longest (filling a volume from a slow disk) for a minute or two. */
const HELPER_MOST_MS = 10 * 60_000;
/** A volume exists for a moment before its container does. */
const VOLUME_LEAST_MS = 10 * 60_000;

export interface Sweeping {
  docker: Docker;
  owner: string;
  /** Of `POOL_LABEL`: whether it is this process's. */
  isOurPool: (instance: string | undefined) => boolean;
  /** Runner volumes that this backend uses, also when no container does now. */
  keepVolumes: string[];
}

/** The names of what was removed. */
export async function sweepLeftovers(of: Sweeping): Promise<string[]> {
  const removed: string[] = [];
  for (const container of await leftContainers(of)) {
    if (await unlessGone(of.docker.getContainer(container.Id).remove({ force: true, v: true })))
      removed.push((container.Names[0] ?? container.Id).replace(/^\//, ''));
  }
  for (const name of await leftVolumes(of)) {
    if (await unlessGone(of.docker.getVolume(name).remove())) removed.push(name);
  }
  return removed;
}

async function leftContainers({ docker, owner, isOurPool }: Sweeping): Promise<Docker.ContainerInfo[]> {
  const [helpers, pooled] = await Promise.all([
    docker.listContainers({ all: true, filters: { label: [`${LABEL}.helper=true`] } }),
    docker.listContainers({ all: true, filters: { label: [`${LABEL}.owner=${owner}`, POOL_LABEL] } }),
  ]);
  const isOld = (one: Docker.ContainerInfo): boolean => one.Created * 1_000 < Date.now() - HELPER_MOST_MS;
  const isUnclaimed = (one: Docker.ContainerInfo): boolean =>
    POOL_NAME.test((one.Names[0] ?? '').replace(/^\//, ''));
  return [
    // Of any backend's: no name says whose, and after that time none is in use.
    ...helpers.filter((one) => one.Labels[`${LABEL}.helper`] === 'true' && isOld(one)),
    ...pooled.filter((one) => {
      const instance = one.Labels[POOL_LABEL];
      return isUnclaimed(one) && !isOurPool(instance) && !isAlive(instance);
    }),
  ];
}

/** The engine removes none that a container uses, and says so. */
async function leftVolumes({ docker, owner, keepVolumes }: Sweeping): Promise<string[]> {
  const dangling = async (label: string): Promise<Docker.VolumeInspectInfo[]> =>
    (await docker.listVolumes({ filters: { dangling: ['true'], label: [label] } })).Volumes ?? [];
  const [own, runners] = await Promise.all([
    dangling(`${LABEL}.owner=${owner}`),
    dangling(`${LABEL}.runner`),
  ]);
  const made = (volume: Docker.VolumeInspectInfo): number =>
    Date.parse((volume as { CreatedAt?: string }).CreatedAt ?? '') || 0;
  const isOld = (volume: Docker.VolumeInspectInfo): boolean => made(volume) < Date.now() - VOLUME_LEAST_MS;
  const newest = [...runners].sort((a, b) => made(b) - made(a))[0]?.Name;
  const keep = new Set([...keepVolumes, newest]);
  return [
    ...own.filter((volume) => volume.Labels?.[`${LABEL}.volume`] === 'own' && isOld(volume)),
    ...runners.filter((volume) => !keep.has(volume.Name) && isOld(volume)),
  ].map((volume) => volume.Name);
}

/** Another process with this data folder; its own members are its own business. */
function isAlive(instance: string | undefined): boolean {
  const pid = Number(instance?.split('-')[0]);
  if (!Number.isSafeInteger(pid) || pid <= 0 || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** False when somebody else removed it, or it is in use after all. */
async function unlessGone(work: Promise<unknown>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    if ([404, 409].includes(statusOf(error))) return false;
    throw error;
  }
}
