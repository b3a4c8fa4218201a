/**
 * One command of the agent from its start to its end, told to the log as it goes: item.started → output
 * events → item.completed. What the model gets to read is gathered beside it, since it last looked.
 *
 * Starting a command whose id the sandbox knows joins it.
 */
import { CodexError } from '../../protocol/errors.ts';
import type { NewEvent } from '../../protocol/events.ts';
import type { CommandItem } from '../../protocol/items.ts';
import type { CommandResult, CommandSpec } from '../sandbox/sandbox.ts';
import type { Redacted } from '../secrets/types.ts';
import type { AgentInput } from './agent.ts';
import { NO_NOTES, noteEvents, notesPath, readNotes, withNotes, type Notes } from './notes.ts';
import { OutputEvents } from './output.ts';
import { scriptOfLargeCall, TTY_SIZE, type ShellCommand } from './read-call.ts';
import { fitText } from './truncate.ts';
import { Unseen } from './unseen.ts';

/** After a cancel the sandbox has this long to report; the person does not wait for more. */
export const CANCEL_WAIT_MS = 500;
/** A command as an event shows it: its head; the whole is in the history. */
const MAX_DISPLAY_BYTES = 16 * 1024;

export type CommandContext = Pick<
  AgentInput,
  'sandbox' | 'env' | 'limits' | 'turn' | 'emit' | 'outputStored' | 'itemEnded' | 'redactor'
> & { signal: AbortSignal };

export interface CommandStart {
  id: string;
  item: CommandItem;
  command: ShellCommand;
  how: 'new' | 'joined';
  /** A person was asked about it. */
  asked?: boolean;
  /** How much of its output the model has had, in bytes. */
  seen?: number;
}

export interface Ended {
  result: CommandResult;
  notes: Notes;
  /** What the model has not had yet; of a command in the background it is for who looks. */
  text: string;
  /**
   * The last of its output and its end, not told yet: with the result in one write. One in the background
   * has told of its end itself.
   */
  told: NewEvent[];
}

export class RunningCommand {
  readonly id: string;
  readonly command: ShellCommand;
  /** Rejects when it can't be known: its sandbox is lost, or the turn has another owner. */
  readonly ended: Promise<Ended>;
  readonly output: Unseen;
  /** It has ended, or can't be followed any more. */
  isOver = false;
  readonly startedAt = Date.now();
  readonly #stop = new AbortController();
  readonly #leave = new AbortController();
  #changed = Promise.withResolvers<void>();

