/**
 * Runs the tool calls of one model response: each as soon as it is there and durable, several at the
 * same time, one that edits files alone. In order for one call: read it → have it approved → item.started →
 * run it in the sandbox under a name of our own → output events → item.completed → what the model gets to read.
 *
 * Starting a call whose name the sandbox knows joins it, so that nothing runs twice.
 */
import { CodexError } from '../../protocol/errors.ts';
import type { CommandItem } from '../../protocol/items.ts';
import { outputFor } from '../model/items.ts';
import type { ResponseItem } from '../model/model.ts';
import type { Redacted } from '../secrets/types.ts';
import type { CommandResult, CommandSpec } from '../sandbox/sandbox.ts';
import type { AgentInput } from './agent.ts';
import { approved, type Approved } from './approve.ts';
import { safeCallId, type OpenCall } from './history.ts';
import { OutputEvents } from './output.ts';
import { isExclusive, readCall, scriptOfLargeCall, type ShellCommand } from './tools.ts';
import { fitText, HeadTail } from './truncate.ts';

/** More at once would only slow each other down. */
export const MAX_PARALLEL_CALLS = 8;
/** After a cancel the sandbox has this long to report; the person does not wait for more. */
export const CANCEL_WAIT_MS = 500;
/** A command as an event shows it: its head; the whole is in the history. */
const MAX_DISPLAY_BYTES = 16 * 1024;

export type CallContext = Pick<
  AgentInput,
  'sandbox' | 'env' | 'limits' | 'cacheKey' | 'emit' | 'outputStored' | 'itemEnded' | 'redactor' | 'approve'
> & { signal: AbortSignal };

export class Calls {
  readonly #context: CallContext;
  readonly #results: Promise<ResponseItem>[] = [];
  /** What the next call has to wait for: the newest that runs alone. */
  #barrier: Promise<unknown> = Promise.resolve();
  readonly #slots: Promise<unknown>[] = Array.from({ length: MAX_PARALLEL_CALLS }, () => Promise.resolve());

  constructor(context: CallContext) {
    this.#context = context;
  }

