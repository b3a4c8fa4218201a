/**
 * A way out through the door: TCP connections that processes inside make to one local port are paired
 * with the `accept` streams that the backend holds open for it. `origin` always listens; `egress` (the
 * internet proxy) only while the backend says that a policy allows something.
 *
 * Without a door a connection waits a while. What it is told then is the port's own business.
 */
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import type { ServerHttp2Stream } from 'node:http2';

const WAITING_MAX = 256;

export interface HandoverOptions {
  host: string;
  port: number;
  /** How long a connection waits for a stream of the backend's. */
  waitMs: number;
  /** Written to a connection for which none came. */
  refusal?: string;
  /** The port is taken from the start and kept: while closed, a connection to it is cut at once. */
  held?: boolean;
}

export class Handover {
  readonly #options: HandoverOptions;
  readonly #waiting: Socket[] = [];
  readonly #accepting: ServerHttp2Stream[] = [];
  readonly #joined = new Set<Socket>();
  #server: Server | undefined;
  #closed = false;

  constructor(options: HandoverOptions) {
    this.#options = options;
  }

  /** Where the port is to be held, takes it; what comes there is cut until `listen`. */
  async hold(): Promise<void> {
    if (this.#options.held !== true || this.#server) return;
    await this.listen();
    this.#closed = true;
  }

  /** Resolves once it listens; rejects when another program has the port. */
  async listen(): Promise<void> {
    this.#closed = false;
    if (this.#server) return;
    const { host, port } = this.#options;
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) =>
      this.#arrived(socket),
    );
    this.#server = server;
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen({ host, port, backlog: 511 }, resolve);
      });
      server.on('error', () => {});
    } catch (error) {
      this.#server = undefined;
      throw error;
    }
  }

  /** Nothing listens any more, and what was connected is cut. */
  close(): void {
    if (this.#options.held === true) this.#closed = true;
    else {
      this.#server?.close();
      this.#server = undefined;
    }
    for (const socket of [...this.#waiting, ...this.#joined]) socket.destroy();
  }

  accept(stream: ServerHttp2Stream): void {
    stream.once('close', () => remove(this.#accepting, stream));
    const socket = this.#waiting.shift();
    if (socket) this.#join(socket, stream);
    else this.#accepting.push(stream);
  }

  #arrived(socket: Socket): void {
    socket.on('error', () => socket.destroy());
    if (this.#closed) return void socket.destroy();
    const stream = this.#accepting.shift();
    if (stream) return this.#join(socket, stream);
    if (this.#waiting.length >= WAITING_MAX) return void socket.destroy();
    this.#waiting.push(socket);
    const timer = setTimeout(() => {
      if (remove(this.#waiting, socket)) this.#refuse(socket);
    }, this.#options.waitMs);
    socket.once('close', () => {
      clearTimeout(timer);
      remove(this.#waiting, socket);
    });
  }

  #refuse(socket: Socket): void {
    if (this.#options.refusal === undefined) return void socket.destroy();
    // What the program has sent is read away: a reset would swallow the answer.
    socket.resume();
    socket.end(this.#options.refusal, () => socket.destroySoon());
  }

  #join(socket: Socket, stream: ServerHttp2Stream): void {
    this.#joined.add(socket);
    stream.respond({ ':status': 200 });
    // What the backend has sent in full is still flushed; what broke off is cut.
    stream.once('close', () => (stream.readableEnded ? socket.destroySoon() : socket.destroy()));
    socket.once('close', () => {
      this.#joined.delete(socket);
      stream.close();
    });
    socket.setNoDelay(true);
    socket.pipe(stream);
    stream.pipe(socket);
  }
}

function remove<T>(list: T[], item: T): boolean {
  const at = list.indexOf(item);
  if (at >= 0) list.splice(at, 1);
  return at >= 0;
}