  constructor(context: CommandContext, start: CommandStart, stored: number | null, announced: Promise<void>) {
    this.id = start.id;
    this.command = start.command;
    this.output = new Unseen(context.limits.modelOutputTokens, start.seen);
    this.ended = this.#run(context, start, stored, announced).finally(() => {
      this.isOver = true;
      this.#change();
    });
    // It is awaited by who started it, perhaps much later.
    this.ended.catch(() => undefined);
  }

  /** Resolves at its next output, or its end. */
  get changed(): Promise<void> {
    return this.#changed.promise;
  }

  /** Ends it and all that it started; what it then says counts. */
  stop(): void {
    this.#stop.abort();
  }

  /** Ends it without waiting for the sandbox much. */
  giveUp(): void {
    this.#leave.abort();
  }

  async #run(
    context: CommandContext,
    { id, item, command, how }: CommandStart,
    stored: number | null,
    announced: Promise<void>,
  ): Promise<Ended> {
    const { sandbox, limits, emit } = context;
    const signal = AbortSignal.any([context.signal, this.#leave.signal]);
    const events = new OutputEvents(id, stored ?? 0, emit);
    const redaction = context.redactor?.isEmpty === false ? context.redactor.stream() : null;
    const hear = (part: Redacted) => {
      this.output.push(part);
      events.push(part);
      this.#change();
    };
    const onOutput = (bytes: Buffer) =>
      hear(redaction ? redaction.push(bytes) : { bytes, standsFor: bytes.length });
    let result: CommandResult;
    let notesFile: string | null = null;
    try {
      const argv = how === 'new' ? await smallArgv(sandbox, id, command.argv) : command.argv;
      const env = context.env();
      notesFile = notesPath(id, command.argv, env);
      const spec: CommandSpec = {
        callId: id,
        argv,
        cwd: command.cwd,
        env: withNotes(env, notesFile),
        timeoutMs: command.timeoutMs,
        maxOutputBytes: limits.commandOutputBytes,
        ...(command.tty ? { tty: TTY_SIZE } : command.background ? { stdin: 'open' as const } : {}),
      };
      const run = sandbox.run(spec, { onOutput, signal: this.#stop.signal });
      result = await untilStopped(run, signal, this.#stop);
      if (redaction) hear(redaction.end());
    } catch (error) {
      await announced;
      await emit(...(await events.end()));
      throw error;
    }
    await announced;
    const unsent = await events.end();
    // Whoever cancelled does not wait for notes.
    const notes = signal.aborted ? NO_NOTES : await readNotes(sandbox, notesFile);

    const told = command.background ? null : this.output.take(true);
    const ended: CommandItem = {
      ...item,
      end: result.end,
      exitCode: result.exitCode,
      durationMs: result.durationMs,
      outputBytes: result.outputBytes,
      droppedBytes: result.droppedBytes,
    };
    const limit = (name: string, value: number) =>
      ({ code: 'limit.reached', params: { limit: name, value, itemId: id } }) as const;
    // After a crash the log may tell of the end already, and of the limits that were reached by then.
    const isNews = how === 'new' || !(await context.itemEnded?.(id));
    const end: NewEvent[] = [
      ...(result.end === 'timedOut' ? [limit('commandTimeoutMs', command.timeoutMs)] : []),
      ...(result.droppedBytes > 0 ? [limit('commandOutputBytes', limits.commandOutputBytes)] : []),
      ...(told && told.cutBytes > 0 ? [limit('modelOutputTokens', limits.modelOutputTokens)] : []),
      { code: 'item.completed', params: { item: ended } },
    ];
    const all = [...unsent, ...(isNews ? end : []), ...noteEvents(notes, context.turn, id)];
    if (command.background) await emit(...all);
    return { result, notes, text: told?.text ?? '', told: command.background ? [] : all };
  }

  #change(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

/** The call is in the history already: the command starts while its announcement is written. */
export async function startCommand(context: CommandContext, start: CommandStart): Promise<RunningCommand> {
  const stored = start.how === 'joined' ? ((await context.outputStored?.(start.id)) ?? null) : null;
  const announced =
    stored === null
      ? context.emit({ code: 'item.started', params: { item: start.item } })
      : Promise.resolve();
  announced.catch(() => {});
  // The log has to say that it started: a question that it does not tell of is put again after a crash.
  if (start.asked) await announced;
  return new RunningCommand(context, start, stored, announced);
}

export function commandItem(id: string, number: number, command: ShellCommand): CommandItem {
  return {
    type: 'command',
    id,
    number,
    ...(command.background ? { background: true } : {}),
    command: fitText(command.display, MAX_DISPLAY_BYTES),
    cwd: command.cwd,
  };
}

export const INTERRUPTED =
  'This command was interrupted: it may have run wholly, in part, or not at all. Look at the state of things before you run it again.';

/** A script that is too large for an argument goes through a file, which removes itself. */
async function smallArgv(sandbox: AgentInput['sandbox'], id: string, argv: string[]): Promise<string[]> {
  const script = scriptOfLargeCall(argv);
  if (script === null) return argv;
  const path = `/tmp/.codex-${id}.sh`;
  await sandbox.put(path, Buffer.from(`rm -f -- "$0"\n${script}`), 0o700);
  return ['bash', path];
}

export function forTheModel(result: CommandResult, command: ShellCommand, output: string): string {
  const lines = [headline(result, command), `Wall time: ${(result.durationMs / 1000).toFixed(1)} seconds`];
  if (result.droppedBytes > 0) {
    lines.push(`The last ${result.droppedBytes} of ${result.outputBytes} bytes of output were not kept.`);
  }
  return `${lines.join('\n')}\nOutput:\n${output}`;
}

export function headline(result: CommandResult, command: ShellCommand): string {
  switch (result.end) {
    case 'exited':
      return `Exit code: ${result.exitCode}`;
    case 'signalled':
      return `Exit code: ${result.exitCode} (ended by a signal)`;
    case 'timedOut':
      return `Exit code: ${result.exitCode} (stopped after ${command.timeoutMs} milliseconds, with all that it had started)`;
    case 'cancelled':
      return `The command was stopped before its end; it may have partly run.`;
    case 'interrupted':
      return INTERRUPTED;
    case 'outOfMemory':
      return `Exit code: ${result.exitCode} (the sandbox was out of memory, so the system ended the command or a part of it: use less at once)`;
    case 'denied':
      return `The command was not run: ${result.reason ?? 'it is not allowed'}. Do not look for a way around it; go on without it, or say in your answer that it is needed.`;
    case 'notStarted':
      return `Exit code: ${result.exitCode} (could not be started: ${result.reason ?? 'unknown reason'})`;
  }
}

/** Whether someone else goes on with the turn: then its commands run on. */
export function leavesRunning(signal: AbortSignal): boolean {
  return signal.aborted && (signal.reason === 'shutdown' || signal.reason === 'superseded');
}

/**
 * The run's result. When the signal is aborted the command is stopped, and the result is one of our own
 * if the sandbox takes its time; unless the turn has another owner: then it is only let go.
 */
export async function untilStopped(
  run: Promise<CommandResult>,
  signal: AbortSignal,
  stop: AbortController,
): Promise<CommandResult> {
  const started = Date.now();
  let timer: NodeJS.Timeout | undefined;
  let onAbort = () => {};
  const stopped = new Promise<CommandResult>((resolve, reject) => {
    onAbort = () => {
      if (leavesRunning(signal)) {
        reject(new CodexError('cancelled'));
        return;
      }
      stop.abort();
      const result = { end: 'cancelled', exitCode: 137, outputBytes: 0, droppedBytes: 0 } as const;
      timer = setTimeout(() => resolve({ ...result, durationMs: Date.now() - started }), CANCEL_WAIT_MS);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
  });
  // Whichever loses the race has nobody who waits for it.
  run.catch(() => undefined);
  stopped.catch(() => undefined);
  try {
    return await Promise.race([run, stopped]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}
