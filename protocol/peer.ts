/**
 * A typed RPC peer over any socket that carries text: JSON-RPC 2.0 by `vscode-jsonrpc`, typed from
 * the table in `rpc.ts`. The backend makes one with `servePeer`, a client with `clientPeer`.
 *
 * Every message is checked by its schema at both ends. Whatever arrives is hostile: a frame that is
 * no message is answered with an error (server) or ends the connection (client); it never reaches
 * the library and never throws into the socket. Runs in Node and in browsers alike.
 */
import type { CancellationToken, DataCallback, Disposable, Message, MessageConnection } from 'vscode-jsonrpc';
import {
  AbstractMessageReader,
  AbstractMessageWriter,
  CancellationTokenSource,
  ConnectionError,
  ConnectionErrors,
  RAL,
  ResponseError,
  createMessageConnection,
} from 'vscode-jsonrpc';
import type { z } from 'zod';
import type { ErrorParams } from './errors.ts';
import { CodexError, WireError, errorText, toWireError, wireError } from './errors.ts';
import { LIMITS } from './limits.ts';
import type {
  Handlers,
  MethodName,
  NotificationName,
  NotificationOf,
  ParamsIn,
  ParamsOf,
  ResultOf,
} from './rpc.ts';
import { METHODS, NOTIFICATIONS, RPC_ERROR_CODE } from './rpc.ts';

/** What a peer needs of a WebSocket. `onClose` is called once, also when this end closed it. */
export interface MessageSocket {
  send(text: string): void;
  onMessage(listener: (text: string) => void): void;
  onClose(listener: () => void): void;
  close(code?: number, reason?: string): void;
}

/** The backend's end of one connection. */
export interface ServerPeer {
  /** Does nothing when the socket is closed; throws when `params` are not of the notification. */
  notify<N extends NotificationName>(name: N, params: NotificationOf<N>): void;
  readonly closed: AbortSignal;
  close(code?: number, reason?: string): void;
}

export interface ServeOptions {
  /** For the log: what a client is only told as `internal`. */
  onError?: (error: unknown, method: string) => void;
}

/** A client's end of one connection. */
export interface ClientPeer {
  /**
   * Throws the `CodexError` that the server answered, `cancelled` when `signal` was aborted,
   * `badRequest` when the parameters are wrong already here, `backendUnreachable` when the socket is gone.
   */
  call<M extends MethodName>(method: M, params: ParamsIn<M>, signal?: AbortSignal): Promise<ResultOf<M>>;
  readonly closed: AbortSignal;
  close(code?: number, reason?: string): void;
}

export interface ClientOptions {
  onNotification: <N extends NotificationName>(name: N, params: NotificationOf<N>) => void;
}

/** Requests of one client that are worked on at the same time; more wait. */
const PARALLEL_REQUESTS = 32;
/** The envelope around the parameters is small. */
const MAX_REQUEST_BYTES = LIMITS.rpcFrameBytes.cap - 1_024;
/** Close codes of RFC 6455. */
const CLOSE_NORMAL = 1000;
const CLOSE_PROTOCOL_ERROR = 1002;

const PARSE_ERROR = -32700;
const INVALID_REQUEST = -32600;
const CANCEL_METHOD = '$/cancelRequest';

type Incoming =
  | { kind: 'request'; id: string | number; method: string }
  | { kind: 'cancel' }
  | { kind: 'response' }
  | { kind: 'notification'; method: string }
  | { kind: 'malformed'; id: string | number | null; code: number; reason: string };

export function servePeer<Context>(
  socket: MessageSocket,
  handlers: Handlers<Context>,
  /** Called before each request; what it throws is the answer (not signed in, no hello yet). */
  contextOf: (method: MethodName, cancelled: AbortSignal) => Context,
  options: ServeOptions = {},
): ServerPeer {
  const reader = new SocketReader(socket, (incoming) => {
    switch (incoming.kind) {
      case 'request':
      case 'cancel':
        return true;
      case 'response':
      case 'notification':
        return false;
      case 'malformed':
        trySend(socket, {
          jsonrpc: '2.0',
          id: incoming.id,
          error: {
            code: incoming.code,
            message: incoming.reason,
            data: wireError('badRequest', { reason: incoming.reason }),
          },
        });
        return false;
    }
  });
  const { connection, closed, close } = connect(socket, reader, PARALLEL_REQUESTS);

  connection.onRequest(async (name: string, params: unknown, token: CancellationToken) => {
    const abort = new AbortController();
    const cancelled = token.onCancellationRequested(() => abort.abort());
    if (token.isCancellationRequested) abort.abort();
    try {
      if (!isMethod(name)) throw new CodexError('unknownMethod', { method: name.slice(0, 100) });
      return await answer(name, params, handlers, contextOf(name, abort.signal));
    } catch (error) {
      if (!(error instanceof CodexError) || error.code === 'internal') options.onError?.(error, name);
      throw new ResponseError(RPC_ERROR_CODE, toWireError(error).code, toWireError(error));
    } finally {
      cancelled.dispose();
    }
  });
  connection.listen();

  return {
    notify: (name, params) => {
      if (closed.aborted) return;
      connection.sendNotification(name, checked(NOTIFICATIONS[name], params, name)).catch(() => {});
    },
    closed,
    close,
  };
}

