/**
 * One permitted HTTP/1 exchange: the request to the server, its answer back, both as they stream, with
 * trailers and `100-continue`; or the two byte streams of a WebSocket. Judges nothing.
 */
import { request } from 'node:http';
import type { Agent, ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Checked } from './dial.ts';
import type { Flight } from './flight.ts';
import { endToEnd, framingOf, headBytes, requestHeaders } from './headers.ts';
import { pump } from './pump.ts';
import type { TaskCore } from './task.ts';
import { CheckedAgent } from './upstream.ts';

/** Cookies and tokens of some services pass Node's 16 KiB; a head is never more than this. */
export const HEAD_MAX_BYTES = 64 * 1024;

export interface Exchange {
  task: TaskCore;
  flight: Flight;
  checked: Checked;
  agent: Agent;
  path: string;
}

/** Resolves when both sides are done, also when the client hung up; rejects when the server broke off. */
export async function relay(exchange: Exchange, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const { task, flight } = exchange;
  const hasBody = framingOf(req.rawHeaders) !== 'none';
  const outgoing = send(exchange, req, false);
  const onGone = (): void => {
    if (!res.writableFinished) outgoing.destroy();
  };
  res.once('close', onGone);
  if (res.destroyed) onGone();
  outgoing.on('continue', () => {
    if (!res.headersSent) res.writeContinue();
  });

  let uploaded = !hasBody;
  if (hasBody) {
    outgoing.flushHeaders();
    pump(req, outgoing, task.meter(flight, 'out'), false).then(
      () => {
        uploaded = true;
        outgoing.addTrailers(pairs(req.rawTrailers));
        outgoing.end();
      },
      // The server may have refused the rest, and its answer says so; if not, its error does.
      () => {},
    );
  } else {
    outgoing.end();
  }

  try {
    const answer = await answerOf(outgoing);
    task.meter(flight, 'in')(headBytes(answer.rawHeaders));
    // A server that answers early leaves a body that nobody reads: this connection ends with it.
    if (!uploaded) res.shouldKeepAlive = false;
    await relayAnswer(exchange, answer, res);
    if (!uploaded) outgoing.destroy();
  } catch (error) {
    outgoing.destroy();
    if (!res.destroyed || flight.signal.aborted) throw error;
  } finally {
    res.off('close', onGone);
  }
}

export async function joinWebSocket(
  exchange: Exchange,
  req: IncomingMessage,
  res: ServerResponse,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  const { task, flight } = exchange;
  const outgoing = send(exchange, req, true);
  const onGone = (): void => void outgoing.destroy();
  socket.once('close', onGone);
  outgoing.end();
  const first = await new Promise<IncomingMessage | { answer: IncomingMessage; other: Duplex; head: Buffer }>(
    (resolve, reject) => {
      outgoing.once('upgrade', (answer, other, bytes) => resolve({ answer, other, head: bytes }));
      outgoing.once('response', resolve);
      outgoing.once('error', reject);
    },
  );
  if (!('other' in first)) return relayAnswer(exchange, first, res);

  const { answer, other } = first;
  const cut = (): void => {
    other.destroy();
    socket.destroy();
  };
  other.on('error', () => other.destroy());
  flight.signal.addEventListener('abort', cut, { once: true });
  if (flight.signal.aborted) cut();
  res.detachSocket(socket as never);
  const lines = pairs(answer.rawHeaders).map(([name, value]) => `${name}: ${value}`);
  socket.write(['HTTP/1.1 101 Switching Protocols', ...lines, '', ''].join('\r\n'), 'latin1');
  if (first.head.length > 0) other.unshift(first.head);
  if (head.length > 0) socket.unshift(head);
  await bothWays(socket, other, task.meter(flight, 'out'), task.meter(flight, 'in'));
  flight.signal.throwIfAborted();
}

/** Until both have ended; one that breaks off ends the other. Never rejects. */
export async function bothWays(
  client: Duplex,
  server: Duplex,
  out: (bytes: number) => number,
  back: (bytes: number) => number,
): Promise<void> {
  const cut = (): void => {
    client.destroy();
    server.destroy();
  };
  await Promise.all([pump(client, server, out).catch(cut), pump(server, client, back).catch(cut)]);
  // Both have been told their end; what is still in their buffers goes out before they close.
  if (client.writableFinished) client.destroy();
  else client.once('finish', () => client.destroy());
  if (server.writableFinished) server.destroy();
  else server.once('finish', () => server.destroy());
}

function send(
  { task, flight, checked, agent, path }: Exchange,
  req: IncomingMessage,
  upgrade: boolean,
): ClientRequest {
  const { target, addresses } = checked;
  const method = req.method ?? 'GET';
  const plain = target.ip === 6 ? `[${target.host}]` : target.host;
  const host = target.port === (target.scheme === 'http' ? 80 : 443) ? plain : `${plain}:${target.port}`;
  const headers = requestHeaders(method, req.rawHeaders, host, { upgrade });
  task.meter(flight, 'out')(headBytes(headers) + path.length);
  const options = {
    agent,
    method,
    path,
    headers,
    setHost: false,
    maxHeaderSize: HEAD_MAX_BYTES,
    // The pool's key: only a connection to an address that was checked for this request is taken.
    host: addresses[0] ?? target.host,
    port: target.port,
    checked,
    flightSignal: flight.signal,
  };
  const outgoing = request(options);
  outgoing.on('error', () => {});
  outgoing.once('socket', (socket) => {
    flight.address = agent instanceof CheckedAgent ? agent.addressOf(socket) : null;
  });
  const cut = (): void => void outgoing.destroy();
  flight.signal.addEventListener('abort', cut, { once: true });
  if (flight.signal.aborted) cut();
  return outgoing;
}

function answerOf(outgoing: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    outgoing.once('response', resolve);
    outgoing.once('error', reject);
    outgoing.once('close', () => reject(new Error('closed before the answer')));
  });
}

async function relayAnswer(
  { task, flight }: Exchange,
  answer: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  answer.on('error', () => {});
  const cut = (): void => void answer.destroy();
  flight.signal.addEventListener('abort', cut, { once: true });
  if (flight.signal.aborted) cut();
  res.sendDate = false;
  res.writeHead(answer.statusCode ?? 502, answer.statusMessage, endToEnd(answer.rawHeaders));
  await pump(answer, res, task.meter(flight, 'in'), false);
  res.addTrailers(pairs(answer.rawTrailers));
  res.end();
  await new Promise<void>((resolve) => {
    if (res.writableFinished || res.destroyed) resolve();
    else res.once('finish', resolve).once('close', resolve);
  });
}

function pairs(raw: readonly string[]): [string, string][] {
  const list: [string, string][] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) list.push([raw[at] ?? '', raw[at + 1] ?? '']);
  return list;
}
