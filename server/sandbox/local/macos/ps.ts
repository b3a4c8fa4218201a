/**
 * Processes seen from outside, by `ps`, which macOS lets only programs outside a sandbox run. `-o` once
 * for each column: in one list BSD's `ps` takes what follows `=` for a heading. Times in UTC and in one
 * language, since they are compared.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const COLUMNS = ['pid', 'ppid', 'pgid', 'rss', 'stat', 'lstart'];
const TIMEOUT_MS = 10_000;
const MAX_BYTES = 16 * 1024 * 1024;
/** `lstart` has whole seconds, and may be reckoned from a boot time that is corrected. */
const SAME_MS = 1_500;

export interface Listed {
  pid: number;
  parent: number;
  group: number;
  residentBytes: number;
  /** Ms since 1970. */
  startedAt: number;
}

/** Every process of the machine, or the one with this id; zombies are dead already. */
export async function listProcesses(ps: string, pid?: number): Promise<Listed[]> {
  const args = [...(pid === undefined ? ['-ax'] : ['-p', String(pid)])];
  try {
    const { stdout } = await promisify(execFile)(
      ps,
      [...args, ...COLUMNS.flatMap((name) => ['-o', `${name}=`])],
      {
        env: { LC_ALL: 'C', TZ: 'UTC' },
        timeout: TIMEOUT_MS,
        maxBuffer: MAX_BYTES,
      },
    );
    return parseProcesses(stdout);
  } catch (error) {
    // Nobody has that id: exit code 1, and nothing said.
    if (pid !== undefined && (error as { code?: unknown }).code === 1) return [];
    throw error;
  }
}

export function parseProcesses(text: string): Listed[] {
  return text.split('\n').flatMap((line) => {
    const [, pid, parent, group, kib, state, started] =
      /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(\S.*?)\s*$/.exec(line) ?? [];
    const startedAt = Date.parse(`${started} UTC`);
    if (state === undefined || state.startsWith('Z') || Number.isNaN(startedAt)) return [];
    return [
      {
        pid: Number(pid),
        parent: Number(parent),
        group: Number(group),
        residentBytes: Number(kib) * 1024,
        startedAt,
      },
    ];
  });
}

export function isSame(one: { startedAt: number }, startedAt: number): boolean {
  return Math.abs(one.startedAt - startedAt) <= SAME_MS;
}

/** Those with one of these ids, and all that descend from them; the first ones first. */
export function withDescendants(all: Listed[], first: ReadonlySet<number>): Listed[] {
  const children = Map.groupBy(all, (one) => one.parent);
  const found = all.filter((one) => first.has(one.pid));
  const known = new Set(found.map(({ pid }) => pid));
  for (let index = 0; index < found.length; index++) {
    for (const child of children.get(found[index]?.pid ?? -1) ?? []) {
      if (known.has(child.pid)) continue;
      known.add(child.pid);
      found.push(child);
    }
  }
  return found;
}
