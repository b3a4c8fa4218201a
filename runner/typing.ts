/**
 * What is typed into a command that takes input: through a pipe, or at its terminal. At a terminal Ctrl+C
 * and Ctrl+D are the kernel's affair; a pipe knows neither, so they are done here: the one interrupts the
 * command's group, the other ends its input.
 */
import type { Socket } from 'node:net';
import { typeInto } from './pty.ts';

/** What waits for a program that reads nothing. */
export const TYPED_BYTES = 1024 * 1024;

const CTRL_C = 0x03;
const CTRL_D = 0x04;

export interface Typing {
  /** False: it has not read what was typed before, and nothing of this was taken. */
  type(bytes: Buffer): boolean;
  close(): void;
}

export class PipeTyping implements Typing {
  readonly #pipe: Socket;
  readonly #interrupt: () => void;

  constructor(pipe: Socket, interrupt: () => void) {
    this.#pipe = pipe;
    this.#interrupt = interrupt;
    // A program that closed its input is no failure of ours.
    pipe.on('error', () => {});
  }

  type(bytes: Buffer): boolean {
    if (this.#pipe.writableLength + bytes.length > TYPED_BYTES) return false;
    for (let from = 0; from < bytes.length;) {
      const key = bytes.subarray(from).findIndex((byte) => byte === CTRL_C || byte === CTRL_D);
      const end = key < 0 ? bytes.length : from + key;
      if (end > from && this.#pipe.writable) this.#pipe.write(bytes.subarray(from, end));
      if (bytes[end] === CTRL_C) this.#interrupt();
      if (bytes[end] === CTRL_D) this.#pipe.end();
      from = end + 1;
    }
    return true;
  }

  close(): void {
    this.#pipe.destroy();
  }
}

/** Until the command has started. */
export class EarlyTyping implements Typing {
  #waiting = Buffer.alloc(0);

  type(bytes: Buffer): boolean {
    if (this.#waiting.length + bytes.length > TYPED_BYTES) return false;
    this.#waiting = Buffer.concat([this.#waiting, bytes]);
    return true;
  }

  goOn<T extends Typing>(next: T): T {
    next.type(this.#waiting);
    return next;
  }

  close(): void {}
}

export class TerminalTyping implements Typing {
  readonly #master: number;
  #over = false;
  #waiting = 0;
  #line: Promise<void> = Promise.resolve();

  constructor(master: number) {
    this.#master = master;
  }

  type(bytes: Buffer): boolean {
    if (this.#waiting + bytes.length > TYPED_BYTES) return false;
    this.#waiting += bytes.length;
    this.#line = this.#line
      .then(() => typeInto(this.#master, bytes, () => this.#over))
      // The program is gone, which it tells by itself.
      .catch(() => {})
      .then(() => void (this.#waiting -= bytes.length));
    return true;
  }

  close(): void {
    this.#over = true;
  }
}
