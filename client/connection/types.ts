/**
 * What a client of the backend holds in its hand: one connection that stays, whatever the socket
 * does. Nothing here knows Node, VS Code or a browser; what differs is injected (`openSocket`,
 * `fetch`).
 */
import type { WireError } from '../../protocol/errors.ts';
import type { WireEvent } from '../../protocol/events.ts';
import type { ClientTerminal, TerminalListener } from './terminals.ts';
import type { MethodName, NotificationOf, ParamsIn, ResultOf, TaskSummary } from '../../protocol/rpc.ts';

export type { ClientTerminal, TerminalEnd, TerminalListener } from './terminals.ts';

export type Hello = ResultOf<'server.hello'>;

export type ConnectionState =
  /** Made, not started yet. */
  | { kind: 'idle' }
  | { kind: 'connecting'; failures: number }
  | { kind: 'connected'; hello: Hello }
  /** Lost or not reached; tries again by itself after `delayMs`. */
  | { kind: 'awaitingRetry'; failures: number; delayMs: number; reason: WireError }
  /** Trying again can't help (token, version): a person has to do something, then `retryNow`. */
  | { kind: 'refused'; error: WireError }
  | { kind: 'closed' };

/** What a socket tells. `onClose` is called once, also when it never opened. */
export interface SocketEvents {
  onOpen(): void;
  onMessage(text: string): void;
  /** `httpStatus`: the upgrade was answered by plain HTTP, for example 401. */
  onClose(end: { code: number; reason: string; httpStatus?: number }): void;
}

export interface MessageSocket {
  send(text: string): void;
  close(): void;
}

/** Opens a WebSocket. A browser ignores `headers`: its cookie authenticates. */
export type OpenSocket = (
  url: string,
  headers: Record<string, string>,
  events: SocketEvents,
) => MessageSocket;

export type Fetch = (
  url: string,
  init: {
    method?: string;
    headers: Record<string, string>;
    body?: Uint8Array<ArrayBuffer>;
    signal?: AbortSignal;
  },
) => Promise<Response>;

export interface ConnectOptions {
  /**
   * Of the backend: `http://127.0.0.1:8080`, also `https:`, `ws:`, `wss:`; a path before `/api` is
   * kept. A function is asked before each attempt: a backend of one's own may come back on another port.
   */
  url: string | (() => Promise<string>);
  /** Asked before each attempt, after `url`, so that a changed token is used. An empty one sends no header. */
  token: () => Promise<string>;
  client: { name: string; version: string };
  openSocket: OpenSocket;
  fetch?: Fetch;
  /** How long a call waits for a connection before it fails with `backendUnreachable`. */
  callWaitMs?: number;
  /** In [0, 1): the jitter of the backoff. */
  random?: () => number;
}

export interface FollowListener {
  /** In order of `seq`, without gap or duplicate, over all reconnects. Never empty. */
  onEvents(events: WireEvent[]): void;
  /** Text as it is written: unnumbered, may be missing; the completed item is what counts. */
  onDelta?(delta: NotificationOf<'delta'>): void;
  /** The log's newest seq at each (re)subscription: up to it, events are the past. */
  onHead?(head: number): void;
  /** The task can't be followed (it is gone): nothing more comes. */
  onError?(error: WireError): void;
}

export type TaskNews =
  /** After each (re)connect: what is true now; forget what you had. */
  | { kind: 'list'; tasks: TaskSummary[] }
  | { kind: 'changed'; task: TaskSummary }
  | { kind: 'deleted'; taskId: string };

export interface BackendConnection {
  readonly state: ConnectionState;
  /** Called at once with the present state, then on each change; returns how to stop it. */
  onState(listener: (state: ConnectionState) => void): () => void;
  /** Of the newest successful hello; null before the first. */
  readonly hello: Hello | null;
  /** Resolves with the hello once connected; rejects with `CodexError` when refused, closed, or late. */
  ready(timeoutMs?: number, signal?: AbortSignal): Promise<Hello>;
  /**
   * Waits for a connection (bounded), calls, checks the answer by its schema. A call that can safely
   * be sent twice is sent again when the socket was lost meanwhile. Rejects with `CodexError`.
   */
  call<M extends MethodName>(method: M, params: ParamsIn<M>, signal?: AbortSignal): Promise<ResultOf<M>>;
  follow(taskId: string, after: number, listener: FollowListener): () => void;
  watchTasks(listener: (news: TaskNews) => void): () => void;
  /** A shell in the sandbox of a task whose turn has ended. It ends with the socket it was opened on. */
  terminal(of: ParamsIn<'terminal.open'>, listener: TerminalListener): Promise<ClientTerminal>;
  /** The patch from the task's base to this turn's result, as bytes; with `from`, what came after that turn. */
  patch(
    taskId: string,
    turn: number,
    attempt: number,
    options?: { from?: number; signal?: AbortSignal },
  ): Promise<Uint8Array>;
  /**
   * The bytes of one side of one file, by its whole object id in that same patch. Rejects with `notFound` for
   * any other id.
   */
  file(
    taskId: string,
    turn: number,
    attempt: number,
    oid: string,
    options?: { from?: number; signal?: AbortSignal },
  ): Promise<Uint8Array>;
  /** The full log of a turn as text. */
  log(taskId: string, turn: number, attempt: number, signal?: AbortSignal): Promise<string>;
  /** Everything that the task asked the internet for, one JSON object a line. */
  egress(taskId: string, signal?: AbortSignal): Promise<Uint8Array>;
  /** Sends a picture for a prompt; once it is there, a request can name it by the hash of its bytes. */
  putBlob(sha256: string, bytes: Uint8Array, signal?: AbortSignal): Promise<void>;
  blob(sha256: string, signal?: AbortSignal): Promise<Uint8Array>;
  /** Does not wait for the backoff; also leaves `refused`, with a token that was asked for anew. */
  retryNow(): void;
  close(): void;
}
