/**
 * The backend's one port: RPC over WebSockets, and HTTP for what is bytes.
 *
 * Who may come in is `auth.ts`, the HTTP routes are `http.ts`, sockets `socket.ts`, what a method does
 * `rpc.ts`; here they are put together. A call comes before `server.hello` only to be refused.
 */
import type { FastifyInstance } from 'fastify';
import { CodexError, errorText } from '../../protocol/errors.ts';
import { servePeer } from '../../protocol/peer.ts';
import type { Sink } from '../tasks/hub.ts';
import { type Access, LOOPBACK_HOSTS, type Who } from './auth.ts';
import type { GatewayDeps } from './deps.ts';
import { createDownloads } from './downloads.ts';
import { createHttp } from './http.ts';
import { ACTIONS, checkMay } from './rights.ts';
import { createHandlers } from './rpc.ts';
import { type OpenSocket, serveSockets } from './socket.ts';

export interface Gateway {
  app: FastifyInstance;
  /** When the last client left, ms since 1970; null while one is here. */
  readonly idleSince: number | null;
  closeSockets(): Promise<void>;
}

/** More than this unread in a socket and its reader is behind. */
const BEHIND_BYTES = 512 * 1024;

export function createGateway(deps: GatewayDeps): Gateway {
  const { log, limits } = deps;
  const access: Access = {
    token: deps.token,
    hosts: [...LOOPBACK_HOSTS, ...deps.allowedHosts.map((name) => name.toLowerCase())],
  };
  const app = createHttp({
    access,
    repos: deps.repos,
    downloads: createDownloads(deps),
    blobs: deps.blobs,
    maxBlobBytes: limits.attachmentBytes,
    webhooks: deps.webhooks,
    log: (line) => log.warn(line),
  });
  const handlers = createHandlers(deps);
  let idleSince: number | null = Date.now();

  const sockets = serveSockets(app.server, { access, maxFrameBytes: limits.rpcFrameBytes, onOpen });

  function onOpen(socket: OpenSocket, who: Who): void {
    idleSince = null;
    socket.onClose(() => {
      if (sockets.open === 0) idleSince = Date.now();
    });
    const session = { who, greeted: false };
    const peer = servePeer(
      socket,
      handlers,
      (method) => {
        if (!session.greeted && method !== 'server.hello') throw new CodexError('helloFirst');
        checkMay(session.who, ACTIONS[method]);
        return { session, sink };
      },
      { onError: (error, method) => log.error('a call failed', { method, error }) },
    );
    const sink: Sink = {
      notify: (name, params) => {
        try {
          peer.notify(name, params);
        } catch (error) {
          // A mistake of ours in one message must not end the others.
          log.error('a notification is not as agreed', { name, reason: errorText(error) });
        }
      },
      closed: peer.closed,
      isBehind: () => socket.pendingBytes > BEHIND_BYTES,
      drained: () => (socket.pendingBytes > BEHIND_BYTES ? socket.flushed() : Promise.resolve()),
    };
  }

  return {
    app,
    get idleSince() {
      return idleSince;
    },
    closeSockets: () => sockets.close(),
  };
}
