import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { WebSocketServer, type WebSocket } from 'ws';
import { nodeSocket } from '../../../client/connection/node-socket.ts';
import type { SocketEvents } from '../../../client/connection/types.ts';

interface Seen {
  events: SocketEvents;
  opened: Promise<void>;
  message: Promise<string>;
  closed: Promise<{ code: number; reason: string; httpStatus?: number }>;
  closes: number;
}

function watch(): Seen {
  const opened = Promise.withResolvers<void>();
  const message = Promise.withResolvers<string>();
  const closed = Promise.withResolvers<{ code: number; reason: string; httpStatus?: number }>();
  const seen: Seen = {
    events: {
      onOpen: () => opened.resolve(),
      onMessage: (text) => message.resolve(text),
      onClose: (end) => {
        seen.closes += 1;
        closed.resolve(end);
      },
    },
    opened: opened.promise,
    message: message.promise,
    closed: closed.promise,
    closes: 0,
  };
  return seen;
}

async function serve(test: TestContext, server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  test.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function webSockets(
  server: Server,
  onSocket: (socket: WebSocket, authorization: string | undefined) => void,
): void {
  new WebSocketServer({ server }).on('connection', (socket, request) =>
    onSocket(socket, request.headers.authorization),
  );
}

describe('a WebSocket in Node', () => {
  it('sends the headers, passes text on, and leaves binary frames out', async (test) => {
    const server = createServer();
    webSockets(server, (socket, authorization) => {
      socket.send(Buffer.from('binary'));
      socket.on('message', (data) => socket.send(`${authorization} ${(data as Buffer).toString()}`));
    });
    const seen = watch();
    const socket = nodeSocket()(await serve(test, server), { authorization: 'Bearer x' }, seen.events);
    await seen.opened;
    socket.send('hello');
    assert.equal(await seen.message, 'Bearer x hello');
    socket.close();
    assert.equal((await seen.closed).code, 1000);
  });

  it('tells the HTTP status of an upgrade that was refused, once', async (test) => {
    const server = createServer((_request, response) => response.writeHead(401).end());
    const seen = watch();
    nodeSocket()(await serve(test, server), {}, seen.events);
    assert.equal((await seen.closed).httpStatus, 401);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(seen.closes, 1);
  });

  it('says why nobody was reached', async () => {
    const seen = watch();
    nodeSocket()('ws://127.0.0.1:1', {}, seen.events);
    assert.match((await seen.closed).reason, /ECONNREFUSED/);
  });

  it('a frame that is far too large ends the socket, not the process', async (test) => {
    const server = createServer();
    webSockets(server, (socket) => socket.send('x'.repeat(50 * 1024 * 1024)));
    const seen = watch();
    nodeSocket()(await serve(test, server), {}, seen.events);
    assert.match((await seen.closed).reason, /Max payload/);
  });

  it('can be given up before it is open', async (test) => {
    const server = createServer();
    server.on('upgrade', () => undefined);
    const seen = watch();
    const socket = nodeSocket()(await serve(test, server), {}, seen.events);
    socket.close();
    await seen.closed;
    assert.equal(seen.closes, 1);
  });
});
