/**
 * The processes of sandboxes on macOS, which has nothing that keeps them together: found as descendants
 * of the runner, and by having been one when it was looked before (what a daemon leaves behind belongs
 * to launchd then). Ended from inside: the runner alone can tell its sandbox's from others for sure, by
 * whom it may signal, so it is asked to end all and itself. What it did not end and was seen is ended here.
 */
import { ENDED_WHOLE } from '../../../../protocol/places.ts';
import type { LocalProcess, Usage, Used } from '../platform.ts';
import { readLog } from '../process.ts';
import { isSame, listProcesses, withDescendants } from './ps.ts';
import type { Listed } from './ps.ts';

/** The runner gives commands half a second to end by themselves, and kills for two more. */
const END_TIMEOUT_MS = 8_000;
const KILL_TIMEOUT_MS = 5_000;
const END_POLL_MS = 50;

export class Processes {
  readonly #ps: string;
  readonly #du: (dir: string) => Promise<number>;
  /** By the first process: who was seen below it, with the start time. */
  readonly #seen = new Map<string, Map<number, number>>();

  constructor(ps: string, du: (dir: string) => Promise<number>) {
    this.#ps = ps;
    this.#du = du;
  }

  /** Null when it ended at once. */
  async find(pid: number): Promise<LocalProcess | null> {
    const [one] = await listProcesses(this.#ps, pid);
    return one ? { pid, startedAt: String(one.startedAt) } : null;
  }

  async isAlive({ pid, startedAt }: LocalProcess): Promise<boolean> {
    const [one] = await listProcesses(this.#ps, pid);
    return one !== undefined && isSame(one, Number(startedAt));
  }

  /** False unless the first process says that it has ended all of its sandbox: it may have been ended from inside. */
  async end(first: LocalProcess, logPath: string): Promise<boolean> {
    await this.#of(first);
    await this.#askToEnd(first);
    for (const until = Date.now() + KILL_TIMEOUT_MS; ;) {
      const left = await this.#of(first);
      if (left.length === 0) break;
      if (Date.now() > until) throw new Error(`the process ${left[0]?.pid} does not end`);
      for (const { pid } of left) signal(pid, 'SIGKILL');
      await pause();
    }
    this.#seen.delete(keyOf(first));
    return readLog(logPath).split('\n').at(-1) === ENDED_WHOLE;
  }

  async #askToEnd(first: LocalProcess): Promise<void> {
    if (!(await this.isAlive(first))) return;
    signal(first.pid, 'SIGTERM');
    for (const until = Date.now() + END_TIMEOUT_MS; Date.now() < until;) {
      if (!(await this.isAlive(first))) return;
      await pause();
    }
  }

  readonly usage: Usage = {
    below: async (first, most) => (await this.#of(first)).slice(0, most).map(asUsed),
    commands: (first, used) => used.filter((one) => one.pid !== first.pid),
    // No share is told to who has no special right: pages that several have count for each.
    proportionalBytes: (one) => one.residentBytes,
    memoryKills: () => 0,
    diskBytes: (dir) => this.#du(dir),
  };

  /** The first process, what descends from it, and what once did, with its own. */
  async #of(first: LocalProcess): Promise<Listed[]> {
    const all = await listProcesses(this.#ps);
    const before = this.#seen.get(keyOf(first)) ?? new Map([[first.pid, Number(first.startedAt)]]);
    const still = all.filter((one) => isSame(one, before.get(one.pid) ?? NaN));
    const found = withDescendants(all, new Set(still.map(({ pid }) => pid)));
    this.#seen.set(keyOf(first), new Map(found.map((one) => [one.pid, one.startedAt])));
    return found;
  }
}

function keyOf({ pid, startedAt }: LocalProcess): string {
  return `${pid} ${startedAt}`;
}

/** `ps` counts no threads for all at once: a process counts as one. */
function asUsed({ pid, parent, residentBytes, startedAt }: Listed): Used {
  return { pid, parent, threads: 1, residentBytes, startedAt };
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It ended by itself meanwhile.
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, END_POLL_MS));
}