  start(open: OpenCall): void {
    const { sandbox, limits } = this.#context;
    const read = readCall(open.call, sandbox.workdir, limits.commandTimeoutMs);
    if (!read.ok) {
      this.#results.push(this.#unreadable(open, read.problem));
      return;
    }
    const { command } = read;
    const exclusive = isExclusive(command);
    const slot = this.#results.length % MAX_PARALLEL_CALLS;
    const before = exclusive ? Promise.allSettled(this.#results) : this.#slots[slot];
    const run = Promise.allSettled([this.#barrier, before])
      .then(() => runCall(this.#context, open, command, 'new'))
      .then((text) => outputFor(open.call, text));
    if (exclusive) this.#barrier = run.catch(() => undefined);
    this.#slots[slot] = run;
    this.#keep(run);
  }

  /** Every call's answer, in the order of the calls. Throws only after all have come to rest. */
  async results(): Promise<ResponseItem[]> {
    const settled = await Promise.allSettled(this.#results);
    return settled.map((one) => {
      if (one.status === 'rejected') throw one.reason;
      return one.value;
    });
  }

  async #unreadable(open: OpenCall, problem: string): Promise<ResponseItem> {
    await this.#context.emit({
      code: 'warning',
      params: { code: 'modelCallUnreadable', params: { problem } },
    });
    return outputFor(open.call, problem);
  }

  #keep(result: Promise<ResponseItem>): void {
    // It is awaited in `results`, perhaps much later.
    result.catch(() => undefined);
    this.#results.push(result);
  }
}

/** A call whose result is missing after a crash: joined where the sandbox knows it, given up where not. */
export async function resumeCall(given: CallContext, open: OpenCall): Promise<ResponseItem> {
  const { sandbox, limits } = given;
  const read = readCall(open.call, sandbox.workdir, limits.commandTimeoutMs);
  if (!read.ok) return outputFor(open.call, read.problem);
  const id = safeCallId(given.cacheKey, open);
  const context = (await given.itemEnded?.(id)) ? { ...given, emit: withoutEnd(given.emit) } : given;
  if ((await sandbox.find(id)) !== 'unknown') {
    return outputFor(open.call, await runCall(context, open, read.command, 'joined'));
  }
  // A question that was put before it started: it has not run, and the answer may be there by now.
  const neverStarted = (await context.outputStored?.(id)) === null;
  if (neverStarted && (await context.approve?.desk.wasAsked(id))) {
    return outputFor(open.call, await runCall(context, open, read.command, 'new'));
  }
  const item = { ...commandItem(id, read.command), end: 'interrupted' as const };
  await context.emit({ code: 'item.completed', params: { item } });
  return outputFor(open.call, INTERRUPTED);
}

/** The log told of the end, and of the limits reached by then, before the crash. */
function withoutEnd(emit: CallContext['emit']): CallContext['emit'] {
  return async (...events) => {
    const left = events.filter(({ code }) => code !== 'item.completed' && code !== 'limit.reached');
    if (left.length > 0) await emit(...left);
  };
}

const INTERRUPTED =
  'This command was interrupted: it may have run wholly, in part, or not at all. Look at the state of things before you run it again.';

const STOPPED = 'The command was not started: the turn was stopped.';

async function runCall(
  context: CallContext,
  open: OpenCall,
  command: ShellCommand,
  how: 'new' | 'joined',
): Promise<string> {
  const { sandbox, limits, emit, signal } = context;
  if (leavesRunning(signal)) throw new CodexError('cancelled');
  if (signal.aborted) return STOPPED;
  const id = safeCallId(context.cacheKey, open);
  const item = commandItem(id, command);
  let asked = false;
  if (how === 'new' && context.approve) {
    const verdict = await untilAnswered(
      approved(context.approve, id, command, sandbox.workdir, signal),
      signal,
    );
    if (verdict === null) return STOPPED;
    if (verdict.kind === 'denied') {
      const result = {
        end: 'denied',
        exitCode: 126,
        durationMs: 0,
        outputBytes: 0,
        droppedBytes: 0,
      } as const;
      await emit({ code: 'item.completed', params: { item: { ...item, end: 'denied' } } });
      return headline({ ...result, reason: verdict.reason }, command);
    }
    asked = verdict.asked;
  }
  const stored = how === 'joined' ? ((await context.outputStored?.(id)) ?? null) : null;
  // The call is in the history already: the command starts while its announcement is written.
  const announced = stored === null ? emit({ code: 'item.started', params: { item } }) : Promise.resolve();
  announced.catch(() => {});
  // The log has to say that it started: a question that it does not tell of is put again after a crash.
  if (asked) await announced;

  const forModel = new HeadTail(limits.modelOutputTokens);
  const events = new OutputEvents(id, stored ?? 0, emit);
  const argv = how === 'new' ? await smallArgv(context, id, command.argv) : command.argv;
  const spec: CommandSpec = {
    callId: id,
    argv,
    cwd: command.cwd,
    env: context.env(),
    timeoutMs: command.timeoutMs,
    maxOutputBytes: limits.commandOutputBytes,
  };
  const redaction = context.redactor?.isEmpty === false ? context.redactor.stream() : null;
  const hear = (part: Redacted) => {
    forModel.push(part.bytes);
    events.push(part);
  };
  const onOutput = (bytes: Buffer) =>
    hear(redaction ? redaction.push(bytes) : { bytes, standsFor: bytes.length });
  let result: CommandResult;
  try {
    const stop = new AbortController();
    const run = sandbox.run(spec, { onOutput, signal: stop.signal });
    result = await untilStopped(run, signal, stop);
    if (redaction) hear(redaction.end());
  } catch (error) {
    await announced;
    await emit(...(await events.end()));
    throw error;
  }
  await announced;
  const unsent = await events.end();

  const { text, cutBytes } = forModel.result();
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
  await emit(
    ...unsent,
    ...(result.end === 'timedOut' ? [limit('commandTimeoutMs', command.timeoutMs)] : []),
    ...(result.droppedBytes > 0 ? [limit('commandOutputBytes', limits.commandOutputBytes)] : []),
    ...(cutBytes > 0 ? [limit('modelOutputTokens', limits.modelOutputTokens)] : []),
    { code: 'item.completed', params: { item: ended } },
  );
  return forTheModel(result, command, text);
}

function commandItem(id: string, command: ShellCommand): CommandItem {
  return { type: 'command', id, command: fitText(command.display, MAX_DISPLAY_BYTES), cwd: command.cwd };
}

/** A script that is too large for an argument goes through a file, which removes itself. */
async function smallArgv(context: CallContext, id: string, argv: string[]): Promise<string[]> {
  const script = scriptOfLargeCall(argv);
  if (script === null) return argv;
  const path = `/tmp/.codex-${id}.sh`;
  await context.sandbox.put(path, Buffer.from(`rm -f -- "$0"\n${script}`), 0o700);
  return ['bash', path];
}

function forTheModel(result: CommandResult, command: ShellCommand, output: string): string {
  const lines = [headline(result, command), `Wall time: ${(result.durationMs / 1000).toFixed(1)} seconds`];
  if (result.droppedBytes > 0) {
    lines.push(`The last ${result.droppedBytes} of ${result.outputBytes} bytes of output were not kept.`);
  }
  return `${lines.join('\n')}\nOutput:\n${output}`;
}

function headline(result: CommandResult, command: ShellCommand): string {
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
function leavesRunning(signal: AbortSignal): boolean {
  return signal.aborted && (signal.reason === 'shutdown' || signal.reason === 'superseded');
}

/** Null when the turn was stopped while it waited; a turn that has another owner leaves the question to it. */
async function untilAnswered(verdict: Promise<Approved>, signal: AbortSignal): Promise<Approved | null> {
  try {
    const approved = await verdict;
    if (leavesRunning(signal)) throw new CodexError('cancelled');
    return signal.aborted ? null : approved;
  } catch (error) {
    if (signal.aborted && !leavesRunning(signal)) return null;
    throw error;
  }
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
