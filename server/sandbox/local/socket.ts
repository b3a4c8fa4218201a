/**
 * The door's socket of a local sandbox. Through a descriptor of the folder, since the path of a Unix
 * socket may have 107 bytes. What the sandbox put in the socket's place (a link to a socket of the
 * machine's) is not followed.
 */
import { closeSync, constants, lstatSync, openSync } from 'node:fs';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { RunnerGone } from '../door.ts';

export function connectIn(runDir: string): Promise<Socket> {
  const fd = openSync(runDir, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  const path = `/proc/self/fd/${fd}/door.sock`;
  return new Promise<Socket>((resolve, reject) => {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (!stat?.isSocket()) throw new RunnerGone('the runner has no socket');
    const socket = connect({ path });
    socket.once('connect', () => resolve(socket));
    socket.once('error', (error) => reject(new RunnerGone(error.message)));
  }).finally(() => closeSync(fd));
}
