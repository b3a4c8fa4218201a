/**
 * Holds the limits that the kernel does not hold for us: looks a few times a second at what each
 * sandbox uses, and ends commands when it is too much. It can be late by one look: a limit here is no
 * wall, and `check` says so.
 *
 * Over the memory limit the largest process ends, as the kernel would choose; over the limits of
 * processes and disk all commands end. The runner stays, except when nothing else helps.
 */
import type { LimitValues } from '../../../protocol/limits.ts';
import type { LocalProcess, Platform, Used } from './platform.ts';

const LOOK_MS = 200;
const DISK_LOOK_MS = 3_000;
/** Looking takes at most this part of the time. */
const SHARE = 20;
/** However busy the machine is. */
const LONGEST_PAUSE_MS = 2_000;
/**
 * A program that forks while it is ended is ended again; after so many times the whole namespace is,
 * which the kernel does at once.
 */
const KILL_ROUNDS = 3;

export type OverLimit = 'memory' | 'processes' | 'disk';

interface Watched {
  process: LocalProcess;
  dir: string;
  limits: Pick<LimitValues, 'sandboxMemoryBytes' | 'sandboxPids' | 'sandboxDiskBytes'>;
  nextDiskLook: number;
  /** The kernel's own, by the last look. */
  memoryKills: number;
  /** When each limit was last passed, ms since 1970. */
  over: Map<OverLimit, number>;
}

export class Watch {
  readonly #watched = new Map<string, Watched>();
  readonly #platform: Pick<Platform, 'isAlive' | 'end' | 'usage'>;
  #timer: NodeJS.Timeout | undefined;

  constructor(platform: Pick<Platform, 'isAlive' | 'end' | 'usage'>) {
    this.#platform = platform;
  }

  /** Takes the place of what was watched by that name; what it passed before is still known. */
  add(name: string, of: Pick<Watched, 'process' | 'dir' | 'limits'>): void {
    const over = this.#watched.get(name)?.over ?? new Map<OverLimit, number>();
    this.#watched.set(name, {
      ...of,
      over,
      nextDiskLook: Date.now() + DISK_LOOK_MS,
      memoryKills: this.#platform.usage.memoryKills(of.process),
    });
    this.#plan(LOOK_MS);
  }

  /** The limit for which commands were ended since then (ms since 1970). */
  overSince(name: string, since: number): OverLimit | undefined {
    const over = this.#watched.get(name)?.over ?? [];
    return [...over].find(([, at]) => at >= since)?.[0];
  }

  forget(name: string): void {
    this.#watched.delete(name);
  }

  #plan(ms: number): void {
    this.#timer ??= setTimeout(() => {
      const startedAt = performance.now();
      void this.#lookAtAll().then(() => {
        this.#timer = undefined;
        if (this.#watched.size > 0) this.#plan(pauseAfter(performance.now() - startedAt));
      });
    }, ms).unref();
  }

  async #lookAtAll(): Promise<void> {
    for (const watched of this.#watched.values()) {
      if (!(await this.#platform.isAlive(watched.process))) continue;
      const { usage } = this.#platform;
      const kills = usage.memoryKills(watched.process);
      if (kills > watched.memoryKills) watched.over.set('memory', Date.now());
      watched.memoryKills = kills;
      const used = await usage.below(watched.process, mostOf(watched));
      if (count(used) > watched.limits.sandboxPids) await this.#end(watched, 'processes');
      else if (this.#overMemory(used, watched.limits.sandboxMemoryBytes)) await this.#endLargest(watched);
      if (Date.now() >= watched.nextDiskLook) this.#lookAtDisk(watched);
    }
  }

  /** Beside the other looks: counting many files takes a while. */
  #lookAtDisk(watched: Watched): void {
    watched.nextDiskLook = Infinity;
    const startedAt = Date.now();
    const look = async (): Promise<void> => {
      const bytes = await this.#platform.usage.diskBytes(watched.dir);
      if (bytes > watched.limits.sandboxDiskBytes) await this.#end(watched, 'disk');
    };
    void look()
      .catch(() => {})
      .finally(() => {
        watched.nextDiskLook = Date.now() + Math.max(DISK_LOOK_MS, (Date.now() - startedAt) * SHARE);
      });
  }

  async #end(watched: Watched, why: OverLimit): Promise<void> {
    watched.over.set(why, Date.now());
    const seen = new Set<number>();
    for (let round = 0; round < KILL_ROUNDS; round++) {
      const newer = (await this.#commandsIn(watched)).filter(({ pid }) => !seen.has(pid));
      if (newer.length === 0) return;
      for (const { pid } of newer) signal(pid, 'SIGSTOP');
      for (const { pid } of newer) signal(pid, 'SIGKILL');
      for (const { pid } of newer) seen.add(pid);
    }
    await this.#platform.end(watched.process, watched.dir).catch(() => {});
  }

  /** Whether it is over. The exact sum is asked for only when the quick one, which is never lower, is. */
  #overMemory(used: Used[], limit: number): boolean {
    if (used.reduce((sum, one) => sum + one.residentBytes, 0) <= limit) return false;
    const { usage } = this.#platform;
    return used.reduce((sum, one) => sum + usage.proportionalBytes(one), 0) > limit;
  }

  async #endLargest(watched: Watched): Promise<void> {
    const [largest] = (await this.#commandsIn(watched)).sort((a, b) => b.residentBytes - a.residentBytes);
    const victim = largest?.pid ?? watched.process.pid;
    watched.over.set('memory', Date.now());
    signal(victim, 'SIGKILL');
  }

  async #commandsIn(watched: Watched): Promise<Used[]> {
    const { process } = watched;
    if (!(await this.#platform.isAlive(process))) return [];
    const { usage } = this.#platform;
    return usage.commands(process, await usage.below(process, mostOf(watched)));
  }
}

function pauseAfter(tookMs: number): number {
  return Math.min(LONGEST_PAUSE_MS, Math.max(LOOK_MS, tookMs * SHARE));
}

/** Threads count: the kernel has no other processes. */
function count(used: Used[]): number {
  return used.reduce((sum, one) => sum + one.threads, 0);
}

/** One more than are allowed is enough to know; room for the runner and what ends just now. */
function mostOf({ limits }: Watched): number {
  return 2 * limits.sandboxPids + 16;
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It ended by itself meanwhile.
  }
}
