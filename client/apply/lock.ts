/**
 * One writer per folder: an extension window, another one and the command line may all apply to the
 * same root. The lock is a file in the checkpoint store that holds its owner's process id; one whose
 * process is gone is taken over.
 */
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { CodexError } from '../../protocol/errors.ts';
import { codeOf } from './node-io.ts';
import { sha256 } from './state.ts';

/** Applying takes seconds at most; someone who waits longer should be told. */
const LOCK_WAIT_MS = 15_000;
const LOCK_POLL_MS = 50;

export async function withRootLock<T>(folder: string, root: string, act: () => Promise<T>): Promise<T> {
  const path = join(folder, `${sha256(Buffer.from(root)).slice(0, 32)}.lock`);
  const mine = `${process.pid} ${randomBytes(8).toString('hex')}`;
  const deadline = Date.now() + LOCK_WAIT_MS;
  while (!take(path, mine)) {
    if (Date.now() > deadline) throw new CodexError('conflict', { what: 'applying', root });
    await new Promise((resolve) => setTimeout(resolve, LOCK_POLL_MS));
  }
  try {
    return await act();
  } finally {
    if (readText(path) === mine) fs.rmSync(path, { force: true });
  }
}

function take(path: string, mine: string): boolean {
  const own = `${path}.${mine.split(' ')[1]!}`;
  fs.writeFileSync(own, mine);
  try {
    // A link appears with its content or not at all.
    fs.linkSync(own, path);
    return true;
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  } finally {
    fs.rmSync(own, { force: true });
  }
  const owner = readText(path);
  if (owner !== null && !isAlive(Number(owner.split(' ')[0]))) {
    // Only one of several finders can rename this very file away.
    const dead = `${path}.${randomBytes(8).toString('hex')}.tmp`;
    try {
      fs.renameSync(path, dead);
      if (readText(dead) !== owner) fs.linkSync(dead, path);
    } catch {
      // Another was faster.
    }
    fs.rmSync(dead, { force: true });
  }
  return false;
}

function readText(path: string): string | null {
  try {
    return fs.readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}
