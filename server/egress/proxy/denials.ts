/** Answers that say why something does not go through, for HTTP/1 (with or without a response) and HTTP/2. */
import type { ServerResponse } from 'node:http';
import { STATUS_CODES } from 'node:http';
import type { ServerHttp2Stream } from 'node:http2';
import type { Duplex } from 'node:stream';
import { DenyReason } from '../../../protocol/egress.ts';
import { denialResponse } from '../policy/index.ts';
import type { Denial, Target } from '../policy/index.ts';
import type { FailReason } from './types.ts';

/** Beside the policy's own header: a constant that a program can look for. */
const REASON_HEADER = 'x-codex-egress';

export type Refusal = Denial | { verdict: 'fail'; reason: FailReason };

export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

export function denial(reason: DenyReason, params: Denial['params'] = {}): Denial {
  return { verdict: 'deny', reason, params };
}

export function answerFor(refusal: Refusal, target: Partial<Target>): Answer {
  const answer =
    refusal.verdict === 'deny' ? denialResponse(refusal, target) : failure(refusal.reason, target);
  return { ...answer, headers: { ...answer.headers, [REASON_HEADER]: refusal.reason } };
}

function failure(reason: FailReason, { host, port }: Partial<Target>): Answer {
  const body = `${JSON.stringify({ error: 'egress_failed', reason, host, port })}\n`;
  return {
    status: reason === 'timeout' ? 504 : 502,
    headers: {
      'content-type': 'application/json; charset=utf-8',
      'content-length': String(Buffer.byteLength(body)),
      'cache-control': 'no-store',
    },
    body,
  };
}

/** Ends the connection with it: what the client had still to send is of no use. */
export function refuse(res: ServerResponse, refusal: Refusal, target: Partial<Target>): void {
  if (res.headersSent || res.destroyed) return void res.destroy();
  const { status, headers, body } = answerFor(refusal, target);
  res.writeHead(status, { ...headers, connection: 'close' });
  res.end(body);
}

export function refuseStream(stream: ServerHttp2Stream, refusal: Refusal, target: Partial<Target>): void {
  if (stream.destroyed || stream.closed) return;
  if (stream.headersSent) return stream.close(2);
  const { status, headers, body } = answerFor(refusal, target);
  stream.respond({ ':status': status, ...headers });
  stream.end(body);
  // The rest of its body is not read; without this the stream would stay for as long as it likes.
  if (!stream.readableEnded) stream.resume().once('finish', () => stream.close());
}

/** Where no parser holds the connection: in answer to CONNECT, or to what could not be parsed. */
export function refuseRaw(duplex: Duplex, refusal: Refusal, target: Partial<Target>): void {
  if (duplex.destroyed || !duplex.writable) return void duplex.destroy();
  const { status, headers, body } = answerFor(refusal, target);
  const lines = Object.entries({ ...headers, connection: 'close' }).map(
    ([name, value]) => `${name}: ${value}`,
  );
  const head = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`, ...lines, '', ''].join('\r\n');
  duplex.end(head + body);
  // Unread bytes would hold the connection open.
  duplex.resume();
}

/** What a flight was cut for, as an answer. */
export function asRefusal(reason: DenyReason | FailReason): Refusal {
  const known = DenyReason.safeParse(reason);
  return known.success ? denial(known.data) : { verdict: 'fail', reason: reason as FailReason };
}
