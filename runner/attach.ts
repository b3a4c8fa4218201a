/**
 * The byte pump: says hello for the backend on the other end, then moves bytes both ways and looks
 * at none of them. It waits for a runner that has not come up yet, and ends with either side.
 */
import { connect, Socket } from 'node:net';
import { DOOR_SOCKET, DOOR_VERSION } from '../protocol/door.ts';
import type { DoorHello } from '../protocol/door.ts';

/** A container's main process starts at the same time as the pump; a busy machine takes its time. */
const CONNECT_TIMEOUT_MS = 15_000;
const CONNECT_RETRY_MS = 5;

export function attach(generation: number): void {
  const deadline = Date.now() + CONNECT_TIMEOUT_MS;
  const hello: DoorHello = { door: DOOR_VERSION, generation, pump: process.pid };

  const tryOnce = (): void => {
    const door = connect({ path: DOOR_SOCKET, allowHalfOpen: true });
    door.once('error', (error: NodeJS.ErrnoException) => {
      const notYet = error.code === 'ENOENT' || error.code === 'ECONNREFUSED';
      if (notYet && Date.now() < deadline) setTimeout(tryOnce, CONNECT_RETRY_MS);
      else leave(`the runner does not answer: ${error.message}`);
    });
    door.once('connect', () => {
      door.removeAllListeners('error');
      door.write(`${JSON.stringify(hello)}\n`);
      pump(door);
    });
  };
  tryOnce();
}

function pump(door: Socket): void {
  // Not process.stdin and process.stdout: those write to a pipe synchronously and would stop the
  // other direction meanwhile.
  const input = new Socket({ fd: 0, readable: true, writable: false });
  const output = new Socket({ fd: 1, readable: false, writable: true });
  for (const stream of [door, input, output]) stream.on('error', () => process.exit(0));
  input.pipe(door);
  door.pipe(output);
  input.once('close', () => process.exit(0));
  output.once('finish', () => process.exit(0));
}

function leave(reason: string): void {
  process.stderr.write(`${reason}\n`);
  process.exit(1);
}
