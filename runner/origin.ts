/**
 * The way out to `origin`: TCP connections that processes inside make to one port of 127.0.0.1 are
 * paired with the `accept` streams that the backend holds open. Without a door they wait a while.
 */
import { createServer } from 'node:net';
import type { Socket } from 'node:net';
import type { ServerHttp2Stream } from 'node:http2';
import { ORIGIN_PORT } from '../protocol/door.ts';

/** Longer than a backend needs to come back after a restart. */
const WAIT_FOR_DOOR_MS = 30_000;
const WAITING_MAX = 64;

export class Origin {
  readonly #waiting: Socket[] = [];
  readonly #accepting: ServerHttp2Stream[] = [];

  listen(): void {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) =>
      this.#arrived(socket),
    );
    // Another program has the port: `origin` does not work then, everything else does.
    server.on('error', (error) => process.stderr.write(`origin: ${error.message}\n`));
    server.listen(ORIGIN_PORT, '127.0.0.1');
  }

  accept(stream: ServerHttp2Stream): void {
    stream.once('close', () => remove(this.#accepting, stream));
    const socket = this.#waiting.shift();
    if (socket) join(socket, stream);
    else this.#accepting.push(stream);
  }

  #arrived(socket: Socket): void {
    socket.on('error', () => socket.destroy());
    const stream = this.#accepting.shift();
    if (stream) return join(socket, stream);
    if (this.#waiting.length >= WAITING_MAX) return void socket.destroy();
    this.#waiting.push(socket);
    const timer = setTimeout(() => {
      if (remove(this.#waiting, socket)) socket.destroy();
    }, WAIT_FOR_DOOR_MS);
    socket.once('close', () => {
      clearTimeout(timer);
      remove(this.#waiting, socket);
    });
  }
}

function join(socket: Socket, stream: ServerHttp2Stream): void {
  stream.respond({ ':status': 200 });
  // What the backend has sent in full is still flushed; what broke off is cut.
  stream.once('close', () => (stream.readableEnded ? socket.destroySoon() : socket.destroy()));
  socket.once('close', () => stream.close());
  socket.setNoDelay(true);
  socket.pipe(stream);
  stream.pipe(socket);
}

function remove<T>(list: T[], item: T): boolean {
  const at = list.indexOf(item);
  if (at >= 0) list.splice(at, 1);
  return at >= 0;
}
