/**
 * What a sandbox's container is made of, as plain data: no network, no privilege that a task does
 * not need, limits on memory and processes, nothing of the host's but the runner's read-only volume.
 *
 * The capabilities are those without which root can't install packages, change owners, or end a
 * process of another user's. `no-new-privileges` makes setuid programs harmless (and `sudo` useless).
 */
import type { ContainerCreateOptions, HostConfig } from 'dockerode';
import { CODEX_DIR } from '../../../protocol/door.ts';
import type { LimitValues } from '../../../protocol/limits.ts';

export const LABEL = 'codex-tasks';
const SHARED_MEMORY_BYTES = 256 * 1024 * 1024;
/** Out of memory ends a task before anything else on the machine. */
const OOM_SCORE = 500;
const CAPABILITIES = ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'KILL', 'SETGID', 'SETUID'];

export interface ContainerOf {
  name: string;
  taskId: string;
  attempt: number;
  repoName: string;
  image: string;
  /** Volume with Node, the runner and `apply_patch`. */
  runnerVolume: string;
  /** Which backend's it is, by its data folder: two backends may share one engine. */
  owner: string;
  limits: Pick<LimitValues, 'sandboxMemoryBytes' | 'sandboxPids'>;
}

export function containerSpec(of: ContainerOf): ContainerCreateOptions {
  return {
    name: of.name,
    Image: of.image,
    Hostname: 'sandbox',
    User: '0:0',
    WorkingDir: '/',
    Entrypoint: [`${CODEX_DIR}/node`, `${CODEX_DIR}/runner.cjs`, 'serve'],
    Cmd: [],
    Tty: false,
    OpenStdin: false,
    StopSignal: 'SIGTERM',
    StopTimeout: 2,
    Healthcheck: { Test: ['NONE'] },
    Labels: {
      [`${LABEL}.sandbox`]: 'true',
      [`${LABEL}.owner`]: of.owner,
      [`${LABEL}.task`]: of.taskId,
      [`${LABEL}.attempt`]: String(of.attempt),
      [`${LABEL}.repo`]: of.repoName,
    },
    HostConfig: hostConfig(of),
  };
}

/** `CgroupnsMode` is missing in the published types. */
function hostConfig(of: ContainerOf): HostConfig & { CgroupnsMode: 'private' } {
  return {
    NetworkMode: 'none',
    Init: true,
    Privileged: false,
    CapDrop: ['ALL'],
    CapAdd: CAPABILITIES,
    SecurityOpt: ['no-new-privileges:true'],
    IpcMode: 'private',
    CgroupnsMode: 'private',
    PidsLimit: of.limits.sandboxPids,
    Memory: of.limits.sandboxMemoryBytes,
    MemorySwap: of.limits.sandboxMemoryBytes,
    OomScoreAdj: OOM_SCORE,
    ShmSize: SHARED_MEMORY_BYTES,
    Ulimits: [{ Name: 'core', Soft: 0, Hard: 0 }],
    AutoRemove: false,
    RestartPolicy: { Name: 'no' },
    ExtraHosts: ['sandbox:127.0.0.1', 'proxy:127.0.0.2'],
    Mounts: [
      {
        Type: 'volume',
        Source: of.runnerVolume,
        Target: CODEX_DIR,
        ReadOnly: true,
        VolumeOptions: { NoCopy: true, Labels: {}, DriverConfig: { Name: 'local', Options: {} } },
      },
    ],
    // Small: only what a runner says that can't start.
    LogConfig: { Type: 'json-file', Config: { 'max-size': '64k', 'max-file': '1' } },
  };
}
