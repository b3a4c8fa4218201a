/**
 * Following tasks over a connection that comes and goes.
 *
 * Each follower gets its task's events in order of `seq`, each exactly once, whatever is repeated,
 * dropped or sent ahead on the way: only `last + 1` is ever passed on; what is beyond a hole is
 * dropped and asked for again. After each reconnect the subscription goes on from the lowest `last`
 * among a task's followers.
 */
import { CodexError, type WireError } from '../../protocol/errors.ts';
import type { WireEvent } from '../../protocol/events.ts';
import type { NotificationOf } from '../../protocol/rpc.ts';
import type { FollowListener } from './types.ts';

/** Before a subscription that failed or left a hole is asked for again. */
export const RESUBSCRIBE_MS = 250;

export interface FollowCalls {
  /** Rejects with `backendUnreachable` when the connection is lost meanwhile. */
  subscribe(taskId: string, after: number): Promise<{ head: number }>;
  unsubscribe(taskId: string): Promise<unknown>;
}

interface Follower {
  last: number;
  listener: FollowListener;
}

interface Followed {
  followers: Set<Follower>;
  state: 'idle' | 'subscribing' | 'subscribingThenAgain';
  timer: ReturnType<typeof setTimeout> | null;
}

export class Follows {
  readonly #calls: FollowCalls;
  readonly #tasks = new Map<string, Followed>();
  #connected = false;

  constructor(calls: FollowCalls) {
    this.#calls = calls;
  }

  add(taskId: string, after: number, listener: FollowListener): () => void {
    const followed: Followed = this.#tasks.get(taskId) ?? {
      followers: new Set(),
      state: 'idle',
      timer: null,
    };
    this.#tasks.set(taskId, followed);
    const follower: Follower = { last: after, listener };
    followed.followers.add(follower);
    this.#subscribe(taskId, followed);
    return () => {
      if (!followed.followers.delete(follower) || followed.followers.size > 0) return;
      this.#forget(taskId, followed);
      // It only spares traffic: a server that did not hear it sends what nobody listens to.
      if (this.#connected) this.#calls.unsubscribe(taskId).catch(() => undefined);
    };
  }

  connected(): void {
    this.#connected = true;
    for (const [taskId, followed] of this.#tasks) this.#subscribe(taskId, followed);
  }

  disconnected(): void {
    this.#connected = false;
    for (const followed of this.#tasks.values()) {
      followed.state = 'idle';
      this.#stopTimer(followed);
    }
  }

  close(): void {
    this.disconnected();
    this.#tasks.clear();
  }

  events({ taskId, events }: NotificationOf<'events'>): void {
    const followed = this.#tasks.get(taskId);
    if (!followed) return;
    let hole = false;
    for (const follower of [...followed.followers]) {
      const fresh: WireEvent[] = [];
      for (const event of events) {
        if (event.seq === follower.last + 1) {
          fresh.push(event);
          follower.last = event.seq;
        } else if (event.seq > follower.last + 1) hole = true;
      }
      if (fresh.length > 0) follower.listener.onEvents(fresh);
    }
    if (hole && followed.state === 'idle') this.#subscribeSoon(taskId, followed);
  }

  delta(delta: NotificationOf<'delta'>): void {
    for (const { listener } of [...(this.#tasks.get(delta.taskId)?.followers ?? [])])
      listener.onDelta?.(delta);
  }

  #subscribe(taskId: string, followed: Followed): void {
    if (!this.#connected || this.#tasks.get(taskId) !== followed) return;
    this.#stopTimer(followed);
    if (followed.state !== 'idle') {
      followed.state = 'subscribingThenAgain';
      return;
    }
    followed.state = 'subscribing';
    const asked = [...followed.followers];
    const after = Math.min(...asked.map((follower) => follower.last));
    this.#calls.subscribe(taskId, after).then(
      ({ head }) => {
        const again = followed.state === 'subscribingThenAgain';
        followed.state = 'idle';
        for (const follower of asked) {
          if (followed.followers.has(follower)) follower.listener.onHead?.(head);
        }
        if (again) this.#subscribe(taskId, followed);
      },
      (error: unknown) => {
        if (followed.state === 'idle') return;
        followed.state = 'idle';
        if (error instanceof CodexError && error.code === 'backendUnreachable') return;
        if (error instanceof CodexError && !error.wire.retryable) this.#fail(taskId, followed, error.wire);
        else this.#subscribeSoon(taskId, followed);
      },
    );
  }

  #subscribeSoon(taskId: string, followed: Followed): void {
    followed.timer ??= setTimeout(() => {
      followed.timer = null;
      this.#subscribe(taskId, followed);
    }, RESUBSCRIBE_MS);
  }

  #fail(taskId: string, followed: Followed, error: WireError): void {
    this.#forget(taskId, followed);
    for (const { listener } of [...followed.followers]) listener.onError?.(error);
  }

  #forget(taskId: string, followed: Followed): void {
    this.#stopTimer(followed);
    if (this.#tasks.get(taskId) === followed) this.#tasks.delete(taskId);
  }

  #stopTimer(followed: Followed): void {
    if (followed.timer !== null) clearTimeout(followed.timer);
    followed.timer = null;
  }
}
