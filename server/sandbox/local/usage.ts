/**
 * What a sandbox's processes use, counted from outside: all of them descend from the first process of
 * its namespace. The kernel's numbers, which nothing inside can write.
 */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findProgram } from './machine.ts';
import type { LocalProcess, Usage, Used } from './platform.ts';

/** Linux maps in pages of this size on both processors that we run on by default. */
const PAGE_BYTES = 4096;
const DU_TIMEOUT_MS = 120_000;

/** The first process and all below it, but not more than that: what forks all the time would never end. */
export function usedBelow(first: number, most: number): Used[] {
  const found: Used[] = [];
  const open = [first];
  const seen = new Set<number>(open);
  for (let pid; found.length < most && (pid = open.pop()) !== undefined;) {
    const one = usedBy(pid);
    if (!one) continue;
    found.push(one);
    for (const child of childrenOf(pid)) {
      if (seen.has(child)) continue;
      seen.add(child);
      open.push(child);
    }
  }
  return found;
}

function usedBy(pid: number): Used | null {
  const stat = read(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (fields.length < 22 || fields[0] === 'Z' || fields[0] === 'X') return null;
  return {
    pid,
    parent: Number(fields[1]),
    threads: Number(fields[17]),
    startedAt: Number(fields[19]),
    residentBytes: Number(fields[21]) * PAGE_BYTES,
  };
}

function childrenOf(pid: number): number[] {
  const threads = list(`/proc/${pid}/task`);
  return threads.flatMap((thread) =>
    read(`/proc/${pid}/task/${thread}/children`)
      .split(' ')
      .filter((word) => word !== '')
      .map(Number),
  );
}

/** Its own memory and its share of what several have; slow, since the kernel walks all of its pages. */
export function proportionalBytes(one: Used): number {
  const kib = /^Pss:\s+(\d+) kB/m.exec(read(`/proc/${one.pid}/smaps_rollup`))?.[1];
  // One that is ending has nothing to share any more; what it had a moment ago must not count.
  return kib === undefined ? (usedBy(one.pid)?.residentBytes ?? 0) : Number(kib) * 1024;
}

/** How often the kernel ended one of them for the memory limit of a cgroup of its own; 0 where it has none. */
export function memoryKills(first: number): number {
  const cgroup = /^0::(\/\S+\.scope)$/m.exec(read(`/proc/${first}/cgroup`))?.[1];
  if (cgroup === undefined) return 0;
  return Number(/^oom_kill (\d+)$/m.exec(read(`/sys/fs/cgroup${cgroup}/memory.events`))?.[1] ?? 0);
}

/**
 * What its folders hold on disk. What ran inside may have closed a folder to us, its owner; in a user
 * namespace of our own we may read it all the same, and nothing has to be changed for that.
 */
export async function diskBytes(sandboxDir: string): Promise<number> {
  const folders = ['workspace', 'home', 'tmp', 'run'].map((name) => join(sandboxDir, name));
  const du = ['du', '-s', '-c', '--block-size=1', '-x', '--', ...folders];
  const asOwner = ['--unshare-user', '--uid', '0', '--gid', '0', '--cap-add', 'CAP_DAC_READ_SEARCH'];
  const [program = '', ...args] =
    process.getuid?.() === 0 ? du : [findProgram('bwrap') ?? 'bwrap', ...asOwner, '--bind', '/', '/', ...du];
  // Files that go while it looks make it complain and count on.
  const told = await promisify(execFile)(program, args, {
    env: { PATH: process.env.PATH, LC_ALL: 'C' },
    timeout: DU_TIMEOUT_MS,
  }).catch((error: unknown) => error as { stdout?: string });
  return Number(/^(\d+)\ttotal$/m.exec(told.stdout ?? '')?.[1] ?? 0);
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

function list(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

export const linuxUsage: Usage = {
  below: async (first, most) => usedBelow(first.pid, most),
  commands: commandsAmong,
  proportionalBytes,
  memoryKills: (first) => memoryKills(first.pid),
  diskBytes,
};

/** All but the first process and the runner, which is its oldest child. */
function commandsAmong({ pid }: LocalProcess, all: Used[]): Used[] {
  const used = all.filter((one) => one.pid !== pid);
  const [runner] = used
    .filter((one) => one.parent === pid)
    .sort((a, b) => a.startedAt - b.startedAt || a.pid - b.pid);
  return used.filter((one) => one.pid !== runner?.pid);
}
