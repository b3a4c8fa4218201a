/**
 * WebSockets at `WS_PATH`: who may open one is decided before the upgrade, a frame over the limit
 * closes its own socket (1009) and nothing else, and a peer that has silently gone is noticed.
 */
import type { IncomingMessage, Server } from 'node:http';
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocket, WebSocketServer } from 'ws';
import { CodexError, toWireError } from '../../protocol/errors.ts';
import type { MessageSocket } from '../../protocol/peer.ts';
import { WS_PATH } from '../../protocol/rpc.ts';
import { authorize, type Access, type Who } from './auth.ts';

/** Well under the idle cut of common proxies (60 s); two missed answers end the socket. */
const PING_EVERY_MS = 25_000;
const GOING_AWAY = 1001;

export interface OpenSocket extends MessageSocket {
  /** Bytes that the peer has not taken yet: what a slow reader is told by. */
  readonly pendingBytes: number;
  /** Resolves once everything that was sent has left for the system, or the socket is gone. */
  flushed(): Promise<void>;
}

export interface SocketServer {
  readonly open: number;
  close(): Promise<void>;
}

export function serveSockets(
  server: Server,
  options: { access: Access; maxFrameBytes: number; onOpen: (socket: OpenSocket, who: Who) => void },
): SocketServer {
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: options.maxFrameBytes,
    perMessageDeflate: false,
    clientTracking: true,
  });
  const alive = new WeakSet<WebSocket>();

  const onUpgrade = (request: IncomingMessage, stream: Duplex, head: Buffer) => {
    stream.on('error', () => stream.destroy());
    let who: Who;
    try {
      if (new URL(request.url ?? '/', 'http://backend').pathname !== WS_PATH)
        throw new CodexError('notFound');
      who = authorize(request.headers, options.access);
    } catch (error) {
      refuse(stream, error);
      return;
    }
    sockets.handleUpgrade(request, stream, head, (socket) => {
      alive.add(socket);
      socket.on('pong', () => alive.add(socket));
      socket.on('error', () => socket.terminate());
      options.onOpen(messageSocket(socket), who);
    });
  };
  server.on('upgrade', onUpgrade);

  const pinger = setInterval(() => {
    for (const socket of sockets.clients) {
      if (!alive.delete(socket)) socket.terminate();
      else socket.ping();
    }
  }, PING_EVERY_MS);
  pinger.unref();

  return {
    get open() {
      return sockets.clients.size;
    },
    close: async () => {
      clearInterval(pinger);
      server.off('upgrade', onUpgrade);
      for (const socket of sockets.clients) {
        socket.close(GOING_AWAY, 'shutting down');
        // A peer that does not answer the close frame must not hold up the end.
        setTimeout(() => socket.terminate(), 500).unref();
      }
      await new Promise<void>((resolve) => sockets.close(() => resolve()));
    },
  };
}

function messageSocket(socket: WebSocket): OpenSocket {
  return {
    send: (text) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(text);
    },
    onMessage: (listener) => {
      socket.on('message', (data: Buffer, isBinary) => {
        // Binary frames are no part of the protocol: an empty text is answered as malformed.
        listener(isBinary ? '' : data.toString('utf8'));
      });
    },
    onClose: (listener) => socket.once('close', () => listener()),
    close: (code, reason) => socket.close(code, reason),
    get pendingBytes() {
      return socket.bufferedAmount;
    },
    flushed: () =>
      new Promise((resolve) => {
        socket.once('close', () => resolve());
        // A ping waits its turn behind the messages; its callback comes, with an error, at the end too.
        if (socket.readyState === WebSocket.OPEN) socket.ping('', undefined, () => resolve());
        else resolve();
      }),
  };
}

const STATUS_OF: Partial<Record<string, number>> = { unauthorized: 401, forbiddenOrigin: 403, notFound: 404 };

/** The upgrade's answer is plain HTTP: status, and the error as JSON for whoever looks. */
function refuse(stream: Duplex, error: unknown): void {
  const wire = toWireError(error);
  const status = STATUS_OF[wire.code] ?? 500;
  const body = JSON.stringify(wire);
  stream.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
