/**
 * The door's socket on macOS, where the address of a Unix socket has 104 bytes and a folder can't be
 * named by a descriptor: behind a short link of our own where its path is longer. What the sandbox put in
 * the socket's place (a link to a socket of the person's) is not followed.
 */
import { lstatSync } from 'node:fs';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RunnerGone } from '../../door.ts';

/** `sun_path`, without the zero at its end. */
export const ADDRESS_BYTES = 103;
const NAME = 'door.sock';

export async function connectByPath(runDir: string, shortDir = tmpdir()): Promise<Socket> {
  const path = join(runDir, NAME);
  if (Buffer.byteLength(path) <= ADDRESS_BYTES) return connectTo(path, path);
  const dir = await mkdtemp(join(shortDir, 'cx-'));
  try {
    await symlink(runDir, join(dir, 'd'));
    return await connectTo(join(dir, 'd', NAME), path);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

function connectTo(address: string, path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (!stat?.isSocket()) return reject(new RunnerGone('the runner has no socket'));
    const socket = connect({ path: address });
    socket.once('connect', () => resolve(socket));
    socket.once('error', (error) => reject(new RunnerGone(error.message)));
  });
}
