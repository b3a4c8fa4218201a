/**
 * What a sandbox's container is made of, as plain data, and the one place that says what confines it:
 * no network, no device, no privilege that a task does not need, limits on memory, processors and
 * processes, nothing of the host's but the runner's read-only volume. `docs/isolation.md` tells it to
 * people, `describeHardening` to `doctor`, and a test holds every line of it.
 */
import type { ContainerCreateOptions, HostConfig, MountSettings } from 'dockerode';
import { CODEX_DIR, RUN_DIR, WORKSPACE_DIR } from '../../../protocol/door.ts';
import type { LimitValues } from '../../../protocol/limits.ts';
import type { SandboxRole } from '../sandbox.ts';

export const LABEL = 'codex-tasks';
const SHARED_MEMORY_BYTES = 256 * 1024 * 1024;
/** Out of memory ends a task before anything else on the machine. The runner puts its commands above it. */
const OOM_SCORE = 500;
/** What large builds and watchers open; more is a leak. An engine refuses more than it may open itself. */
const OPEN_FILES = 16_384;
const NANO = 1e9;
/**
 * Without these root can't install packages, change owners, or become the user of a service. No KILL: the
 * runner ends a process of another user's by becoming that user. The same in setup and agent phase.
 */
const CAPABILITIES = ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'SETGID', 'SETUID'];
const ROOT: ImageUser = { name: '0:0', uid: 0, gid: 0, home: '/root' };

/** Whom the image wants its commands to run as; `name` is how the engine is told. */
export interface ImageUser {
  name: string;
  uid: number;
  gid: number;
  home: string;
}

/** What the engine decides, read from it before a container is made. */
export interface EngineFacts {
  /** Of its machine, as images name it: amd64, arm64. */
  architecture: string;
  /** Of its machine; null: it can't limit processors. */
  cpus: number | null;
  /** Another than the engine's default, such as gVisor's `runsc`. */
  runtime?: string;
  /** Whether it enforces a container's size itself; elsewhere the size is watched. */
  limitsDisk: boolean;
}

export interface ContainerOf {
  name: string;
  taskId: string;
  attempt: number;
  repoName: string;
  image: string;
  /** Default: `agent`. */
  role?: SandboxRole;
  /** Default: root, as in most images. */
  user?: ImageUser;
  /** Volume with Node, the runner and `apply_patch`. */
  runnerVolume: string;
  /** Which backend's it is, by its data folder: two backends may share one engine. */
  owner: string;
  engine: EngineFacts;
  limits: Pick<LimitValues, 'sandboxMemoryBytes' | 'sandboxPids' | 'sandboxCpus' | 'sandboxDiskBytes'>;
}

export function containerSpec(of: ContainerOf): ContainerCreateOptions {
  return {
    name: of.name,
    Image: of.image,
    Hostname: 'sandbox',
    User: (of.user ?? ROOT).name,
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
      [`${LABEL}.role`]: of.role ?? 'agent',
      [`${LABEL}.task`]: of.taskId,
      [`${LABEL}.attempt`]: String(of.attempt),
      [`${LABEL}.repo`]: of.repoName,
      // An adopted container's user is not found out again.
      [`${LABEL}.home`]: (of.user ?? ROOT).home,
    },
    HostConfig: hostConfig(of),
  };
}

/** `CgroupnsMode` is missing in the published types. */
function hostConfig(of: ContainerOf): HostConfig & { CgroupnsMode: 'private' } {
  const { limits, engine } = of;
  return {
    ...confinement(of.role ?? 'agent'),
    ...(engine.runtime === undefined ? {} : { Runtime: engine.runtime }),
    PidsLimit: limits.sandboxPids,
    Memory: limits.sandboxMemoryBytes,
    // The same number: no swap.
    MemorySwap: limits.sandboxMemoryBytes,
    // The engine refuses more processors than its machine has.
    ...(engine.cpus === null
      ? {}
      : { NanoCpus: Math.round(Math.min(limits.sandboxCpus, engine.cpus) * NANO) }),
    ...(engine.limitsDisk ? { StorageOpt: { size: String(limits.sandboxDiskBytes) } } : {}),
    ExtraHosts: ['sandbox:127.0.0.1', 'proxy:127.0.0.2'],
    Mounts: [
      {
        Type: 'volume',
        Source: of.runnerVolume,
        Target: CODEX_DIR,
        ReadOnly: true,
        VolumeOptions: { NoCopy: true, Labels: {}, DriverConfig: { Name: 'local', Options: {} } },
      },
      // On disk, since kept output may be large, and no part of a snapshot: a setup's output stays out.
      ownVolume(RUN_DIR, of.owner),
      ...(of.role === 'ask' ? [ownVolume(WORKSPACE_DIR, of.owner)] : []),
    ],
    // Small: only what a runner says that can't start.
    LogConfig: { Type: 'json-file', Config: { 'max-size': '64k', 'max-file': '1' } },
  };
}

/** Without a name: removed with its container. */
function ownVolume(path: string, owner: string): MountSettings {
  return {
    Type: 'volume',
    Source: '',
    Target: path,
    ReadOnly: false,
    VolumeOptions: {
      NoCopy: true,
      Labels: { [`${LABEL}.volume`]: 'own', [`${LABEL}.owner`]: owner },
      DriverConfig: { Name: 'local', Options: {} },
    },
  };
}

/**
 * What does not depend on the task. No `SecurityOpt` but one: what is not named is the engine's own
 * seccomp and AppArmor profile, and its masked paths.
 */
function confinement(role: SandboxRole) {
  return {
    NetworkMode: 'none',
    Init: true,
    Privileged: false,
    CapDrop: ['ALL'],
    CapAdd: capabilitiesOf(role),
    // setuid programs are harmless, and `sudo` useless.
    SecurityOpt: ['no-new-privileges:true'],
    Devices: [],
    IpcMode: 'private',
    CgroupnsMode: 'private' as const,
    OomScoreAdj: OOM_SCORE,
    ShmSize: SHARED_MEMORY_BYTES,
    Ulimits: [
      { Name: 'core', Soft: 0, Hard: 0 },
      { Name: 'nofile', Soft: OPEN_FILES, Hard: OPEN_FILES },
    ],
    AutoRemove: false,
    RestartPolicy: { Name: 'no' },
  };
}

/** A question installs nothing: not even root's usual rights over other users' files are there. */
function capabilitiesOf(role: SandboxRole): string[] {
  switch (role) {
    case 'agent':
    case 'setup':
      return CAPABILITIES;
    case 'ask':
      return [];
  }
}

/** What confines every sandbox, a few words each: from the same data as the containers. */
export function describeHardening(): { name: string; value: string }[] {
  const agent = confinement('agent');
  const ask = confinement('ask');
  return [
    { name: 'network', value: agent.NetworkMode },
    {
      name: 'capabilities',
      value: `${agent.CapAdd.join(', ') || 'none'}; in ask mode ${ask.CapAdd.join(', ') || 'none'}`,
    },
    { name: 'privileges', value: `${agent.SecurityOpt.join(', ')}; privileged ${String(agent.Privileged)}` },
    { name: 'devices', value: agent.Devices.join(', ') || 'none' },
    { name: 'namespaces', value: `ipc ${agent.IpcMode}, cgroup ${agent.CgroupnsMode}` },
    {
      name: 'ulimits',
      value: agent.Ulimits.map(({ Name, Hard }) => `${Name} ${Hard}`).join(', '),
    },
    { name: 'swap', value: 'none' },
    { name: 'out of memory', value: `score ${agent.OomScoreAdj}: before the rest of the machine` },
  ];
}
