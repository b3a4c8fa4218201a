/**
 * Commands that run in the background of a turn, by the number of the command that started them. They end
 * with the turn. After a crash they are joined again: which there are, and how much of each the model has
 * seen, is in the history, in fields that never leave.
 */
import type { ResponseItem } from '../model/model.ts';
import { commandItem, startCommand, type CommandContext, type RunningCommand } from './command.ts';
import { calls, isPrompt, safeCallId } from './history.ts';
import { readCall } from './read-call.ts';

/** In one turn, at the same time: more are no plan but a loop. */
export const MAX_SESSIONS = 64;

/** What the model was told of a session with this output. */
export interface SessionMark {
  session: number;
  /** Bytes of the command's output. */
  seen: number;
  running: boolean;
}

export function withMark(item: ResponseItem, mark: SessionMark | null): ResponseItem {
  return mark === null ? item : Object.assign({ ...item }, { codexSession: mark });
}

export class Sessions {
  readonly #open = new Map<number, RunningCommand>();
  #starting = 0;
  readonly #earlier = new Set<number>();
  readonly #lost = new Set<number>();
  /** Ended, and told to their end, before a crash. */
  readonly #done = new Set<number>();
  /** What is done with a session happens in the order of the calls. */
  readonly #lines = new Map<number, Promise<unknown>>();

  get #runningCount(): number {
    return [...this.#open.values()].filter((one) => !one.isOver).length;
  }

  /** False: too many run already. Else `start` has to follow. */
  takeRoom(): boolean {
    if (this.#runningCount + this.#starting >= MAX_SESSIONS) return false;
    this.#starting++;
    return true;
  }

  start(number: number, running: RunningCommand): void {
    if (this.#starting > 0) this.#starting--;
    this.#open.set(number, running);
  }

  get(number: number): RunningCommand | undefined {
    return this.#open.get(number);
  }

  /** After what the calls before did with it. */
  inOrder<T>(number: number, work: () => Promise<T>): Promise<T> {
    const mine = (this.#lines.get(number) ?? Promise.resolve()).then(work);
    this.#lines.set(
      number,
      mine.catch(() => {}),
    );
    return mine;
  }

  /** Why there is none of this number, and which there are. */
  whyNone(number: number): string {
    const running = [...this.#open].flatMap(([open, { isOver }]) => (isOver ? [] : [open]));
    const others =
      running.length === 0 ? 'No session is running.' : `Sessions that are running: ${running.join(', ')}.`;
    if (this.#done.has(number)) return `Session ${number} has ended. ${others}`;
    if (this.#lost.has(number))
      return `Session ${number} was lost with the sandbox that it ran in. ${others}`;
    if (this.#earlier.has(number))
      return `Session ${number} ended with the turn that it was started in. ${others}`;
    return `There is no session ${number}. ${others}`;
  }

  /** What a turn that is taken up again finds. `sameTurn`: the newest prompt is this turn's. */
  async restore(
    context: CommandContext & { cacheKey: string },
    items: readonly ResponseItem[],
    sameTurn: boolean,
  ): Promise<void> {
    const from = sameTurn ? items.findLastIndex(isPrompt) : items.length;
    const marks = new Map<number, SessionMark>();
    for (const [at, item] of items.entries()) {
      const mark = markOf(item);
      if (mark === null) continue;
      if (at < from) this.#earlier.add(mark.session);
      else marks.set(mark.session, mark);
    }
    if (marks.size === 0) return;
    const all = calls(items);
    for (const { session, seen, running } of marks.values()) {
      if (!running) {
        this.#done.add(session);
        continue;
      }
      const open = all[session - 1];
      const read = open && readCall(open.call, context.sandbox.workdir, context.limits);
      if (!open || !read?.ok || read.kind !== 'background') continue;
      const id = safeCallId(context.cacheKey, open);
      const item = commandItem(id, session, read.command);
      if ((await context.sandbox.find(id)) === 'unknown') {
        this.#lost.add(session);
        if (await context.itemEnded?.(id)) continue;
        await context.emit({ code: 'item.completed', params: { item: { ...item, end: 'interrupted' } } });
        continue;
      }
      const { command } = read;
      this.start(session, await startCommand(context, { id, item, command, how: 'joined', seen }));
    }
  }

  /** With the turn: what still runs ends, and is told. Those that another owner goes on with are left. */
  async end(): Promise<void> {
    const all = [...this.#open.values()];
    for (const one of all) one.giveUp();
    await Promise.allSettled(all.map((one) => one.ended));
  }
}

function markOf(item: ResponseItem): SessionMark | null {
  return 'codexSession' in item ? (item.codexSession as SessionMark) : null;
}
