/** A backend without a network: the real server peer behind in-memory sockets. */
import { CodexError } from '../../../protocol/errors.ts';
import type { WireEvent } from '../../../protocol/events.ts';
import { servePeer, type ServerPeer } from '../../../protocol/peer.ts';
import type { Handlers, MethodName } from '../../../protocol/rpc.ts';
import type { OpenSocket, SocketEvents } from '../../../client/connection/types.ts';

export const TASK = 'task00000001';

export function eventOf(seq: number): WireEvent {
  return { taskId: TASK, attempt: 1, turn: 1, seq, at: 0, v: 1, code: 'test', params: { seq } };
}

interface Link {
  events: SocketEvents;
  peer: ServerPeer | null;
  open: boolean;
  endServer: () => void;
}

export class FakeBackend {
  /** How the next upgrades are answered: `ok`, an HTTP status, or nobody there. */
  upgrade: 'ok' | 'down' | number = 'ok';
  log: WireEvent[] = [];
  calls: { method: MethodName; params: unknown }[] = [];
  headers: Record<string, string>[] = [];
  urls: string[] = [];
  links: Link[] = [];
  /** Replaces the answer of a method. */
  answers: Partial<Record<MethodName, () => unknown>> = {};

  readonly openSocket: OpenSocket = (url, headers, events) => {
    this.urls.push(url);
    this.headers.push(headers);
    const link: Link = { events, peer: null, open: true, endServer: () => undefined };
    this.links.push(link);
    queueMicrotask(() => {
      if (!link.open) return;
      if (this.upgrade !== 'ok') {
        link.open = false;
        const status = this.upgrade === 'down' ? {} : { httpStatus: this.upgrade };
        return events.onClose({ code: 1006, reason: 'refused', ...status });
      }
      let toServer: (text: string) => void = () => undefined;
      link.peer = servePeer<null>(
        {
          send: (text) => queueMicrotask(() => link.open && events.onMessage(text)),
          onMessage: (listener) => (toServer = listener),
          onClose: (listener) => (link.endServer = listener),
          close: () => this.#cut(link),
        },
        this.#handlers(link),
        () => null,
      );
      link.events = { ...events, onMessage: (text) => toServer(text) };
      events.onOpen();
    });
    return {
      send: (text) => queueMicrotask(() => link.open && link.events.onMessage(text)),
      close: () => this.#cut(link),
    };
  };

  /** The newest socket is lost. */
  cut(): void {
    for (const link of this.links) this.#cut(link);
  }

  get peer(): ServerPeer {
    const peer = this.links.at(-1)?.peer;
    if (!peer) throw new Error('no client is connected');
    return peer;
  }

  push(...seqs: number[]): void {
    this.peer.notify('events', { taskId: TASK, events: seqs.map(eventOf) });
  }

  #cut(link: Link): void {
    if (!link.open) return;
    link.open = false;
    link.endServer();
    queueMicrotask(() => link.events.onClose({ code: 1006, reason: 'cut' }));
  }

  #handlers(link: Link): Handlers<null> {
    const answer = (method: MethodName) => async (params: unknown) => {
      this.calls.push({ method, params });
      const own = this.answers[method];
      if (own) return (await own()) as never;
      if (method === 'server.hello') {
        return {
          protocol: 1,
          server: { name: 'fake', version: '0', id: 'fake' },
          sandbox: { kind: 'none', detail: '' },
          model: { name: 'none', configured: false, scripted: false },
        } as never;
      }
      if (method === 'task.subscribe') {
        const { after } = params as { after: number };
        const rest = this.log.filter((event) => event.seq > after);
        if (rest.length > 0) setImmediate(() => link.peer?.notify('events', { taskId: TASK, events: rest }));
        return { head: this.log.length } as never;
      }
      if (method === 'task.list') return { tasks: [] } as never;
      if (method === 'model.list') return { models: [{ name: 'one' }] } as never;
      if (method === 'task.unsubscribe') return {} as never;
      throw new CodexError('notFound', { what: method });
    };
    return new Proxy({} as Handlers<null>, { get: (_target, method) => answer(method as MethodName) });
  }
}
