/** Single files in and out, whole or their first bytes. */
import {
  closeSync,
  constants,
  createWriteStream,
  fstatSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, isAbsolute } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Readable } from 'node:stream';
import { DoorRefusal } from './failure.ts';

const CHUNK_BYTES = 256 * 1024;

/** Written beside and renamed, so that a reader sees the old file or the new one. */
export async function putFile(path: string, mode: number, content: Readable): Promise<void> {
  mustBeAbsolute(path);
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.codex-${process.pid}-${Date.now()}`;
  try {
    await pipeline(content, createWriteStream(temporary, { mode, flags: 'wx' }));
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** Null when there is no regular file. Never waits: a FIFO is opened without blocking and refused. */
export function openFile(path: string): number | null {
  mustBeAbsolute(path);
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    return null;
  }
  if (fstatSync(fd).isFile()) return fd;
  closeSync(fd);
  return null;
}

export function* readUpTo(fd: number, maxBytes: number): Generator<Buffer> {
  for (let at = 0; at < maxBytes;) {
    const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, maxBytes - at));
    const read = readSync(fd, buffer, 0, buffer.length, at);
    if (read === 0) return;
    at += read;
    yield buffer.subarray(0, read);
  }
}

function mustBeAbsolute(path: string): void {
  if (!isAbsolute(path) || path.includes('\0'))
    throw new DoorRefusal('badRequest', 'the path is not absolute');
}
