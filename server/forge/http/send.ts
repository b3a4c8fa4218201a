/**
 * One HTTP request to a forge, and its whole answer: capped in size while it is read, with a time limit, redirects
 * not followed. What goes wrong below HTTP has a reason of one word and never what was sent.
 */
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { CodexError } from '../../../protocol/errors.ts';
import { FORGE_REQUEST_MS } from '../../../protocol/limits.ts';
import type { Outlet } from '../../outlet.ts';

export type Method = 'GET' | 'POST' | 'PATCH' | 'PUT';

export interface Sent {
  method: Method;
  url: URL;
  headers: Record<string, string>;
  body?: string;
  maxBytes: number;
  signal?: AbortSignal;
}

export interface Answer {
  status: number;
  headers: Headers;
  body: Buffer;
}

export class SendFailure extends Error {
  override readonly name = 'SendFailure';
  /** `unsent`: it surely did not arrive. `broken`: it may have. */
  readonly kind: 'unsent' | 'broken' | 'tooLarge';
  /** The system's code. */
  readonly reason: string;

  constructor(kind: SendFailure['kind'], reason: string) {
    super(`${kind}: ${reason}`);
    this.kind = kind;
    this.reason = reason;
  }
}

/** Nobody is there: a network that only drops what is sent to it says nothing. */
const CONNECT_MS = 10_000;

/** Throws `SendFailure`, and `CodexError` forgeAddressRefused. */
export async function send(outlet: Outlet, sent: Sent): Promise<Answer> {
  const timeout = AbortSignal.timeout(FORGE_REQUEST_MS);
  const signal = sent.signal ? AbortSignal.any([timeout, sent.signal]) : timeout;
  try {
    const response = await answerTo(outlet, sent, signal);
    const headers = new Headers();
    for (const [name, value] of Object.entries(response.headers)) headers.set(name, String(value));
    return { status: response.statusCode ?? 0, headers, body: await readCapped(response, sent.maxBytes) };
  } catch (error) {
    if (error instanceof SendFailure || error instanceof CodexError) throw error;
    if (timeout.aborted) throw new SendFailure('broken', 'timeout');
    const reason = codeOf(error);
    throw new SendFailure(UNSENT.has(reason) ? 'unsent' : 'broken', reason);
  }
}

function answerTo(
  outlet: Outlet,
  { method, url, headers, body }: Sent,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const request = outlet.request(url, {
      method,
      // Reading is simply tried again.
      fresh: method !== 'GET',
      headers: { ...headers, ...length, 'accept-encoding': 'gzip' },
      signal,
    });
    request.once('socket', (socket) => {
      if (!socket.connecting) return;
      const late = () => request.destroy(new SendFailure('unsent', 'timeout'));
      const timer = setTimeout(late, CONNECT_MS);
      for (const event of ['connect', 'close']) socket.once(event, () => clearTimeout(timer));
    });
    request.once('response', resolve);
    // Stays: a connection that breaks later is told by the answer.
    request.on('error', reject);
    request.end(body);
  });
}

async function readCapped(response: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of plain(response) as AsyncIterable<Uint8Array>) {
      length += chunk.length;
      if (length > maxBytes) throw new SendFailure('tooLarge', String(maxBytes));
      chunks.push(chunk);
    }
  } catch (error) {
    response.destroy();
    throw error;
  }
  return Buffer.concat(chunks);
}

function plain(response: IncomingMessage): Readable {
  if (response.headers['content-encoding'] !== 'gzip') return response;
  const unpacked = createGunzip();
  response.once('error', (error) => unpacked.destroy(error));
  return response.pipe(unpacked);
}

/** Before a connection there is nobody who could have read the request. */
const UNSENT: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ERR_PROXY_TUNNEL',
]);

/** Of the error or what caused it; a text of theirs could repeat what was sent. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'network';
  const code = 'code' in error ? error.code : undefined;
  if (typeof code === 'string' && /^[A-Z0-9_]{2,60}$/.test(code)) return code;
  return error.cause === undefined ? 'network' : codeOf(error.cause);
}
