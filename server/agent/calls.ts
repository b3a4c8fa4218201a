/**
 * Runs the tool calls of one model response: each as soon as it is there and durable, several at the
 * same time, one that edits files alone. In order for one call: read it → have it approved → item.started →
 * run it in the sandbox under a name of our own → output events → item.completed → what the model gets to read.
 *
 * Starting a call whose name the sandbox knows joins it, so that nothing runs twice. A call to a session
 * waits for nothing but the calls before it to the same session.
 */
import type { NewEvent } from '../../protocol/events.ts';
import { outputFor } from '../model/items.ts';
import type { ResponseItem } from '../model/model.ts';
import { answerOf, cited, numberOf, plainAnswer, type Answer, type Ran } from './answers.ts';
import { runCommand, type CallContext } from './call-command.ts';
import { commandItem, INTERRUPTED } from './command.ts';
import { safeCallId, type OpenCall } from './history.ts';
import { isExclusive, readCall, type Read, type ShellCommand } from './read-call.ts';
import { lookAtSession, runInBackground } from './session-calls.ts';

export { CANCEL_WAIT_MS, untilStopped } from './command.ts';

/** More at once would only slow each other down. */
export const MAX_PARALLEL_CALLS = 8;

export class Calls {
  readonly #context: CallContext;
  readonly #answers: Promise<Answer>[] = [];
  /** How many are not there yet. */
  #open = 0;
  /** No call will come any more. */
  #isComplete = false;
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

  /**
   * Every call's answer, in the order of the calls, and what is to be told with them: of the call that ended
   * last, so that its end and its answer are one write. Throws only after all have come to rest.
   */
  async results(): Promise<{ items: ResponseItem[]; told: NewEvent[] }> {
    this.#isComplete = true;
    const settled = await Promise.allSettled(this.#answers);
    const answers = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    const told = answers.flatMap((answer) => answer.told);
    const failed = settled.find((one) => one.status === 'rejected');
    if (failed) {
      if (told.length > 0) await this.#context.emit(...told);
      throw failed.reason;
    }
    return {
      items: [...answers.map(({ output }) => output), ...answers.flatMap(({ after }) => after)],
      told,
    };
  }

  async #unreadable(open: OpenCall, problem: string): Promise<Answer> {
    await this.#context.emit({
      code: 'warning',
      params: { code: 'modelCallUnreadable', params: { problem } },
    });
    return plainAnswer(outputFor(open.call, problem));
  }

  #keep(running: Promise<Answer>): void {
    this.#open++;
    const answer = running.finally(() => this.#open--).then((one) => this.#toldInTime(one));
    // It is awaited in `results`, perhaps much later.
    answer.catch(() => undefined);
    this.#answers.push(answer);
  }

  /** Nobody waits for the others to see that this one has ended. */
  async #toldInTime(answer: Answer): Promise<Answer> {
    const isLast = this.#isComplete && this.#open === 0;
    if (isLast || answer.told.length === 0) return answer;
    await this.#context.emit(...answer.told);
    return { ...answer, told: [] };
  }
}

/** A call whose result is missing after a crash: joined where the sandbox knows it, given up where not. */
export async function resumeCall(context: CallContext, open: OpenCall): Promise<ResponseItem[]> {
  const { sandbox, limits, emit } = context;
  const read = readCall(open.call, sandbox.workdir, limits);
  if (!read.ok) return [outputFor(open.call, read.problem)];
  const flat = async ({ output, after, told }: Answer) => {
    if (told.length > 0) await emit(...told);
    return [output, ...after];
  };
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
  if (!(await context.itemEnded?.(id))) await emit({ code: 'item.completed', params: { item } });
  return [outputFor(open.call, cited(open, INTERRUPTED))];
}

function commandsOf(read: Read<'run' | 'background'>): [ShellCommand, ...ShellCommand[]] {
  return read.kind === 'run' ? read.commands : [read.command];
}

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
    const before = ran.at(-1);
    if (before && before.told.length > 0) await context.emit(...before.told.splice(0));
    ran.push(await runCommand(context, open, own, command, isKnown ? 'joined' : 'new'));
  }
  return answerOf(open, ran);
}
