/**
 * The scripted model over WebSockets: each connection remembers its newest response, and nothing else,
 * so that the next request can go on from it. One request at a time.
 */
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import { socketOutlet, type Outlet } from './outlets.ts';

/** Checks the request and answers it; what it answered, where it came to an end. */
export type AnswerSocket = (
  body: unknown,
  sent: unknown,
  outlet: Outlet,
) => Promise<{ id: string; output: unknown[] } | null>;

interface SocketOptions {
  /** The status with which upgrades are refused; absent: they are not. */
  refuse?: number | undefined;
  allows(request: IncomingMessage): boolean;
  maxBytes: number;
  answer: AnswerSocket;
}

/** What the header of a client that may use them says. */
const BETA = 'responses_websockets=';

export function acceptSockets(
  server: Server,
  options: SocketOptions,
): { terminate: () => void; close: () => void } {
  const sockets = new WebSocketServer({ noServer: true, maxPayload: options.maxBytes });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname;
    const refuse = (status: number) => socket.end(`HTTP/1.1 ${status} No\r\nConnection: close\r\n\r\n`);
    if (options.refuse !== undefined) refuse(options.refuse);
    else if (!path.endsWith('/responses')) refuse(404);
    else if (!options.allows(request)) refuse(401);
    else if (!String(request.headers['openai-beta']).includes(BETA)) refuse(400);
    else sockets.handleUpgrade(request, socket, head, (opened) => listen(opened, options.answer));
  });
  const terminate = () => {
    for (const socket of sockets.clients) socket.terminate();
  };
  return {
    terminate,
    close: () => {
      terminate();
      sockets.close();
    },
  };
}

function listen(socket: WebSocket, answer: AnswerSocket): void {
  const outlet = socketOutlet(socket);
  let memory: { id: string; items: unknown[] } | null = null;
  let busy = false;

  async function onMessage(sent: unknown): Promise<void> {
    const { type, previous_response_id: previous, ...rest } = isObject(sent) ? sent : { type: null };
    // What belongs to the other transport, such as `stream`, is not looked at: the Codex CLI sends it along.
    if (type !== 'response.create' || busy) {
      const message = busy ? 'A response is in progress.' : 'This is no response.create.';
      outlet.refuse({ status: 400, code: 'invalid_request_error', message, param: 'type' });
      return;
    }
    if (previous !== undefined && previous !== memory?.id) {
      const message = `Previous response with id '${JSON.stringify(previous)}' not found.`;
      const param = 'previous_response_id';
      outlet.refuse({ status: 400, code: 'previous_response_not_found', message, param });
      memory = null;
      return;
    }
    const known = previous === undefined ? [] : (memory?.items ?? []);
    const input = [...known, ...(Array.isArray(rest['input']) ? (rest['input'] as unknown[]) : [])];
    memory = null;
    busy = true;
    const answered = await answer({ ...rest, stream: true, input }, sent, outlet);
    busy = false;
    memory = answered && { id: answered.id, items: [...input, ...answered.output] };
  }

  socket.on('error', () => socket.terminate());
  socket.on('message', (data) => {
    onMessage(parsed(data)).catch(() => socket.terminate());
  });
}

function parsed(data: unknown): unknown {
  try {
    return JSON.parse(String(data));
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
