/**
 * One connection of the sandbox: how many requests run on it, and since when it owes us something
 * (the head of a request, a ClientHello, a handshake). Who owes for too long is hung up on.
 */
import type { Duplex } from 'node:stream';

export class Connection {
  readonly duplex: Duplex;
  #running = 0;
  #waitingSince = Date.now();

  constructor(duplex: Duplex) {
    this.duplex = duplex;
  }

  get busy(): boolean {
    return this.#running > 0;
  }

  begin(): void {
    this.#running += 1;
  }

  done(): void {
    this.#running -= 1;
    this.#waitingSince = Date.now();
  }

  owesSince(time: number): boolean {
    return !this.busy && this.#waitingSince < time;
  }
}
