/**
 * Which limit is held by what, and how a sandbox is started for it. systemd's scopes are the kernel's
 * own limits; without them the kernel holds what an unprivileged process can ask it for, and the
 * backend's watch (`watch.ts`) the rest. Pure.
 */
import type { LimitValues } from '../../../protocol/limits.ts';
import type { Facts } from './facts.ts';

type Limits = Pick<LimitValues, 'sandboxMemoryBytes' | 'sandboxPids' | 'sandboxCpus'>;

export interface Means {
  memory: 'scope' | 'watch';
  processes: 'scope' | 'kernel' | 'watch';
  cpus: 'scope' | 'affinity' | 'none';
}

/** From then on the kernel counts processes by user namespace. */
const COUNTS_BY_NAMESPACE = [5, 14] as const;
/** A task's work gives way to the person's. */
const NICENESS = 5;

export function means(facts: Facts): Means {
  if (facts.scope !== null) return { memory: 'scope', processes: 'scope', cpus: 'scope' };
  const [major = 0, minor = 0] = facts.kernel.split('.').map((part) => parseInt(part, 10));
  const [sinceMajor, sinceMinor] = COUNTS_BY_NAMESPACE;
  const byNamespace = major > sinceMajor || (major === sinceMajor && minor >= sinceMinor);
  return {
    memory: 'watch',
    processes: byNamespace && facts.unprivileged ? 'kernel' : 'watch',
    cpus: facts.taskset === null ? 'none' : 'affinity',
  };
}

/** For people: what holds, and what does not hold as tightly as in a container. */
export function meansInWords({ memory, processes, cpus }: Means): string {
  if (memory === 'scope') return 'memory, processes and CPUs limited by systemd, disk by watching';
  const held = processes === 'kernel' ? 'processes limited by the kernel' : '';
  const pinned = cpus === 'affinity' ? 'CPUs by affinity' : 'CPUs not limited';
  const watched = processes === 'kernel' ? 'memory and disk' : 'memory, processes and disk';
  return [held, pinned, `${watched} only by watching (no systemd scope here)`]
    .filter((part) => part !== '')
    .join(', ');
}

/** What stands before bubblewrap. `spread`: a number of the sandbox's own, so that not all share the first CPUs. */
export function launchPrefix(facts: Facts, limits: Limits, unit: string, spread: number): string[] {
  const { cpus } = means(facts);
  const prefix = facts.nice === null ? [] : [facts.nice, '-n', String(NICENESS)];
  if (facts.scope !== null) {
    return [
      ...['systemd-run', `--${facts.scope}`, '--scope', '--quiet', '--collect', `--unit=${unit}`],
      ...['-p', `MemoryMax=${limits.sandboxMemoryBytes}`, '-p', 'MemorySwapMax=0'],
      ...['-p', `TasksMax=${limits.sandboxPids}`, '-p', `CPUQuota=${Math.round(limits.sandboxCpus * 100)}%`],
      '--',
      ...prefix,
    ];
  }
  const list = cpus === 'affinity' ? someOf(facts.cpus, limits.sandboxCpus, spread) : null;
  return list === null || facts.taskset === null ? prefix : [...prefix, facts.taskset, '-c', list];
}

/** That many processors of a list like `0-3,8`, from a place in it on; null when all are to be used. */
export function someOf(list: string, wanted: number, spread: number): string | null {
  const all = list.split(',').flatMap((part) => {
    const [first, last] = part.split('-').map(Number);
    if (first === undefined || !Number.isInteger(first) || part === '') return [];
    return Array.from({ length: (last ?? first) - first + 1 }, (_, index) => first + index);
  });
  const count = Math.max(1, Math.ceil(wanted));
  if (count >= all.length) return null;
  return Array.from({ length: count }, (_, index) => all[(spread + index) % all.length]).join(',');
}
