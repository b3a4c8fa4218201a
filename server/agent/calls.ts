/**
 * Runs the tool calls of one model response: each as soon as it is there and durable, several at the
 * same time, one that edits files alone. In order for one call: read it → have it approved → item.started →
 * run it in the sandbox under a name of our own → output events → item.completed → what the model gets to read.
 *
 * Starting a call whose name the sandbox knows joins it, so that nothing runs twice. A call to a session
 * waits for nothing but the calls before it to the same session.
 */
import { CodexError } from '../../protocol/errors.ts';
import type { CommandItem } from '../../protocol/items.ts';
import { KILL_GRACE_MS } from '../../protocol/limits.ts';
import { outputFor, patchOutputFor, shellOutputFor, type ShellOutput } from '../model/items.ts';
import type { ResponseItem } from '../model/model.ts';
import type { CommandResult } from '../sandbox/sandbox.ts';
import type { AgentInput } from './agent.ts';
import { approved, type Approved } from './approve.ts';
import {
  commandItem,
  forTheModel,
  headline,
  INTERRUPTED,
  leavesRunning,
  startCommand,
  type RunningCommand,
} from './command.ts';
import { safeCallId, type OpenCall } from './history.ts';
import { withImages, type StoredImage } from './images.ts';
import type { Notes } from './notes.ts';
import { MAX_SESSIONS, withMark, type SessionMark, type Sessions } from './sessions.ts';
import { showImages } from './shown-images.ts';
import { isExclusive, readCall, type ReadCall, type ShellCommand } from './tools.ts';

export { CANCEL_WAIT_MS, untilStopped } from './command.ts';

/** More at once would only slow each other down. */
export const MAX_PARALLEL_CALLS = 8;
/** A look returns once something new was printed and nothing more came for so long. */
const QUIET_MS = 500;
/** A command that is told to stop gets this long to say its last words. */
const STOP_WAIT_MS = KILL_GRACE_MS + 1_000;

export type CallContext = Pick<
  AgentInput,
  | 'sandbox'
  | 'env'
  | 'limits'
  | 'cacheKey'
  | 'turn'
  | 'emit'
  | 'outputStored'
  | 'itemEnded'
  | 'pictures'
  | 'redactor'
  | 'approve'
> & { signal: AbortSignal; sessions: Sessions };

type Read<K> = Extract<ReadCall, { ok: true; kind: K }>;

/** What one command came to, before it is put into the shape of its call. */
interface Ran {
  /** Null: it was not even started. */
  result: CommandResult | null;
  /** What the model reads where its tool has one text. */
  text: string;
  output: string;
  images: StoredImage[];
}

/** The call's answer, and what has to follow all answers. */
interface Answer {
  output: ResponseItem;
  after: ResponseItem[];
}

export class Calls {
  readonly #context: CallContext;
  readonly #answers: Promise<Answer>[] = [];
  /** What the next call has to wait for: the newest that runs alone. */
  #barrier: Promise<unknown> = Promise.resolve();
  readonly #slots: Promise<unknown>[] = Array.from({ length: MAX_PARALLEL_CALLS }, () => Promise.resolve());
  #slot = 0;

  constructor(context: CallContext) {
    this.#context = context;
  }

  start(open: OpenCall): void {
    const { sandbox, limits } = this.#context;
    const read = readCall(open.call, sandbox.workdir, limits);
    if (!read.ok) {
      this.#keep(this.#unreadable(open, read.problem));
    } else if (read.kind === 'session') {
      this.#keep(lookAtSession(this.#context, open, read));
    } else {
      const exclusive = commandsOf(read).some(isExclusive);
      const slot = this.#slot++ % MAX_PARALLEL_CALLS;
      const before = exclusive ? Promise.allSettled(this.#answers) : this.#slots[slot];
      const run = Promise.allSettled([this.#barrier, before]).then(() => runRead(this.#context, open, read));
      if (exclusive) this.#barrier = run.catch(() => undefined);
      this.#slots[slot] = run;
      this.#keep(run);
    }
  }

  /** Every call's answer, in the order of the calls. Throws only after all have come to rest. */
  async results(): Promise<ResponseItem[]> {
    const settled = await Promise.allSettled(this.#answers);
    const answers = settled.map((one) => {
      if (one.status === 'rejected') throw one.reason;
      return one.value;
    });
    return [...answers.map(({ output }) => output), ...answers.flatMap(({ after }) => after)];
  }

  async #unreadable(open: OpenCall, problem: string): Promise<Answer> {
    await this.#context.emit({
      code: 'warning',
      params: { code: 'modelCallUnreadable', params: { problem } },
    });
    return { output: outputFor(open.call, problem), after: [] };
  }

  #keep(answer: Promise<Answer>): void {
    // It is awaited in `results`, perhaps much later.
    answer.catch(() => undefined);
    this.#answers.push(answer);
  }
}

