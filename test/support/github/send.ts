/** Requests in and answers out, whole or cut. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { PassThrough, type Readable } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';

/** The request's body; once `afterBytes` have come, the connection is cut. */
export function bodyOf(request: IncomingMessage, cut: Cut | null): Readable {
  const body = new PassThrough();
  let size = 0;
  body.on('error', () => {});
  request.on('error', () => body.destroy());
  request.on('close', () => {
    if (!request.complete) body.destroy();
  });
  request.on('data', (chunk: Buffer) => {
    if (body.destroyed) return;
    size += chunk.length;
    if (cut && size >= cut.afterBytes) {
      cut.hit();
      body.destroy();
      request.socket.destroy();
    } else if (!body.write(chunk)) {
      request.pause();
      body.once('drain', () => request.resume());
    }
  });
  request.on('end', () => body.end());
  return body;
}

/** Where the connection ends, and what is to be told when it did: an answer that is shorter comes whole. */
export interface Cut {
  afterBytes: number;
  hit: () => void;
}

/** Never rejects: a client that went away is no failure here. True: all of it was sent. */
export async function send(
  response: ServerResponse,
  status: number,
  headers: Record<string, string>,
  body: Readable | Buffer,
  cut: Cut | null,
): Promise<boolean> {
  if (cut?.afterBytes === 0) {
    if (!Buffer.isBuffer(body)) body.destroy();
    cut.hit();
    response.destroy();
    return false;
  }
  if (Buffer.isBuffer(body) && status !== 304) response.setHeader('content-length', body.length);
  response.writeHead(status, headers);
  if (cut === null) {
    if (Buffer.isBuffer(body)) response.end(body);
    else pipeline(body, response).catch(() => {});
  } else {
    await sendUntil(response, Buffer.isBuffer(body) ? [body] : body, cut);
  }
  return finished(response).then(
    () => true,
    () => false,
  );
}

async function sendUntil(
  response: ServerResponse,
  chunks: Iterable<Buffer> | AsyncIterable<Buffer>,
  { afterBytes, hit }: Cut,
): Promise<void> {
  let left = afterBytes;
  for await (const chunk of chunks) {
    if (chunk.length >= left) {
      hit();
      // The bytes have to be on their way before the connection goes.
      await new Promise<void>((resolve) => response.write(chunk.subarray(0, left), () => resolve()));
      response.destroy();
      return;
    }
    left -= chunk.length;
    response.write(chunk);
  }
  response.end();
}
