/**
 * One command from its fork to its result. In order: fork → output into the file → end (by itself, by time,
 * by cancel) → result. Memory does not grow with what a command prints.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { constants as os } from 'node:os';
import { join } from 'node:path';
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { ReadStream } from 'node:tty';
import { CALL_ID_VARIABLE, DOOR_TEXT_BYTES } from '../protocol/door.ts';
import type { DoorCommand, DoorCommandResult } from '../protocol/door.ts';
import type { Command } from './command.ts';
import { closeQuietly } from './pipes.ts';
import type { Pipes } from './pipes.ts';
import { forkedToYield, killedForMemory, ranOutOfMemory } from './memory.ts';
import { beforeFork, endCommand, sinceOf } from './processes.ts';
import { openOnTerminal } from './pty.ts';
import { whyNotStartable } from './startable.ts';
import { EarlyTyping, PipeTyping, TerminalTyping } from './typing.ts';

/** After its main process a command is over as soon as the pipe is quiet: a daemon may hold it open. */
const QUIET_MS = 20;
/** And at the latest after this, when a daemon keeps on printing. */
const DRAIN_LIMIT_MS = 500;
const EXIT_TIMED_OUT = 124;
const EXIT_NOT_STARTED = 127;

type Ending = 'timedOut' | 'cancelled';

export class Run {
  readonly #callId: string;
  readonly #spec: DoorCommand;
  readonly #command: Command;
  readonly #done: (result: DoorCommandResult) => void;
  readonly #startedAt = process.hrtime.bigint();
  #outFd = -1;
  #total = 0;
  #over = false;
  #ending: Ending | undefined;
  /** What its terminal needs when it has ended. */
  #afterwards: () => void = () => {};
  readonly #killedBefore = killedForMemory();
  /** No other command has run meanwhile. */
  alone = true;

  constructor(
    callId: string,
    spec: DoorCommand,
    command: Command,
    done: (result: DoorCommandResult) => void,
  ) {
    this.#callId = callId;
    this.#spec = spec;
    this.#command = command;
    this.#done = done;
  }

