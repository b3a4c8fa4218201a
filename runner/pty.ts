/**
 * Opening a terminal for a program. The runner holds the master; three calls of the kernel that Node has no
 * word for are done by a few lines of Perl or Python (`terminal-openers.ts`), which then become the program.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, constants, openSync, statSync, writeSync } from 'node:fs';
import { DOOR_TEXT_BYTES } from '../protocol/door.ts';
import type { DoorTerminal } from '../protocol/door.ts';
import { DoorRefusal } from './failure.ts';
import { openersOn } from './terminal-openers.ts';

/** What the terminal does not take now is offered again after this. */
const WRITE_RETRY_MS = 5;
/** One write: what a program that reads line by line takes at once. */
const WRITE_BYTES = 4 * 1024;
const STDERR_BYTES = 4 * 1024;

export interface OnTerminal {
  child: ChildProcess;
  /** The caller closes it. */
  master: number;
}

/** Throws `DoorRefusal` noTerminal where nothing can make one. */
export async function openOnTerminal(spec: DoorTerminal): Promise<OnTerminal> {
  const cwd = isFolder(spec.cwd) ? spec.cwd : '/';
  for (const opener of openersOn(process.platform)) {
    const master = openMaster();
    const [program = '', ...args] = opener;
    const child = spawn(program, [...args, String(spec.columns), String(spec.rows), ...spec.argv], {
      cwd,
      // Perl complains of a locale that the image does not have, and takes this away again.
      env: { ...spec.env, PERL_BADLANG: '0' },
      stdio: [master, 'ignore', 'pipe'],
      detached: true,
    });
    const failure = await failureOf(child);
    if (failure === null) return { child, master };
    closeSync(master);
    if (failure.kind === 'failed') throw new DoorRefusal('noTerminal', failure.reason);
  }
  throw new DoorRefusal('noTerminal', 'neither perl nor python3');
}

/** All of it, as fast as the program takes it, until it is `over`. Throws when the terminal is gone. */
export async function typeInto(master: number, bytes: Buffer, over: () => boolean): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    if (over()) return;
    const written = writeSome(master, bytes, at);
    at += written;
    // Even where it takes everything, others get their turn.
    await new Promise((resolve) =>
      written === 0 ? setTimeout(resolve, WRITE_RETRY_MS) : setImmediate(resolve),
    );
  }
}

function openMaster(): number {
  try {
    return openSync('/dev/ptmx', constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK);
  } catch (error) {
    throw new DoorRefusal('noTerminal', error instanceof Error ? error.message : String(error));
  }
}

function writeSome(fd: number, bytes: Buffer, at: number): number {
  try {
    return writeSync(fd, bytes, at, Math.min(WRITE_BYTES, bytes.length - at));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return 0;
    throw error;
  }
}

/** Its standard error is ours until the terminal stands: what comes there says why it does not. */
function failureOf(
  child: ChildProcess,
): Promise<null | { kind: 'missing' } | { kind: 'failed'; reason: string }> {
  return new Promise((resolve) => {
    let said = '';
    child.once('error', (error: NodeJS.ErrnoException) =>
      resolve(error.code === 'ENOENT' ? { kind: 'missing' } : { kind: 'failed', reason: error.message }),
    );
    child.stderr?.on(
      'data',
      (bytes: Buffer) => (said = (said + bytes.toString('utf8')).slice(0, STDERR_BYTES)),
    );
    child.stderr?.once('close', () => {
      if (child.pid === undefined) return;
      const reason = said.trim().slice(0, DOOR_TEXT_BYTES / 4);
      resolve(reason === '' ? null : { kind: 'failed', reason });
    });
  });
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
