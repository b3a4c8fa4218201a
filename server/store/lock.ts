/**
 * One backend per data folder. The lock is a file that names its owner; it survives `kill -9` because
 * a lock whose owner is gone is recognised: by process id and start time on the same machine, and by
 * not having been touched for a while when it comes from another one (containers on one volume).
 */
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { linkSync, readFileSync, renameSync, statSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { CodexError } from '../../protocol/errors.ts';

const LOCK_FILE = 'backend.lock';
const TOUCH_EVERY_MS = 10_000;
/** Three missed touches: an owner on another machine that is silent this long is gone. */
const STALE_AFTER_MS = 3 * TOUCH_EVERY_MS;
const TRIES = 3;

const Owner = z.object({
  nonce: z.string(),
  pid: z.number().int(),
  /** When the process started, as the system tells it: a process id is used again, this pair is not. */
  started: z.string(),
  host: z.string(),
  port: z.number().int().optional(),
});
type Owner = z.infer<typeof Owner>;

export interface FolderLock {
  /** Where the owner listens, for the sentence that another backend prints. */
  setPort(port: number): void;
  release(): void;
}

/** Throws `CodexError` dataFolderBusy with the owner's pid and port. */
export function lockFolder(folder: string): FolderLock {
  const path = join(folder, LOCK_FILE);
  const own: Owner = {
    nonce: randomUUID(),
    pid: process.pid,
    started: startOf(process.pid) ?? '',
    host: hostname(),
  };
  const mine = `${path}.${own.nonce}`;
  writeFileSync(mine, JSON.stringify(own), { mode: 0o600 });
  try {
    acquire(path, mine, folder);
  } finally {
    unlinkSync(mine);
  }
  const touch = setInterval(() => {
    const now = new Date();
    try {
      utimesSync(path, now, now);
    } catch {
      // The folder is gone or read-only; what depends on it will say so.
    }
  }, TOUCH_EVERY_MS);
  touch.unref();
  return {
    setPort(port) {
      writeFileSync(mine, JSON.stringify({ ...own, port }), { mode: 0o600 });
      renameSync(mine, path);
    },
    release() {
      clearInterval(touch);
      if (readOwner(path)?.nonce === own.nonce) unlinkSync(path);
    },
  };
}

function acquire(path: string, mine: string, folder: string): void {
  for (let attempt = 1; attempt <= TRIES; attempt++) {
    try {
      // A link appears whole or not at all, so nobody reads half a lock.
      linkSync(mine, path);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const owner = readOwner(path);
    if (owner && isAlive(owner, path)) throw busy(folder, owner);
    moveAway(path, owner);
  }
  throw busy(folder, readOwner(path));
}

/** Removes the dead owner's lock, and puts it back when another has taken its place meanwhile. */
function moveAway(path: string, dead: Owner | null): void {
  const aside = `${path}.${randomUUID()}`;
  try {
    renameSync(path, aside);
  } catch {
    return;
  }
  if (readOwner(aside)?.nonce !== dead?.nonce) {
    try {
      linkSync(aside, path);
    } catch {
      // A third one has it: then that one is told apart by the next try.
    }
  }
  unlinkSync(aside);
}

function busy(folder: string, owner: Owner | null): CodexError {
  const params = {
    folder,
    ...(owner ? { pid: owner.pid, host: owner.host } : {}),
    ...(owner?.port === undefined ? {} : { port: owner.port }),
  };
  const who = owner
    ? `process ${owner.pid}${owner.host === hostname() ? '' : ` on ${owner.host}`}` +
      (owner.port === undefined ? '' : `, port ${owner.port}`)
    : 'another process';
  return new CodexError('dataFolderBusy', params, {
    detail: `A backend already uses the data folder ${folder} (${who}); stop it or choose another with --data.`,
  });
}

function isAlive(owner: Owner, path: string): boolean {
  if (owner.host !== hostname()) return Date.now() - statSync(path).mtimeMs < STALE_AFTER_MS;
  const started = startOf(owner.pid);
  return started !== null && started === owner.started;
}

function readOwner(path: string): Owner | null {
  try {
    return Owner.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    return null;
  }
}

/** When a process started, or null when there is none; '' where the system does not tell. */
function startOf(pid: number): string | null {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return null;
  }
  try {
    if (process.platform === 'linux') {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      // Field 3 is the state: a zombie is dead. Field 22 is the start in ticks since boot.
      return fields[0] === 'Z' ? null : `${boot} ${fields[19]}`;
    }
    if (process.platform === 'win32') return '';
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
  } catch {
    return '';
  }
}
