/**
 * One connection to a backend that stays, whatever its socket does.
 *
 * Order of one attempt: ask for the token → open the socket → `server.hello` → connected →
 * subscriptions and lists go on where they were. A loss leads to the next attempt after a backoff
 * (`state.ts`); a refusal (token, version) waits for a person. Calls wait for a connection, bounded,
 * and are sent again after a loss only where that can't do anything twice. Never: a token in an
 * address, an answer that was not checked by its schema, an event out of order.
 */
import { CodexError, errorText, toWireError, wireError, type WireError } from '../../protocol/errors.ts';
import { PROTOCOL_VERSION, type MethodName, type ParamsIn, type ResultOf } from '../../protocol/rpc.ts';
import { addressesOf, type Addresses } from './addresses.ts';
import { Follows } from './follow.ts';
import type { Request } from './http.ts';
import { openPeer, type Peer } from './peer.ts';
import { mayRepeat } from './repeat.ts';
import { isFinal, next, type ConnectionEvent } from './state.ts';
import { type ClientTerminal, type TerminalListener, Terminals } from './terminals.ts';
import { transfersOver } from './transfers.ts';
import type {
  BackendConnection,
  ConnectOptions,
  ConnectionState,
  FollowListener,
  Hello,
  MessageSocket,
  TaskNews,
} from './types.ts';
import { Watches } from './watch.ts';

/** A call made while there is no connection: long enough for a backend that restarts. */
const CALL_WAIT_MS = 20_000;
/** The answer to hello comes at once, or this is no backend of ours. */
const HELLO_TIMEOUT_MS = 15_000;
const LIST_LENGTH = 200;

export function connect(options: ConnectOptions): BackendConnection {
  const connection = new Connection(options);
  connection.retryNow();
  return connection;
}

