/** Requests in and answers out, whole or cut. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { PassThrough, type Readable } from 'node:stream';
import { finished } from 'node:stream/promises';

/** The request's body; once `afterBytes` have come, the connection is cut. */
export function bodyOf(request: IncomingMessage, cut: { afterBytes: number; hit(): void } | null): Readable {
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

/** Never rejects: a client that went away is no failure here. True: all of it was sent. */
export async function send(
  response: ServerResponse,
  status: number,
  headers: Record<string, string>,
  body: Readable | Buffer,
  cutAfter: number | null,
): Promise<boolean> {
  if (cutAfter === 0) {
    if (!Buffer.isBuffer(body)) body.destroy();
    response.destroy();
    return false;
  }
  if (Buffer.isBuffer(body)) {
    response.writeHead(status, {
      ...headers,
      ...(status === 304 ? {} : { 'content-length': String(body.length) }),
    });
    if (cutAfter === null) response.end(body);
    else await cutOff(response, body.subarray(0, cutAfter));
  } else {
    response.writeHead(status, headers);
    if (cutAfter === null) body.pipe(response);
    else await streamUntil(response, body, cutAfter);
  }
  return finished(response).then(
    () => true,
    () => false,
  );
}

async function streamUntil(response: ServerResponse, body: Readable, cutAfter: number): Promise<void> {
  let left = cutAfter;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    if (chunk.length >= left) {
      await cutOff(response, chunk.subarray(0, left));
      return;
    }
    left -= chunk.length;
    response.write(chunk);
  }
  response.end();
}

/** The bytes have to be on their way before the connection goes. */
async function cutOff(response: ServerResponse, last: Buffer): Promise<void> {
  await new Promise<void>((resolve) => response.write(last, () => resolve()));
  response.destroy();
}