/** A call whose result is missing after a crash: joined where the sandbox knows it, given up where not. */
export async function resumeCall(context: CallContext, open: OpenCall): Promise<ResponseItem[]> {
  const { sandbox, limits, emit } = context;
  const read = readCall(open.call, sandbox.workdir, limits);
  if (!read.ok) return [outputFor(open.call, read.problem)];
  if (read.kind === 'session') return flat(await lookAtSession(context, open, read));
  const id = safeCallId(context.cacheKey, open);
  if ((await sandbox.find(id)) !== 'unknown') return flat(await runRead(context, open, read, 'joined'));
  // A question that was put before it started: it has not run, and the answer may be there by now.
  const neverStarted = (await context.outputStored?.(id)) === null;
  if (neverStarted && (await context.approve?.desk.wasAsked(id))) {
    return flat(await runRead(context, open, read, 'new'));
  }
  const [first] = commandsOf(read);
  const item = { ...commandItem(id, numberOf(open), first), end: 'interrupted' as const };
  await emit({ code: 'item.completed', params: { item } });
  return [outputFor(open.call, cited(open, INTERRUPTED))];
}

function flat({ output, after }: Answer): ResponseItem[] {
  return [output, ...after];
}

function commandsOf(read: Read<'run' | 'background'>): [ShellCommand, ...ShellCommand[]] {
  return read.kind === 'run' ? read.commands : [read.command];
}

const STOPPED = 'The command was not started: the turn was stopped.';

/** `joined`: its first command is known to the sandbox. */
async function runRead(
  context: CallContext,
  open: OpenCall,
  read: Read<'run' | 'background'>,
  how: 'new' | 'joined' = 'new',
): Promise<Answer> {
  const id = safeCallId(context.cacheKey, open);
  if (read.kind === 'background') return runInBackground(context, open, id, read, how);
  const ran: Ran[] = [];
  for (const [at, command] of read.commands.entries()) {
    const own = at === 0 ? id : `${id}.${at}`;
    // What the sandbox does not know of a call that it knows has never been started.
    const isKnown = how === 'joined' && (at === 0 || (await context.sandbox.find(own)) !== 'unknown');
    ran.push(await runCommand(context, open, own, command, isKnown ? 'joined' : 'new'));
  }
  return answerOf(open, ran);
}

/** Every kind of call has an answer of its own shape; pictures go where it takes some, else after it. */
function answerOf(open: OpenCall, ran: Ran[]): Answer {
  const { call } = open;
  const images = ran.flatMap((one) => one.images);
  const text = ran.map((one) => one.text).join('\n');
  const separate = images.length === 0 ? [] : [imagesMessage(images)];
  switch (call.type) {
    case 'function_call':
    case 'custom_tool_call':
      return { output: withImages(outputFor(call, text), images), after: [] };
    case 'local_shell_call':
      return { output: outputFor(call, text), after: separate };
    case 'shell_call':
      return {
        output: shellOutputFor(
          call,
          ran.map((one, at) => shellOutput(open, one, at)),
        ),
        after: separate,
      };
    case 'apply_patch_call': {
      const [one] = ran;
      const isApplied = one?.result?.end === 'exited' && one.result.exitCode === 0;
      return { output: patchOutputFor(call, isApplied, text), after: separate };
    }
  }
}

function imagesMessage(images: StoredImage[]): ResponseItem {
  const names = images.map(({ name }) => name).join(', ');
  return withImages({ type: 'message', role: 'user', content: `[view_image: ${names}]` }, images);
}

