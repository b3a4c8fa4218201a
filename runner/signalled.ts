/**
 * Finding a sandbox's processes where there is no /proc and no namespace (macOS): `pgrep` lists those of
 * the user, and the sandbox's are those that the kernel lets this one signal, since its rules allow that
 * only within the same sandbox. The backend tries before it uses such a sandbox that nothing else can be
 * signalled; a signal to everybody (`kill(-1)`) is never sent all the same.
 */
import { execFileSync } from 'node:child_process';

const LIST_BYTES = 1024 * 1024;
const LIST_TIMEOUT_MS = 5_000;

export interface Lister {
  /** Process ids, without this process, its parent and the lister itself. */
  (...args: string[]): number[];
}

export function pgrepLister(program: string): Lister {
  return (...args) => {
    const said = execFileSync(program, args, {
      maxBuffer: LIST_BYTES,
      timeout: LIST_TIMEOUT_MS,
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { LC_ALL: 'C' },
      encoding: 'latin1',
    });
    return said.split('\n').map(Number).filter(isAnother);
  };
}

/** None found is exit code 1; anything else is no answer, and must not be taken for "nobody is left". */
export function tolerant(list: Lister): Lister {
  return (...args) => {
    try {
      return list(...args);
    } catch (error) {
      if ((error as { status?: unknown }).status === 1) return [];
      throw error;
    }
  };
}

function isAnother(pid: number): boolean {
  return Number.isInteger(pid) && pid > 1 && pid !== process.pid && pid !== process.ppid;
}

export function canSignal(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Everything in this sandbox but the runner itself. */
export function everyone(list: Lister, allowed = canSignal): number[] {
  return list('-U', String(process.getuid?.() ?? 0), '.').filter(allowed);
}

/** With all below them, however deep. */
export function withDescendants(list: Lister, pids: number[]): Set<number> {
  const found = new Set(pids);
  for (let next = pids; next.length > 0;) {
    next = list('-P', next.join(',')).filter((pid) => !found.has(pid));
    for (const pid of next) found.add(pid);
  }
  return found;
}

/**
 * Of one command: its group, its session, what descends from them, what was once seen as one of them;
 * and, given who was there `before` it began (no other command ran meanwhile), whoever has come since and
 * is nobody else's.
 */
export function membersOf(
  list: Lister,
  leader: number,
  seen: ReadonlySet<number>,
  before: ReadonlySet<number> | null,
  allowed = canSignal,
): number[] {
  const first = [...list('-g', String(leader)), ...list('-s', String(leader)), ...seen].filter(allowed);
  if (allowed(leader)) first.push(leader);
  const chosen = withDescendants(list, [...new Set(first)]);
  if (before) {
    const others = list('-P', String(process.pid)).filter((pid) => pid !== leader);
    const theirs = withDescendants(list, others);
    for (const pid of everyone(list, allowed)) {
      if (!before.has(pid) && !theirs.has(pid)) chosen.add(pid);
    }
  }
  return [...chosen].filter(allowed);
}
