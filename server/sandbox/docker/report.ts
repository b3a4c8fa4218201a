/** How the engine's sandboxes are confined, for `doctor`: from what the engine says and what we ask of it. */
import { statfs } from 'node:fs/promises';
import { hostname } from 'node:os';
import Docker from 'dockerode';
import { engineInfo, maySizeDisk, runtimesOf, securityOf, weaknessesOf } from './engine.ts';
import type { EngineInfo } from './engine.ts';
import { ENGINE_TIMEOUT_MS, within } from './failure.ts';
import { describeHardening } from './spec.ts';

export interface ConfinementReport {
  lines: { name: string; value: string }[];
  /** What is weaker than it could be and what to do, a sentence each. */
  weaknesses: string[];
  /** On the disk of the engine's containers; null when it is another machine's. */
  freeBytes: number | null;
}

/** Throws when no engine answers. */
export async function reportConfinement(
  runtime: string | undefined,
  options: Docker.DockerOptions = {},
): Promise<ConfinementReport> {
  const info = await within(ENGINE_TIMEOUT_MS, engineInfo(new Docker(options)));
  return {
    lines: [...describeEngine(info, runtime), ...describeHardening()],
    weaknesses: weaknessesOf(info, runtime),
    freeBytes: await freeBytes(info),
  };
}

export function describeEngine(
  info: EngineInfo,
  runtime: string | undefined,
): { name: string; value: string }[] {
  const security = securityOf(info);
  const used = runtime ?? info.DefaultRuntime ?? 'the engine’s default';
  const others = runtimesOf(info).filter((name) => name !== used);
  const root = security.rootless
    ? 'an unprivileged user outside (rootless)'
    : security.userns
      ? 'another user outside (userns-remap)'
      : 'root outside too, without most rights; rootless Docker or userns-remap is stronger';
  return [
    { name: 'runtime', value: others.length === 0 ? used : `${used} (there are also ${others.join(', ')})` },
    {
      name: 'kernel filters',
      value: [
        `seccomp ${security.seccomp ?? 'none'}`,
        `AppArmor ${security.apparmor ? 'on' : 'not here'}`,
        ...(security.selinux ? ['SELinux on'] : []),
      ].join(', '),
    },
    { name: 'root inside', value: `is ${root}` },
    { name: 'control groups', value: `version ${info.CgroupVersion ?? 'unknown'}` },
    {
      name: 'disk',
      value: `${info.Driver}; ${maySizeDisk(info) ? 'limited by the engine where its storage can, and watched' : 'not limited by the engine: watched while commands run'}`,
    },
  ];
}

async function freeBytes(info: EngineInfo): Promise<number | null> {
  if (info.DockerRootDir === undefined || info.Name !== hostname()) return null;
  try {
    const { bavail, bsize } = await statfs(info.DockerRootDir);
    return bavail * bsize;
  } catch {
    return null;
  }
}
