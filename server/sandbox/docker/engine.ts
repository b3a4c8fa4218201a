/**
 * What the engine is and what it can do, read from what it says of itself. Nothing here is weaker in
 * silence: what an engine can't do is a warning that `check` and `doctor` show.
 */
import { randomBytes } from 'node:crypto';
import type Docker from 'dockerode';
import { LABEL } from './spec.ts';
import type { EngineFacts } from './spec.ts';

/** Of `docker info`, what is read here; the published types have it as anything. */
export interface EngineInfo {
  Architecture: string;
  NCPU: number;
  CpuCfsQuota?: boolean;
  MemoryLimit?: boolean;
  SwapLimit?: boolean;
  PidsLimit?: boolean;
  CgroupVersion?: string;
  Driver: string;
  DriverStatus?: [string, string][] | null;
  DefaultRuntime?: string;
  Runtimes?: Record<string, unknown>;
  SecurityOptions?: string[] | null;
  DockerRootDir?: string;
  /** Its machine's. */
  Name?: string;
}

/** As the engine names its machine's architecture → as images do. */
const ARCHITECTURES: Record<string, string> = { x86_64: 'amd64', aarch64: 'arm64', armv7l: 'arm' };
/** As images name one → as Node does. */
const NODE_ARCHITECTURES: Record<string, string> = { amd64: 'x64' };

/** Storage drivers that may enforce a size of their own; whether this one does is tried. */
const SIZING_DRIVERS = ['btrfs', 'zfs', 'devicemapper'];
const TRIAL_BYTES = 1024 * 1024 * 1024;

export async function engineInfo(docker: Docker): Promise<EngineInfo> {
  return (await docker.info()) as EngineInfo;
}

/** The sentence for a runtime that the engine does not have, or null. */
export function runtimeMissing(info: EngineInfo, runtime: string | undefined): string | null {
  if (runtime === undefined) return null;
  const known = runtimesOf(info);
  if (known.includes(runtime)) return null;
  return `Docker has no runtime “${runtime}”; it has ${known.join(', ') || 'none by name'}. Install it, or change sandboxRuntime.`;
}

/** Without the names by which containerd calls its own shims. */
export function runtimesOf(info: EngineInfo): string[] {
  return Object.keys(info.Runtimes ?? {})
    .filter((name) => !name.startsWith('io.containerd.'))
    .sort();
}

export function factsOf(info: EngineInfo, runtime: string | undefined, limitsDisk: boolean): EngineFacts {
  return {
    architecture: ARCHITECTURES[info.Architecture] ?? info.Architecture,
    // Absent in what an engine says: it is not known to lack it.
    cpus: info.CpuCfsQuota === false ? null : info.NCPU,
    ...(runtime === undefined ? {} : { runtime }),
    limitsDisk,
  };
}

export function nodeArchitecture({ architecture }: EngineFacts): string {
  return NODE_ARCHITECTURES[architecture] ?? architecture;
}

/** What is weaker than it could be, a sentence each. */
export function weaknessesOf(info: EngineInfo, runtime: string | undefined): string[] {
  const options = securityOf(info);
  const runs = runtime ?? info.DefaultRuntime ?? 'runc';
  const weak: [boolean, string][] = [
    [
      options.seccomp === 'unconfined' || (options.seccomp === null && runs !== 'runsc'),
      'Docker runs containers without a seccomp filter: every system call of the kernel is open to a task. Start it without --seccomp-profile=unconfined.',
    ],
    [
      options.seccomp !== null && !['builtin', 'default', 'unconfined'].includes(options.seccomp),
      `Docker’s seccomp profile is not its own but ${options.seccomp ?? ''}.`,
    ],
    [info.MemoryLimit === false, 'Docker can’t limit memory here: a task may use all of the machine’s.'],
    [
      info.MemoryLimit !== false && info.SwapLimit === false,
      'Docker can’t limit swap here: a task may swap beyond its memory.',
    ],
    [info.PidsLimit === false, 'Docker can’t limit processes here: a fork bomb is not stopped.'],
    [info.CpuCfsQuota === false, 'Docker can’t limit processors here: a task may use all of the machine’s.'],
  ];
  return weak.flatMap(([is, sentence]) => (is ? [sentence] : []));
}

export interface SecurityOptions {
  /** The profile's name; null: no filter at all. */
  seccomp: string | null;
  apparmor: boolean;
  selinux: boolean;
  userns: boolean;
  rootless: boolean;
}

/** `name=seccomp,profile=default`, one string each. */
export function securityOf(info: EngineInfo): SecurityOptions {
  const options = (info.SecurityOptions ?? []).map(
    (one) => new Map(one.split(',').map((pair): [string, string] => splitOnce(pair))),
  );
  const named = (name: string): Map<string, string> | undefined =>
    options.find((one) => one.get('name') === name);
  const seccomp = named('seccomp');
  return {
    seccomp: seccomp ? (seccomp.get('profile') ?? 'default') : null,
    apparmor: named('apparmor') !== undefined,
    selinux: named('selinux') !== undefined,
    userns: named('userns') !== undefined,
    rootless: named('rootless') !== undefined,
  };
}

function splitOnce(pair: string): [string, string] {
  const at = pair.indexOf('=');
  return at < 0 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)];
}

/** Whether the engine's storage may enforce a container's size: only then is it worth a trial. */
export function maySizeDisk(info: EngineInfo): boolean {
  if (SIZING_DRIVERS.includes(info.Driver)) return true;
  const backing = info.DriverStatus?.find(([name]) => name === 'Backing Filesystem')?.[1];
  return info.Driver === 'overlay2' && backing === 'xfs';
}

/** Whether it does: the engine refuses to make a container with an option that it can't keep. */
export async function sizesDisk(docker: Docker, info: EngineInfo, image: string): Promise<boolean> {
  if (!maySizeDisk(info)) return false;
  try {
    const trial = await docker.createContainer({
      name: `codex-tasks-size-${randomBytes(6).toString('hex')}`,
      Image: image,
      Entrypoint: ['/never-started'],
      Labels: { [`${LABEL}.helper`]: 'true' },
      HostConfig: { NetworkMode: 'none', StorageOpt: { size: String(TRIAL_BYTES) } },
    });
    await trial.remove({ force: true });
    return true;
  } catch {
    return false;
  }
}