export function clientPeer(socket: MessageSocket, options: ClientOptions): ClientPeer {
  const reader = new SocketReader(socket, (incoming) => {
    if (incoming.kind === 'response' || incoming.kind === 'notification') return true;
    socket.close(CLOSE_PROTOCOL_ERROR, 'not a message');
    return false;
  });
  const { connection, closed, close } = connect(socket, reader, -1);

  connection.onNotification((name: string, params: unknown) => {
    // A newer server's notification is not an error: an older client goes on without it.
    if (!isNotification(name)) return;
    const parsed = NOTIFICATIONS[name].safeParse(params);
    if (!parsed.success) return socket.close(CLOSE_PROTOCOL_ERROR, `${name} is not as agreed`);
    options.onNotification(name, parsed.data);
  });
  connection.listen();

  return {
    async call(method, params, signal) {
      const schema = METHODS[method];
      const request = checked(schema.params, params, method, 'badRequest');
      if (signal?.aborted) throw new CodexError('cancelled');
      if (closed.aborted) throw new CodexError('backendUnreachable');
      // The server would end the connection, and the next one again.
      if (sizeOf(request) > MAX_REQUEST_BYTES)
        throw new CodexError('frameTooLarge', { maxBytes: LIMITS.rpcFrameBytes.cap });
      const source = new CancellationTokenSource();
      const onAbort = () => source.cancel();
      signal?.addEventListener('abort', onAbort, { once: true });
      const lost = Promise.withResolvers<never>();
      const onLost = () => lost.reject(new CodexError('backendUnreachable'));
      closed.addEventListener('abort', onLost, { once: true });
      try {
        const response = connection.sendRequest(method, request, source.token);
        // The library never settles what is open when the socket closes.
        const result = await Promise.race([response, lost.promise]);
        return checked(schema.result, result, method) as ResultOf<typeof method>;
      } catch (error) {
        throw fromAnswer(error, signal);
      } finally {
        closed.removeEventListener('abort', onLost);
        signal?.removeEventListener('abort', onAbort);
        source.dispose();
      }
    },
    closed,
    close,
  };
}

function sizeOf(request: unknown): number {
  return new TextEncoder().encode(JSON.stringify(request)).length;
}

function isMethod(name: string): name is MethodName {
  return Object.hasOwn(METHODS, name);
}

function isNotification(name: string): name is NotificationName {
  return Object.hasOwn(NOTIFICATIONS, name);
}

async function answer<M extends MethodName, Context>(
  method: M,
  params: unknown,
  handlers: Handlers<Context>,
  context: Context,
): Promise<unknown> {
  const request = checked(METHODS[method].params, params, method, 'badRequest') as ParamsOf<M>;
  const result: unknown = await handlers[method](request, context);
  return checked(METHODS[method].result, result, method);
}

/** The value as its schema gives it; at the sender's own end a misfit is our mistake: `internal`. */
function checked<S extends z.ZodType>(
  schema: S,
  value: unknown,
  name: string,
  code: 'badRequest' | 'internal' = 'internal',
): z.output<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const params: ErrorParams = {
    method: name,
    reason: issue?.message ?? '',
    field: issue?.path.join('.') ?? '',
  };
  throw new CodexError(code, params, {
    detail: `${name}: ${params.field as string}: ${params.reason as string}`,
  });
}

/** What a call throws: the server's error, or what became of the connection. */
function fromAnswer(error: unknown, signal: AbortSignal | undefined): CodexError {
  if (error instanceof CodexError) return error;
  if (error instanceof ResponseError) {
    const wire = WireError.safeParse(error.data);
    if (wire.success) return new CodexError(wire.data.code, wire.data.params, { detail: error.message });
    // JSON-RPC's own "request cancelled", or an error code that this client is too old to know.
    if (signal?.aborted) return new CodexError('cancelled');
    return new CodexError('internal', {}, { detail: error.message });
  }
  if (error instanceof ConnectionError && error.code !== ConnectionErrors.AlreadyListening) {
    return new CodexError('backendUnreachable', {}, { cause: error });
  }
  return new CodexError('internal', {}, { detail: errorText(error), cause: error });
}