/** Both streams in their order; what is not the command's own words stands apart. */
function shellOutput(open: OpenCall, { result, text, output }: Ran, at: number): ShellOutput {
  const stdout = at === 0 ? cited(open, output) : output;
  if (result?.end === 'exited' || result?.end === 'signalled') {
    return { stdout, stderr: '', outcome: { type: 'exit', exit_code: result.exitCode } };
  }
  if (result?.end === 'timedOut') return { stdout, stderr: '', outcome: { type: 'timeout' } };
  const stderr = output === '' ? text : (text.split('\nOutput:\n', 1)[0] ?? '');
  return { stdout: output, stderr, outcome: { type: 'exit', exit_code: result?.exitCode ?? 1 } };
}

async function runCommand(
  context: CallContext,
  open: OpenCall,
  id: string,
  command: ShellCommand,
  how: 'new' | 'joined',
): Promise<Ran> {
  const item = commandItem(id, numberOf(open), command);
  const go = await mayStart(context, open, id, item, command, how);
  if (go.kind === 'not') return go.ran;
  const running = await startCommand(context, { id, item, command, how, asked: go.asked });
  return ranOf(context, open, running);
}

async function ranOf(
  context: CallContext,
  open: OpenCall,
  running: RunningCommand,
  text?: string,
): Promise<Ran> {
  const { result, notes, text: all } = await running.ended;
  const output = text ?? all;
  const shown = await shownBy(context, running, notes);
  const whole = cited(open, forTheModel(result, running.command, output)) + shown.text;
  return { result, text: whole, output: output + shown.text, images: shown.images };
}

function shownBy(context: CallContext, { id, command }: RunningCommand, notes: Notes) {
  const paths = notes.notes.flatMap((note) => (note.kind === 'image' ? [note.path] : []));
  return showImages(context, id, command.cwd, paths);
}

type MayStart = { kind: 'go'; asked: boolean } | { kind: 'not'; ran: Ran };

async function mayStart(
  context: CallContext,
  open: OpenCall,
  id: string,
  item: CommandItem,
  command: ShellCommand,
  how: 'new' | 'joined',
): Promise<MayStart> {
  const { emit, signal } = context;
  if (leavesRunning(signal)) throw new CodexError('cancelled');
  if (signal.aborted) return { kind: 'not', ran: notStarted(null, STOPPED) };
  if (how === 'joined') return { kind: 'go', asked: false };
  const verdict = await asked(context, id, command);
  if (verdict === null) return { kind: 'not', ran: notStarted(null, STOPPED) };
  if (verdict.kind === 'run') return { kind: 'go', asked: verdict.asked };
  await emit({ code: 'item.completed', params: { item: { ...item, end: 'denied' } } });
  const result = { ...DENIED, reason: verdict.reason };
  return { kind: 'not', ran: notStarted(result, cited(open, headline(result, command))) };
}

const DENIED = { end: 'denied', exitCode: 126, durationMs: 0, outputBytes: 0, droppedBytes: 0 } as const;

function notStarted(result: CommandResult | null, text: string): Ran {
  return { result, text, output: '', images: [] };
}

async function asked(context: CallContext, id: string, command: ShellCommand): Promise<Approved | null> {
  const { approve, sandbox, signal } = context;
  if (!approve) return { kind: 'run', asked: false };
  return untilAnswered(approved(approve, id, command, sandbox.workdir, signal), signal);
}

async function runInBackground(
  context: CallContext,
  open: OpenCall,
  id: string,
  { command, yieldMs }: Read<'background'>,
  how: 'new' | 'joined',
): Promise<Answer> {
  const { sessions, signal } = context;
  const number = numberOf(open);
  const item = commandItem(id, number, command);
  const go = await mayStart(context, open, id, item, command, how);
  if (go.kind === 'not') return answerOf(open, [go.ran]);
  if (!sessions.takeRoom()) {
    return { output: outputFor(open.call, cited(open, TOO_MANY)), after: [] };
  }
  const running = await startCommand(context, { id, item, command, how, asked: go.asked });
  sessions.start(number, running);
  await Promise.race([running.ended.catch(() => {}), pause(yieldMs, signal)]);
  return told(context, open, number, running);
}

const TOO_MANY = `The command was not started: ${MAX_SESSIONS} run in the background already. End one with shell_session first.`;

