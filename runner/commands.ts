/**
 * Commands: started once per call id, each with a folder of its own under `/run/codex/commands`
 * (`out`, its output up to the cap; `result.json`, once it has ended), so that a backend that comes
 * back finds what ran without it, and a runner that comes back knows what it lost.
 *
 * In order: folder → run (`command-run.ts`) → result on disk → followers are told.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DoorCommand, DoorCommandResult, DoorCommandState } from '../protocol/door.ts';
import { Command } from './command.ts';
import { Run } from './command-run.ts';
import type { Pipes } from './pipes.ts';

/** Output of ended commands that is kept; beyond it the oldest goes. A disk is not endless. */
const KEPT_OUTPUT_BYTES = 1024 * 1024 * 1024;
const EXIT_INTERRUPTED = 137;

export class Commands {
  readonly #dir: string;
  readonly #pipes: Pipes;
  readonly #known = new Map<string, Command>();
  readonly #running = new Set<Run>();
  #keptBytes = 0;

  constructor(dir: string, pipes: Pipes) {
    this.#dir = dir;
    this.#pipes = pipes;
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    for (const callId of readdirSync(dir)) this.#recover(callId);
  }

  state(callId: string): DoorCommandState {
    const command = this.#known.get(callId);
    if (!command) return { state: 'unknown' };
    return command.result ? { state: 'ended', result: command.result } : { state: 'running' };
  }

  get(callId: string): Command | undefined {
    return this.#known.get(callId);
  }

  /** Starts it, or returns what the same id started before. Never throws: what fails is a result. */
  start(callId: string, spec: DoorCommand): Command {
    const known = this.#known.get(callId);
    if (known) return known;
    const command = new Command(join(this.#dir, callId, 'out'));
    this.#known.set(callId, command);
    const run = new Run(callId, spec, command, (result) => {
      this.#running.delete(run);
      this.#ended(callId, command, result);
    });
    run.alone = this.#running.size === 0;
    for (const other of this.#running) other.alone = false;
    this.#running.add(run);
    run.start(this.#pipes);
    return command;
  }

  #ended(callId: string, command: Command, result: DoorCommandResult): void {
    const path = join(this.#dir, callId, 'result.json');
    try {
      writeFileSync(`${path}.new`, JSON.stringify(result));
      renameSync(`${path}.new`, path);
    } catch {
      // A full disk: the result stands in memory for as long as this runner lives.
    }
    command.result = result;
    this.#keptBytes += command.kept;
    this.#forgetOldest();
    command.changed();
  }

  /** What an earlier runner left: a command without a result was lost with it. */
  #recover(callId: string): void {
    const dir = join(this.#dir, callId);
    const command = new Command(join(dir, 'out'));
    try {
      command.kept = statSync(command.outPath).size;
    } catch {
      command.kept = 0;
    }
    try {
      command.result = JSON.parse(readFileSync(join(dir, 'result.json'), 'utf8')) as DoorCommandResult;
      this.#known.set(callId, command);
    } catch {
      this.#known.set(callId, command);
      const result: DoorCommandResult = {
        end: 'interrupted',
        exitCode: EXIT_INTERRUPTED,
        durationMs: 0,
        outputBytes: command.kept,
        droppedBytes: 0,
        reason: 'the sandbox stopped while it ran',
      };
      this.#ended(callId, command, result);
    }
  }

  #forgetOldest(): void {
    for (const command of this.#known.values()) {
      if (this.#keptBytes <= KEPT_OUTPUT_BYTES) return;
      if (!command.result || command.kept === 0) continue;
      rmSync(command.outPath, { force: true });
      this.#keptBytes -= command.kept;
      command.kept = 0;
    }
  }
}