class Connection implements BackendConnection {
  readonly #options: ConnectOptions;
  /** Of the newest attempt; null before the first. */
  #addresses: Addresses | null = null;
  readonly #follows: Follows;
  readonly #terminals = new Terminals((method, params) => this.#callNow(method, params));
  readonly #stateListeners = new Set<(state: ConnectionState) => void>();
  readonly #watches = new Watches(() => this.#callNow('task.list', { limit: LIST_LENGTH, watch: true }));
  readonly #transfers = transfersOver((path, signal) => this.#request(path, signal));
  readonly patch = this.#transfers.patch;
  readonly file = this.#transfers.file;
  readonly log = this.#transfers.log;
  readonly egress = this.#transfers.egress;
  readonly putBlob = this.#transfers.putBlob;
  readonly blob = this.#transfers.blob;
  #state: ConnectionState = { kind: 'idle' };
  #hello: Hello | null = null;
  /** Of the present attempt; everything that a former one still says is ignored. */
  #attempt = 0;
  #socket: MessageSocket | null = null;
  #peer: Peer | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(options: ConnectOptions) {
    this.#options = options;
    if (typeof options.url === 'string') this.#addresses = addressesOf(options.url);
    this.#follows = new Follows({
      subscribe: (taskId, after) => this.#callNow('task.subscribe', { taskId, after }),
      unsubscribe: (taskId) => this.#callNow('task.unsubscribe', { taskId }),
    });
  }

  get state(): ConnectionState {
    return this.#state;
  }

  get hello(): Hello | null {
    return this.#hello;
  }

  onState(listener: (state: ConnectionState) => void): () => void {
    this.#stateListeners.add(listener);
    listener(this.#state);
    return () => this.#stateListeners.delete(listener);
  }

  retryNow(): void {
    const before = this.#state.kind;
    this.#apply({ kind: 'connect' });
    if (before !== this.#state.kind && this.#state.kind === 'connecting') void this.#open();
  }
  close(): void {
    this.#apply({ kind: 'close' });
    this.#drop();
    this.#follows.close();
    this.#stateListeners.clear();
    this.#watches.close();
  }

  async ready(timeoutMs = this.#callWaitMs, signal?: AbortSignal): Promise<Hello> {
    if (this.#state.kind === 'connected') return this.#state.hello;
    const { promise, resolve, reject } = Promise.withResolvers<Hello>();
    let last: WireError | null = null;
    const timer = setTimeout(() => reject(this.#unreachable(last)), timeoutMs);
    const onAbort = () => reject(new CodexError('cancelled'));
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) onAbort();
    const stop = this.onState((state) => {
      if (state.kind === 'connected') resolve(state.hello);
      else if (state.kind === 'refused') reject(errorOf(state.error));
      else if (state.kind === 'closed') reject(this.#unreachable(last));
      else if (state.kind === 'awaitingRetry') last = state.reason;
    });
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      stop();
    }
  }

  async call<M extends MethodName>(
    method: M,
    params: ParamsIn<M>,
    signal?: AbortSignal,
  ): Promise<ResultOf<M>> {
    const deadline = Date.now() + this.#callWaitMs;
    for (;;) {
      await this.ready(Math.max(deadline - Date.now(), 0), signal);
      try {
        return await this.#callNow(method, params, signal);
      } catch (error) {
        if (!mayRepeat(method, error) || Date.now() >= deadline) throw error;
        // A backend that is stopping still answers for a moment: wait until its socket is closed.
        if (this.#state.kind === 'connected') await pause(SHUTDOWN_PAUSE_MS);
      }
    }
  }

  follow(taskId: string, after: number, listener: FollowListener): () => void {
    return this.#follows.add(taskId, after, listener);
  }

  watchTasks(listener: (news: TaskNews) => void): () => void {
    return this.#watches.add(listener, this.#state.kind === 'connected');
  }

  terminal(of: ParamsIn<'terminal.open'>, listener: TerminalListener): Promise<ClientTerminal> {
    return this.#terminals.open(() => this.call('terminal.open', of), listener);
  }

  get #callWaitMs(): number {
    return this.#options.callWaitMs ?? CALL_WAIT_MS;
  }

  async #request(path: string, signal?: AbortSignal): Promise<Request> {
    await this.ready(this.#callWaitMs, signal);
    const addresses = this.#addresses;
    if (!addresses) throw this.#unreachable(null);
    return {
      url: addresses.http(path),
      token: await this.#options.token(),
      fetch: this.#options.fetch ?? ((input, init) => fetch(input, init)),
      shown: addresses.shown,
      ...(signal ? { signal } : {}),
    };
  }

  /** On the present socket or not at all. */
  async #callNow<M extends MethodName>(
    method: M,
    params: ParamsIn<M>,
    signal?: AbortSignal,
  ): Promise<ResultOf<M>> {
    const peer = this.#peer;
    if (!peer) throw this.#unreachable(null);
    return peer.call(method, params, signal);
  }

  #apply(event: ConnectionEvent): void {
    const state = next(this.#state, event);
    if (state === this.#state) return;
    this.#state = state;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (state.kind === 'awaitingRetry') this.#timer = setTimeout(() => this.retryNow(), state.delayMs);
    for (const listener of [...this.#stateListeners]) listener(state);
  }

  async #open(): Promise<void> {
    const attempt = ++this.#attempt;
    const stale = () => attempt !== this.#attempt || this.#state.kind === 'closed';
    let addresses: Addresses;
    let token: string;
    try {
      const { url } = this.#options;
      addresses = addressesOf(typeof url === 'string' ? url : await url());
      token = await this.#options.token();
    } catch (error) {
      if (!stale()) this.#lost(errorText(error), error instanceof CodexError ? error.wire : undefined);
      return;
    }
    if (stale()) return;
    this.#addresses = addresses;
    const headers: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {};
    let peer: Peer | null = null;
    try {
      const socket = this.#options.openSocket(addresses.socket, headers, {
        onOpen: () => {
          if (stale()) return;
          peer = this.#greet(socket, stale);
        },
        onMessage: (text) => {
          if (!stale()) peer?.receive(text);
        },
        onClose: (end) => {
          peer?.end();
          if (stale()) return;
          const refusal = refusalOf(end);
          if (refusal) this.#refused(refusal);
          else this.#lost(end.reason || `closed with code ${end.code}`);
        },
      });
      this.#socket = socket;
    } catch (error) {
      if (!stale()) this.#lost(errorText(error));
    }
  }

  #greet(socket: MessageSocket, stale: () => boolean): Peer {
    const peer = openPeer(socket, {
      events: (params) => this.#follows.events(params),
      delta: (params) => this.#follows.delta(params),
      'task.changed': (params) => this.#watches.tell({ kind: 'changed', task: params.task }),
      'terminal.output': (params) => this.#terminals.output(params),
      'terminal.ended': (params) => this.#terminals.ended(params),
      'task.deleted': (params) => this.#watches.tell({ kind: 'deleted', taskId: params.taskId }),
    });
    const late = setTimeout(() => {
      if (!stale()) this.#lost('no answer to hello');
    }, HELLO_TIMEOUT_MS);
    peer
      .call('server.hello', { protocol: PROTOCOL_VERSION, client: this.#options.client })
      .then(
        (hello) => {
          if (stale()) return;
          this.#peer = peer;
          this.#hello = hello;
          this.#apply({ kind: 'greeted', hello });
          this.#follows.connected();
          this.#watches.connected();
        },
        (error: unknown) => {
          if (stale()) return;
          const wire = toWireError(error);
          if (isFinal(wire)) this.#refused(wire);
          else this.#lost(errorText(error), wire);
        },
      )
      .finally(() => clearTimeout(late));
    return peer;
  }

  #lost(reason: string, error: WireError | undefined = undefined): void {
    const wire = error ?? wireError('backendUnreachable', { ...this.#where(), reason });
    this.#drop();
    this.#apply({ kind: 'lost', reason: wire, random: (this.#options.random ?? Math.random)() });
  }

  #refused(error: WireError): void {
    this.#drop();
    this.#apply({ kind: 'refused', error });
  }

  /** Leaves the present socket: calls in flight fail, what it still says is ignored. */
  #drop(): void {
    this.#attempt += 1;
    this.#follows.disconnected();
    this.#terminals.lost();
    const peer = this.#peer;
    const socket = this.#socket;
    this.#peer = null;
    this.#socket = null;
    peer?.end();
    socket?.close();
  }

  #where(): { url?: string } {
    return this.#addresses ? { url: this.#addresses.shown } : {};
  }

  #unreachable(last: WireError | null): CodexError {
    if (last && last.code !== 'backendUnreachable') return errorOf(last);
    return new CodexError('backendUnreachable', last?.params ?? this.#where());
  }
}

const SHUTDOWN_PAUSE_MS = 250;

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function errorOf(wire: WireError): CodexError {
  return new CodexError(wire.code, wire.params);
}

/** The upgrade was answered by plain HTTP in a way that a retry can't change. */
function refusalOf(end: { httpStatus?: number }): WireError | null {
  if (end.httpStatus === 401) return wireError('unauthorized');
  if (end.httpStatus === 403) return wireError('forbiddenOrigin');
  return null;
}
