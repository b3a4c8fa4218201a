/**
 * A WebSocket in Node, by `ws`. VS Code's proxy and certificate settings come in as `agent` and `ca`.
 */
import type { Agent } from 'node:http';
import { rootCertificates } from 'node:tls';
import { WebSocket } from 'ws';
import { LIMITS } from '../../protocol/limits.ts';
import type { OpenSocket } from './types.ts';

/** A backend that does not answer the upgrade within this is not there. */
const HANDSHAKE_TIMEOUT_MS = 15_000;
/** A socket that stays silent this long is dead: both ends ping (a sleeping laptop, a cut cable). */
const PING_EVERY_MS = 20_000;
/** The server's frames: several events in one, never larger than this. */
const MAX_FRAME_BYTES = 4 * LIMITS.rpcFrameBytes.cap;

export interface NodeSocketOptions {
  agent?: Agent;
  /** Additional certificates (PEM), beside Node's own. */
  ca?: string[];
  rejectUnauthorized?: boolean;
}

export function nodeSocket(options: NodeSocketOptions = {}): OpenSocket {
  return (url, headers, events) => {
    const socket = new WebSocket(url, {
      headers,
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      maxPayload: MAX_FRAME_BYTES,
      perMessageDeflate: false,
      ...(options.agent ? { agent: options.agent } : {}),
      ...(options.ca ? { ca: [...rootCertificates, ...options.ca] } : {}),
      ...(options.rejectUnauthorized === undefined ? {} : { rejectUnauthorized: options.rejectUnauthorized }),
    });
    let httpStatus: number | undefined;
    let failure = '';
    let closed = false;
    let answered = true;

    const ping = setInterval(() => {
      if (!answered) {
        failure = 'no answer to a ping';
        socket.terminate();
        return;
      }
      answered = false;
      if (socket.readyState === WebSocket.OPEN) socket.ping();
    }, PING_EVERY_MS);
    ping.unref();

    const end = (code: number, reason: string) => {
      if (closed) return;
      closed = true;
      clearInterval(ping);
      events.onClose({ code, reason, ...(httpStatus === undefined ? {} : { httpStatus }) });
    };

    socket.on('open', () => events.onOpen());
    socket.on('pong', () => (answered = true));
    socket.on('message', (data, isBinary) => {
      answered = true;
      // The protocol is text; a binary frame is no message of ours.
      if (!isBinary) events.onMessage(textOf(data));
    });
    socket.on('unexpected-response', (request, response) => {
      httpStatus = response.statusCode;
      failure = `HTTP ${response.statusCode}`;
      response.resume();
      request.destroy();
      end(1006, failure);
    });
    socket.on('error', (error) => (failure ||= error.message));
    socket.on('close', (code, reason) => end(code, reason.toString('utf8') || failure));

    return {
      send: (text) => socket.send(text),
      close: () => {
        if (socket.readyState === WebSocket.CONNECTING) socket.terminate();
        else socket.close(1000);
      },
    };
  };
}

function textOf(data: Buffer | ArrayBuffer | Buffer[]): string {
  if (Array.isArray(data)) return Buffer.concat(data).toString('utf8');
  return Buffer.isBuffer(data) ? data.toString('utf8') : Buffer.from(data).toString('utf8');
}