  start(pipes: Pipes): void {
    try {
      mkdirSync(join(this.#command.outPath, '..'), { recursive: true, mode: 0o700 });
      this.#outFd = openSync(this.#command.outPath, 'w', 0o600);
      const refusal = whyNotStartable(this.#spec);
      if (refusal !== null) return this.#notStarted(refusal);
      if (this.#spec.tty) this.#startOnTerminal(this.#spec.tty);
      else this.#startOnPipes(pipes);
    } catch (error) {
      this.#notStarted(errorText(error));
    }
  }

  #startOnPipes(pipes: Pipes): void {
    const out = pipes.take();
    let typed: { readFd: number; writer: Socket } | undefined;
    try {
      if (this.#spec.stdin === 'open') typed = pipes.takeInput();
      const [program = '', ...args] = this.#spec.argv;
      const before = beforeFork();
      const child = forkedToYield(() =>
        spawn(program, args, {
          cwd: this.#spec.cwd,
          env: this.#env(),
          stdio: [typed?.readFd ?? 'ignore', out.writeFd, out.writeFd],
          detached: true,
        }),
      );
      if (typed) this.#command.typing = new PipeTyping(typed.writer, () => interrupt(child));
      this.#follow(child, out.reader, before);
    } catch (error) {
      out.reader.destroy();
      typed?.writer.destroy();
      throw error;
    } finally {
      closeQuietly(out.writeFd);
      if (typed) closeQuietly(typed.readFd);
    }
  }

  /** Takes a moment; who cancels meanwhile is heard once it has started. */
  #startOnTerminal(size: { columns: number; rows: number }): void {
    let isCancelled = false;
    this.#command.cancel = () => (isCancelled = true);
    const early = new EarlyTyping();
    this.#command.typing = early;
    const { argv, cwd } = this.#spec;
    const before = beforeFork();
    openOnTerminal({ argv, cwd, env: this.#env(), ...size }).then(
      ({ child, master }) => {
        const output = new ReadStream(master);
        this.#command.typing = early.goOn(new TerminalTyping(master));
        this.#afterwards = () => output.destroy();
        this.#follow(child, output, before);
        if (isCancelled) this.#command.cancel();
      },
      (error: unknown) => this.#notStarted(`no terminal can be made here: ${errorText(error)}`),
    );
  }

  #env(): Record<string, string> {
    return { ...this.#spec.env, [CALL_ID_VARIABLE]: this.#callId };
  }

  #follow(child: ChildProcess, reader: Readable, before: string | null): void {
    let exit: { code: number | null; signal: NodeJS.Signals | null } | undefined;
    let drained = false;
    let killing: Promise<void> | undefined;
    const since = child.pid === undefined ? null : sinceOf(child.pid, before);

    const finishWhenOver = (): void => {
      if (!exit || !drained || this.#over) return;
      const { code, signal } = exit;
      const end = (): void => this.#finish(code, signal);
      if (killing) void killing.then(end);
      else end();
    };
    const stop = (why: Ending): void => {
      if (this.#ending || this.#over || child.pid === undefined) return;
      this.#ending = why;
      killing = endCommand(child.pid, this.#callId, this.alone ? since : null);
      finishWhenOver();
    };
    const timer = setTimeout(() => stop('timedOut'), Math.min(this.#spec.timeoutMs, 2 ** 31 - 1));
    this.#command.cancel = () => stop('cancelled');

    let heard = 0;
    reader.on('data', (bytes: Buffer) => {
      heard++;
      if (!this.#over) this.#keep(bytes);
    });
    reader.on('error', () => {});
    reader.once('close', () => {
      drained = true;
      finishWhenOver();
    });
    child.once('error', (error) => {
      clearTimeout(timer);
      reader.destroy();
      this.#notStarted(error.message);
    });
    whenExited(child, (code, signal) => {
      clearTimeout(timer);
      exit = { code, signal };
      if (drained) return finishWhenOver();
      whenQuiet(
        () => heard,
        () => {
          drained = true;
          finishWhenOver();
        },
      );
    });
  }

  #keep(bytes: Buffer): void {
    this.#total += bytes.length;
    const room = this.#spec.maxOutputBytes - this.#command.kept;
    if (room <= 0 || this.#outFd < 0) return;
    try {
      this.#command.kept += writeSync(this.#outFd, bytes, 0, Math.min(room, bytes.length));
      this.#command.changed();
    } catch {
      // A full disk: what can't be kept is counted as dropped, and the command goes on.
    }
  }

  #finish(code: number | null, signal: NodeJS.Signals | null): void {
    if (this.#over) return;
    const exitCode = signal === null ? (code ?? 0) : 128 + os.signals[signal];
    if (this.#ending === 'timedOut') this.#end('timedOut', EXIT_TIMED_OUT);
    else if (this.#ending === 'cancelled') this.#end('cancelled', exitCode);
    else if (this.#ranOutOfMemory(exitCode)) this.#end('outOfMemory', exitCode);
    else this.#end(signal === null ? 'exited' : 'signalled', exitCode);
  }

  #ranOutOfMemory(exitCode: number): boolean {
    if (exitCode === 0) return false;
    const { alone } = this;
    return ranOutOfMemory({ before: this.#killedBefore, after: killedForMemory(), exitCode, alone });
  }

  #notStarted(reason: string): void {
    this.#end('notStarted', EXIT_NOT_STARTED, reason.slice(0, DOOR_TEXT_BYTES / 4));
  }

  #end(end: DoorCommandResult['end'], exitCode: number, reason?: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#command.cancel = () => {};
    this.#command.typing?.close();
    this.#command.typing = null;
    this.#afterwards();
    if (this.#outFd >= 0) closeSync(this.#outFd);
    this.#done({
      end,
      exitCode,
      durationMs: Number(process.hrtime.bigint() - this.#startedAt) / 1e6,
      outputBytes: this.#total,
      droppedBytes: this.#total - this.#command.kept,
      ...(reason === undefined ? {} : { reason }),
    });
  }
}

/** A program on a terminal may have ended before anybody could listen. */
function whenExited(
  child: ChildProcess,
  then: (code: number | null, signal: NodeJS.Signals | null) => void,
): void {
  if (child.exitCode === null && child.signalCode === null) child.once('exit', then);
  else then(child.exitCode, child.signalCode);
}

/** As Ctrl+C would: everything that the command runs in the foreground. */
function interrupt(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGINT');
  } catch {
    // It has just ended.
  }
}

function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Calls back once nothing new was heard for a while, measured after the loop has polled the pipe. */
function whenQuiet(heard: () => number, then: () => void): void {
  const deadline = Date.now() + DRAIN_LIMIT_MS;
  const look = (before: number): void => {
    setTimeout(() => {
      setImmediate(() => {
        const now = heard();
        if (now === before || Date.now() > deadline) then();
        else look(now);
      });
    }, QUIET_MS);
  };
  look(heard());
}
