/**
 * Who watches what, live. A producer never waits for a reader.
 *
 * Every subscriber has one loop: it waits until its socket has room, then sends what follows the last
 * seq it has sent, from its small queue of live events when that joins on without a gap, else from the
 * log. So a new subscriber, a slow one that lost its queue, and events that arrive out of order are all
 * the same case, and there is neither gap nor duplicate. Deltas are dropped whenever a socket is behind.
 */
import type { WireEvent } from '../../protocol/events.ts';
import type { NotificationName, NotificationOf, TaskSummary } from '../../protocol/rpc.ts';

/** One client's socket as the hub sees it. */
export interface Sink {
  notify<N extends NotificationName>(name: N, params: NotificationOf<N>): void;
  /** Resolves at once when little is buffered, else when the socket has drained; never after it closed. */
  drained(): Promise<void>;
  isBehind(): boolean;
  readonly closed: AbortSignal;
}

export type ReadPage = (taskId: string, after: number, limit: number) => Promise<WireEvent[]>;

/** Live events that wait for one socket. More than this and it reads the log again. */
const QUEUE_EVENTS = 1_000;
const PAGE_EVENTS = 500;
/** One notification's events together, well under a frame (1 MiB). */
const FRAME_BYTES = 256 * 1024;
/** After the log could not be read (a full disk, a database that is being opened again). */
const RETRY_MS = 1_000;

interface Subscription {
  sink: Sink;
  sent: number;
  head: number;
  queue: WireEvent[];
  wake: () => void;
  ended: boolean;
}

export class Hub {
  readonly #readPage: ReadPage;
  readonly #onError: (error: unknown) => void;
  readonly #subscriptions = new Map<string, Set<Subscription>>();
  readonly #watchers = new Map<Sink, Map<string, TaskSummary | null>>();

  constructor(readPage: ReadPage, onError: (error: unknown) => void = () => {}) {
    this.#readPage = readPage;
    this.#onError = onError;
  }

  /** Replaces the sink's earlier subscription of this task. `head` is what the log held just now. */
  subscribe(taskId: string, after: number, head: number, sink: Sink): void {
    this.unsubscribe(taskId, sink);
    const subscription: Subscription = { sink, sent: after, head, queue: [], wake: () => {}, ended: false };
    let all = this.#subscriptions.get(taskId);
    if (!all) this.#subscriptions.set(taskId, (all = new Set()));
    all.add(subscription);
    const end = () => this.#end(taskId, subscription);
    sink.closed.addEventListener('abort', end, { once: true });
    void this.#feed(taskId, subscription).finally(() => {
      sink.closed.removeEventListener('abort', end);
      this.#end(taskId, subscription);
    });
  }

  unsubscribe(taskId: string, sink: Sink): void {
    for (const one of this.#subscriptions.get(taskId) ?? []) {
      if (one.sink === sink) this.#end(taskId, one);
    }
  }

  /** After the commit. In any order, any number of times. */
  publish(taskId: string, events: readonly WireEvent[]): void {
    const last = events.at(-1);
    if (!last) return;
    for (const one of this.#subscriptions.get(taskId) ?? []) {
      one.head = Math.max(one.head, last.seq);
      if (one.queue.length + events.length > QUEUE_EVENTS) one.queue = [];
      else one.queue.push(...events);
      one.wake();
    }
  }

  delta(delta: NotificationOf<'delta'>): void {
    for (const { sink, sent, head } of this.#subscriptions.get(delta.taskId) ?? []) {
      if (sent >= head && !sink.isBehind()) sink.notify('delta', delta);
    }
  }

  /** Sends every later change of any task until the socket closes. */
  watch(sink: Sink): void {
    if (this.#watchers.has(sink) || sink.closed.aborted) return;
    this.#watchers.set(sink, new Map());
    sink.closed.addEventListener('abort', () => this.#watchers.delete(sink), { once: true });
  }

  taskChanged(task: TaskSummary): void {
    this.#tell(task.id, task);
  }

  taskDeleted(taskId: string): void {
    for (const one of this.#subscriptions.get(taskId) ?? []) this.#end(taskId, one);
    this.#tell(taskId, null);
  }

  /** How many subscribers there are, for tests and the log. */
  get size(): number {
    let size = 0;
    for (const all of this.#subscriptions.values()) size += all.size;
    return size;
  }

  #end(taskId: string, subscription: Subscription): void {
    subscription.ended = true;
    subscription.wake();
    const all = this.#subscriptions.get(taskId);
    if (all?.delete(subscription) && all.size === 0) this.#subscriptions.delete(taskId);
  }

  async #feed(taskId: string, one: Subscription): Promise<void> {
    while (!one.ended) {
      if (one.sent >= one.head) {
        one.queue = [];
        await new Promise<void>((resolve) => (one.wake = resolve));
        one.wake = () => {};
        continue;
      }
      await one.sink.drained();
      if (one.ended) return;
      let next = takeJoining(one);
      if (next.length === 0) {
        try {
          next = await this.#readPage(taskId, one.sent, PAGE_EVENTS);
        } catch (error) {
          this.#onError(error);
          await new Promise((resolve) => setTimeout(resolve, RETRY_MS).unref());
          continue;
        }
        if (one.ended) return;
        // The log ends before the head that was told: the task is gone.
        if (next.length === 0) one.head = one.sent;
      }
      for (const events of frames(next)) {
        await one.sink.drained();
        if (one.ended) return;
        one.sink.notify('events', { taskId, events });
        one.sent = events.at(-1)?.seq ?? one.sent;
      }
    }
  }

  /** The newest state of a task replaces an older one that still waits for a slow socket. */
  #tell(taskId: string, task: TaskSummary | null): void {
    for (const [sink, waiting] of this.#watchers) {
      const idle = waiting.size === 0;
      waiting.delete(taskId);
      waiting.set(taskId, task);
      if (idle) void sendWaiting(sink, waiting);
    }
  }
}

async function sendWaiting(sink: Sink, waiting: Map<string, TaskSummary | null>): Promise<void> {
  while (waiting.size > 0) {
    await sink.drained();
    if (sink.closed.aborted) return;
    const first = waiting.entries().next().value;
    if (!first) return;
    const [taskId, task] = first;
    if (task) sink.notify('task.changed', { task });
    else sink.notify('task.deleted', { taskId });
    waiting.delete(taskId);
  }
}

/** Takes from the queue what joins on to what was sent; empty when there is a gap. */
function takeJoining(one: Subscription): WireEvent[] {
  const queue = one.queue.sort((a, b) => a.seq - b.seq);
  const taken: WireEvent[] = [];
  let next = one.sent + 1;
  let used = 0;
  for (const event of queue) {
    if (event.seq > next) break;
    used++;
    if (event.seq < next) continue;
    taken.push(event);
    next++;
  }
  one.queue = queue.slice(used);
  return taken;
}

function* frames(events: readonly WireEvent[]): Generator<WireEvent[]> {
  let frame: WireEvent[] = [];
  let bytes = 0;
  for (const event of events) {
    const size = sizeHint(event);
    if (frame.length > 0 && bytes + size > FRAME_BYTES) {
      yield frame;
      frame = [];
      bytes = 0;
    }
    frame.push(event);
    bytes += size;
  }
  if (frame.length > 0) yield frame;
}

/** Most of an event's bytes is one text: measuring it exactly would cost as much as sending it. */
function sizeHint(event: WireEvent): number {
  const text = event.code === 'output' ? event.params.text : undefined;
  return typeof text === 'string' ? 200 + 2 * text.length : JSON.stringify(event.params).length + 200;
}
