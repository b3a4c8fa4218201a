/**
 * One pipe for a command's output and errors, so that both stay in order.
 *
 * Node's own 'pipe' is a socket, which a program can't open again (`echo x >/dev/stderr` fails), and
 * there is one for each stream. A FIFO is a real pipe; its name is gone before the command starts.
 * Making one costs a process, so a few are made ahead.
 */
import { execFile, execFileSync } from 'node:child_process';
import { constants, closeSync, mkdirSync, openSync, rmSync, unlinkSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';

const BATCH = 16;
const REFILL_BELOW = 8;

export class Pipes {
  readonly #dir: string;
  #ready: string[] = [];
  #made = 0;
  #refilling = false;

  constructor(dir: string) {
    this.#dir = dir;
    rmSync(dir, { recursive: true, force: true });
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    this.#refill();
  }

  /** The reading end, and a descriptor of the writing end that the caller closes after its fork. */
  take(): { reader: Socket; writeFd: number } {
    const path = this.#path();
    const readFd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const writeFd = openSync(path, constants.O_WRONLY);
    unlinkSync(path);
    return { reader: new Socket({ fd: readFd, readable: true, writable: false }), writeFd };
  }

  /** The other way round: for what is typed. The program's end blocks, as a program expects. */
  takeInput(): { readFd: number; writer: Socket } {
    const path = this.#path();
    // Nobody may open one for writing alone that nobody reads.
    const first = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const writeFd = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
    const readFd = openSync(path, constants.O_RDONLY);
    closeSync(first);
    unlinkSync(path);
    return { readFd, writer: new Socket({ fd: writeFd, readable: false, writable: true }) };
  }

  #path(): string {
    let path = this.#ready.shift();
    if (path === undefined) {
      path = this.#name();
      execFileSync('mkfifo', ['-m', '600', path], { stdio: 'ignore' });
    }
    if (this.#ready.length < REFILL_BELOW) this.#refill();
    return path;
  }

  #name(): string {
    return join(this.#dir, String(this.#made++));
  }

  #refill(): void {
    if (this.#refilling) return;
    this.#refilling = true;
    const paths = Array.from({ length: BATCH }, () => this.#name());
    execFile('mkfifo', ['-m', '600', ...paths], (error) => {
      this.#refilling = false;
      if (!error) this.#ready.push(...paths);
    });
  }
}

export function closeQuietly(fd: number): void {
  try {
    closeSync(fd);
  } catch {
    // Closed already.
  }
}