/** Types or stops if that is wanted, waits for something new, and tells it. */
async function lookAtSession(context: CallContext, open: OpenCall, read: Read<'session'>): Promise<Answer> {
  const { sessions, signal } = context;
  return sessions.inOrder(read.session, async () => {
    if (leavesRunning(signal)) throw new CodexError('cancelled');
    const running = sessions.get(read.session);
    if (!running) return { output: outputFor(open.call, sessions.whyNone(read.session)), after: [] };
    const refusal = read.input === '' ? null : await typeInto(context, open, running, read.input);
    if (refusal !== null) return { output: outputFor(open.call, refusal), after: [] };
    if (read.stop) {
      running.stop();
      await Promise.race([running.ended.catch(() => {}), pause(STOP_WAIT_MS, signal)]);
    } else {
      await somethingNew(running, read.waitMs, signal);
    }
    return told(context, open, read.session, running);
  });
}

/** Null when it was typed, else why it was not. What is typed is a command like any other. */
async function typeInto(
  context: CallContext,
  open: OpenCall,
  running: RunningCommand,
  input: string,
): Promise<string | null> {
  const { sandbox, signal } = context;
  if (signal.aborted) return STOPPED;
  const id = safeCallId(context.cacheKey, open);
  const typed = input.replaceAll(/[\u0003\u0004]/g, '').trim();
  if (typed !== '') {
    const { cwd, timeoutMs } = running.command;
    const verdict = await asked(context, id, { display: typed, argv: ['bash', '-c', typed], cwd, timeoutMs });
    if (verdict === null) return STOPPED;
    if (verdict.kind === 'denied') {
      return `Nothing was typed: ${verdict.reason}. Do not look for a way around it; go on without it, or say in your answer that it is needed.`;
    }
  }
  try {
    await sandbox.input(running.id, id, Buffer.from(input));
    return null;
  } catch (error) {
    if (!(error instanceof CodexError)) throw error;
    if (error.code === 'notFound') return 'Nothing was typed: this command takes no input.';
    if (error.code === 'conflict') {
      return 'Nothing was typed: the program has not read what was typed before. Look again later, or stop it.';
    }
    throw error;
  }
}

/** Until something that was not told has been printed and it is quiet, until the end, or until the time is up. */
async function somethingNew(running: RunningCommand, waitMs: number, signal: AbortSignal): Promise<void> {
  const until = Date.now() + waitMs;
  const ended = running.ended.catch(() => {});
  while (!running.isOver && !signal.aborted) {
    const left = until - Date.now();
    if (left <= 0) return;
    const isQuietSoon = !running.output.isEmpty;
    const changed = running.changed.then(() => 'changed' as const);
    const timer = pause(isQuietSoon ? Math.min(QUIET_MS, left) : left, signal).then(() => 'quiet' as const);
    const first = await Promise.race([changed, timer, ended.then(() => 'ended' as const)]);
    if (first === 'ended' || (first === 'quiet' && isQuietSoon)) return;
  }
}

async function told(
  context: CallContext,
  open: OpenCall,
  session: number,
  running: RunningCommand,
): Promise<Answer> {
  if (leavesRunning(context.signal)) throw new CodexError('cancelled');
  // A run that fails has no result, and says so now.
  const hasEnded = running.isOver;
  if (hasEnded) await running.ended;
  const { text, cutBytes, seen } = running.output.take(hasEnded);
  if (cutBytes > 0) {
    const value = context.limits.modelOutputTokens;
    await context.emit({
      code: 'limit.reached',
      params: { limit: 'modelOutputTokens', value, itemId: running.id },
    });
  }
  const mark: SessionMark = { session, seen, running: !hasEnded };
  if (!hasEnded) {
    const seconds = ((Date.now() - running.startedAt) / 1000).toFixed(1);
    const lines = [`Session: ${session} (still running)`, `Wall time: ${seconds} seconds`];
    const output = outputFor(open.call, `${cited(open, lines.join('\n'))}\nOutput:\n${text}`);
    return { output: withMark(output, mark), after: [] };
  }
  const ran = await ranOf(context, open, running, text);
  const answer = answerOf(open, [ran]);
  return { ...answer, output: withMark(answer.output, mark) };
}

/** How an answer cites the command: the model reads it with the output. */
function numberOf(open: OpenCall): number {
  return open.ordinal + 1;
}

function cited(open: OpenCall, text: string): string {
  return `[command ${numberOf(open)}]\n${text}`;
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

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
    if (signal.aborted) done();
  });
}
