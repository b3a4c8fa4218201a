/**
 * Programs on a terminal of their own, each tied to one stream of the door: it begins with the stream
 * and ends with it, with all that it started.
 *
 * Opening one is `pty.ts`. Output never runs further ahead than the backend has taken: a program that
 * prints without end waits, like in any terminal, and nothing piles up.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync } from 'node:fs';
import type { ServerHttp2Stream } from 'node:http2';
import { constants as os } from 'node:os';
import { ReadStream } from 'node:tty';
import { CALL_ID_VARIABLE, DOOR_JSON_BYTES, EXIT_TRAILER, TERMINAL_AHEAD_BYTES } from '../protocol/door.ts';
import type { DoorTerminal } from '../protocol/door.ts';
import { DoorRefusal } from './failure.ts';
import { endCommand } from './processes.ts';
import { openOnTerminal, typeInto } from './pty.ts';
import { asTerminal } from './requests.ts';

/** In one sandbox; the backend has a lower limit of its own. */
const TERMINALS_MAX = 64;
/** After its program a terminal's last output is read until it is quiet, at most this long. */
const DRAIN_LIMIT_MS = 500;

export class Terminals {
  readonly #open = new Map<string, OpenTerminal>();

  /** Until the program has ended or the stream is closed. */
  async serve(id: string, stream: ServerHttp2Stream): Promise<void> {
    const input = new Input(stream);
    const spec = asTerminal(await input.firstLine());
    if (this.#open.has(id)) throw new DoorRefusal('busy', 'a terminal of this id is open');
    if (this.#open.size >= TERMINALS_MAX) throw new DoorRefusal('busy', 'too many terminals');
    const terminal = new OpenTerminal(id, stream);
    this.#open.set(id, terminal);
    try {
      await terminal.run(spec, input);
    } finally {
      this.#open.delete(id);
    }
  }

  /** Nothing happens when it has ended meanwhile. */
  resize(id: string, columns: number, rows: number): void {
    this.#open.get(id)?.resize(columns, rows);
  }

  taken(id: string, bytes: number): void {
    this.#open.get(id)?.taken(bytes);
  }
}

/** The request's body: one line, then bytes to the end. */
class Input {
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer | null = null;

  constructor(stream: ServerHttp2Stream) {
    // Not to be destroyed when the reading stops: the answer is still being written.
    this.#chunks = stream.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer>;
  }

  async firstLine(): Promise<string> {
    let line = Buffer.alloc(0);
    for (let next = await this.#chunks.next(); !next.done; next = await this.#chunks.next()) {
      line = Buffer.concat([line, next.value]);
      const end = line.indexOf(0x0a);
      if (end >= 0) {
        this.#rest = line.subarray(end + 1);
        return line.toString('utf8', 0, end);
      }
      if (line.length > DOOR_JSON_BYTES) break;
    }
    throw new DoorRefusal('badRequest', 'the first line is missing or too long');
  }

  async next(): Promise<Buffer | null> {
    if (this.#rest) {
      const rest = this.#rest;
      this.#rest = null;
      return rest;
    }
    const next = await this.#chunks.next();
    return next.done ? null : next.value;
  }
}

class OpenTerminal {
  readonly #id: string;
  readonly #stream: ServerHttp2Stream;
  #master = -1;
  #output: ReadStream | undefined;
  #sent = 0;
  #taken = 0;
  #over = false;

  constructor(id: string, stream: ServerHttp2Stream) {
    this.#id = id;
    this.#stream = stream;
  }

  async run(spec: DoorTerminal, input: Input): Promise<void> {
    const child = await this.#start(spec);
    const leader = child.pid ?? 0;
    const exited = new Promise<number>((resolve) => {
      const end = (code: number | null, signal: NodeJS.Signals | null): void =>
        resolve(signal === null ? (code ?? 0) : 128 + os.signals[signal]);
      if (child.exitCode !== null || child.signalCode !== null) end(child.exitCode, child.signalCode);
      else child.once('exit', end);
    });
    const stream = this.#stream;
    const closed = new Promise<null>((resolve) => {
      if (stream.destroyed) resolve(null);
      stream.once('close', () => resolve(null));
    });
    if (!stream.destroyed) {
      stream.respond({ ':status': 200 }, { waitForTrailers: true });
      this.#pump();
      void this.#type(input);
    }
    const exitCode = await Promise.race([exited, closed]);
    if (exitCode !== null) await Promise.race([this.#drained(), closed]);
    this.#over = true;
    // The hang-up is what a shell listens to; TERM it ignores.
    if (this.#output) this.#output.destroy();
    else closeSync(this.#master);
    await endCommand(leader, this.#id, null);
    if (stream.destroyed || exitCode === null) return;
    stream.once('wantTrailers', () => stream.sendTrailers({ [EXIT_TRAILER]: String(exitCode) }));
    stream.end();
  }

  /** `stty` on the master: the kernel tells the program in the foreground by itself. */
  resize(columns: number, rows: number): void {
    if (this.#over || this.#output?.destroyed !== false) return;
    const stty = spawn('stty', ['cols', String(columns), 'rows', String(rows)], {
      stdio: [this.#master, 'ignore', 'ignore'],
    });
    stty.on('error', () => {});
  }

  taken(bytes: number): void {
    this.#taken = Math.max(this.#taken, Math.min(bytes, this.#sent));
    this.#flow();
  }

  async #start(spec: DoorTerminal): Promise<ChildProcess> {
    const env = { ...spec.env, [CALL_ID_VARIABLE]: this.#id };
    const { child, master } = await openOnTerminal({ ...spec, env });
    this.#master = master;
    return child;
  }

  #pump(): void {
    const output = new ReadStream(this.#master);
    this.#output = output;
    // The kernel says EIO once nobody has the terminal open any more.
    output.on('error', () => {});
    output.on('data', (bytes: Buffer) => {
      this.#sent += bytes.length;
      this.#stream.write(bytes);
      this.#flow();
    });
  }

  #flow(): void {
    if (this.#sent - this.#taken >= TERMINAL_AHEAD_BYTES) this.#output?.pause();
    else this.#output?.resume();
  }

  /** Everything that was printed has been read: the output has ended, or is quiet where something keeps it open. */
  async #drained(): Promise<void> {
    const output = this.#output;
    if (!output || output.destroyed) return;
    const closed = new Promise<void>((resolve) => output.once('close', resolve));
    for (let waited = 0; waited < DRAIN_LIMIT_MS;) {
      const before = this.#sent;
      const timer = new Promise((resolve) => setTimeout(resolve, 20));
      await Promise.race([closed, timer]);
      if (output.destroyed) return;
      // A reader that is slow is waited for; a daemon that keeps on printing is not.
      if (output.isPaused()) continue;
      waited += 20;
      if (this.#sent === before && waited >= 100) return;
    }
  }

  async #type(input: Input): Promise<void> {
    try {
      for (let bytes = await input.next(); bytes !== null; bytes = await input.next()) {
        await typeInto(this.#master, bytes, () => this.#over || this.#output?.destroyed !== false);
      }
    } catch {
      // The stream broke, or the program is gone: either ends the terminal by itself.
    }
  }
}
