/**
 * Where an answer of the scripted model goes: as events over HTTP, as chunks of a chat, or as messages
 * of a WebSocket. What may go wrong can go wrong on each.
 */
import type { ServerResponse } from 'node:http';
import type { WebSocket } from 'ws';
import type { Event } from './wire.ts';

export interface Refusal {
  status: number;
  code: string;
  message: string;
  headers?: Record<string, string>;
  param?: string | null;
}

export interface Outlet {
  /** Resolves once there is room for more. */
  event(event: Event): Promise<void>;
  end(): void;
  refuse(refusal: Refusal): void;
  /** The answer has begun, and nothing comes. */
  hang(): void;
  /** What was sent before does arrive, then the connection breaks. */
  cut(): void;
  garbage(): void;
}

/** Between the last bytes and the break, so that they do arrive. */
const BREAK_AFTER_MS = 20;

export function httpOutlet(response: ServerResponse, toLines: (event: Event) => string[]): Outlet {
  const open = () => {
    if (response.headersSent) return;
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache',
    });
  };
  return {
    async event(event) {
      open();
      for (const line of toLines(event)) {
        if (response.write(`${line}\n\n`) || response.destroyed) continue;
        await new Promise<void>((resolve) => {
          response.once('drain', resolve);
          response.once('close', resolve);
        });
      }
    },
    end: () => {
      open();
      response.end();
    },
    refuse: (refusal) => sendRefusal(response, refusal),
    hang: () => {
      open();
      response.flushHeaders();
    },
    cut: () => {
      open();
      response.write(': cut\n\n', () => setTimeout(() => response.destroy(), BREAK_AFTER_MS));
    },
    garbage: () => {
      open();
      response.end('event: response.created\ndata: {"type": "response.created", oops\n\n');
    },
  };
}

export function eventLines(event: Event): string[] {
  return [`event: ${event.type}\ndata: ${JSON.stringify(event)}`];
}

export function socketOutlet(socket: WebSocket): Outlet {
  return {
    event: (event) => new Promise((resolve) => socket.send(JSON.stringify(event), () => resolve())),
    end: () => {},
    refuse: ({ status, headers, ...rest }) => {
      const error = { ...errorOf({ status, ...rest }), ...(headers ? { headers } : {}) };
      socket.send(JSON.stringify({ type: 'error', status, error }));
    },
    hang: () => {},
    cut: () => {
      setTimeout(() => socket.terminate(), BREAK_AFTER_MS);
    },
    garbage: () => {
      socket.send('{"type": "response.created", oops');
    },
  };
}

export function sendRefusal(response: ServerResponse, refusal: Refusal): void {
  sendJson(response, refusal.status, { error: errorOf(refusal) }, refusal.headers);
}

export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

function errorOf({ status, code, message, param }: Refusal) {
  const type = status === 400 ? 'invalid_request_error' : code;
  return { message, type, param: param ?? null, code };
}