function connect(socket: MessageSocket, reader: SocketReader, maxParallelism: number) {
  const ended = new AbortController();
  const connection: MessageConnection = createMessageConnection(reader, new SocketWriter(socket), SILENT, {
    maxParallelism,
  });
  // A failed write or an unhandled notification is no news: the socket's end is.
  connection.onError(() => {});
  socket.onClose(() => {
    if (ended.signal.aborted) return;
    ended.abort();
    connection.dispose();
  });
  return {
    connection,
    closed: ended.signal,
    close: (code = CLOSE_NORMAL, reason = '') => socket.close(code, reason),
  };
}

/** The library's own log prints whole messages: nothing of a person's belongs there. */
const SILENT = { error() {}, warn() {}, info() {}, log() {} };

class SocketReader extends AbstractMessageReader {
  readonly #socket: MessageSocket;
  readonly #accept: (incoming: Incoming) => boolean;

  constructor(socket: MessageSocket, accept: (incoming: Incoming) => boolean) {
    super();
    this.#socket = socket;
    this.#accept = accept;
  }

  override listen(callback: DataCallback): Disposable {
    let listening = true;
    this.#socket.onMessage((text) => {
      if (!listening) return;
      const message = parse(text);
      if (this.#accept(classify(message))) callback(message as Message);
    });
    return { dispose: () => void (listening = false) };
  }
}

class SocketWriter extends AbstractMessageWriter {
  readonly #socket: MessageSocket;

  constructor(socket: MessageSocket) {
    super();
    this.#socket = socket;
  }

  async write(message: Message): Promise<void> {
    trySend(this.#socket, message);
  }

  end(): void {}
}

/** A socket that is closing refuses to send; its `onClose` tells the rest. */
function trySend(socket: MessageSocket, message: object): void {
  const text = JSON.stringify(message);
  try {
    socket.send(text);
  } catch {
    socket.close();
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** Exactly what JSON-RPC 2.0 allows, parameters by name only. */
function classify(message: unknown): Incoming {
  if (message === undefined) return malformed(null, 'not JSON', PARSE_ERROR);
  if (!isObject(message)) return malformed(null, 'not an object');
  const id = isId(message.id) ? message.id : null;
  if (message.jsonrpc !== '2.0') return malformed(id, 'not JSON-RPC 2.0');
  if (message.method === undefined) {
    const answers = 'result' in message || isObject(message.error);
    return id !== null && answers ? { kind: 'response' } : malformed(id, 'no method');
  }
  if (typeof message.method !== 'string') return malformed(id, 'no method');
  if (message.params !== undefined && !isObject(message.params)) return malformed(id, 'params are no object');
  if (message.method === CANCEL_METHOD) {
    const of = isObject(message.params) ? message.params.id : undefined;
    return message.id === undefined && isId(of) ? { kind: 'cancel' } : malformed(id, 'cancels nothing');
  }
  if (message.id === undefined) return { kind: 'notification', method: message.method };
  return id === null ? malformed(null, 'no id') : { kind: 'request', id, method: message.method };
}

function malformed(id: string | number | null, reason: string, code = INVALID_REQUEST): Incoming {
  return { kind: 'malformed', id, code, reason };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isId(value: unknown): value is string | number {
  return typeof value === 'string' ? value.length <= 100 : typeof value === 'number';
}

/**
 * The library's package root leaves the runtime to its user, so that one bundle serves Node and
 * browsers: it asks for timers only. Streams and content types belong to its pipe transport, which
 * is not used here.
 */
function unused(): never {
  throw new Error('Only message sockets are used here.');
}
const later = (handle: ReturnType<typeof setTimeout>) => ({ dispose: () => clearTimeout(handle) });
RAL.install({
  crypto: { randomUUID: () => globalThis.crypto.randomUUID() },
  applicationJson: {
    encoder: { name: 'application/json', encode: unused },
    decoder: { name: 'application/json', decode: unused },
  },
  messageBuffer: { create: unused },
  console: SILENT,
  timer: {
    setTimeout: (callback, ms, ...args: unknown[]) => later(setTimeout(callback, ms, ...args)),
    setInterval: (callback, ms, ...args: unknown[]) => later(setInterval(callback, ms, ...args)),
    setImmediate: (callback, ...args: unknown[]) => {
      let wanted = true;
      queueMicrotask(() => wanted && void callback(...args));
      return { dispose: () => void (wanted = false) };
    },
  },
});
