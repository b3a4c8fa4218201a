/**
 * HTTP/2 inside a tunnel whose TLS ends here: one session with the client, one with the server, stream
 * by stream. Each stream is judged by itself; trailers and informational answers go through, which is
 * what gRPC needs.
 */
import { connect, constants, createSecureServer, sensitiveHeaders } from 'node:http2';
import type {
  ClientHttp2Session,
  ClientHttp2Stream,
  IncomingHttpHeaders,
  OutgoingHttpHeaders,
  ServerHttp2Session,
  ServerHttp2Stream,
} from 'node:http2';
import type { SecureContext } from 'node:tls';
import { headBytes } from './headers.ts';
import type { RequestHead } from '../policy/index.ts';
import { asRefusal, refuseStream } from './denials.ts';
import type { Refusal } from './denials.ts';
import { Failed } from './dial.ts';
import type { Flight } from './flight.ts';
import { clientRefused, identity } from './inside.ts';
import type { Secured, Tunnel } from './inside.ts';
import { pump } from './pump.ts';

/** As browsers allow; each stream costs memory on both sides. */
const STREAMS_MAX = 100;
/** What a server may send ahead of a slow reader: enough for 100 MB/s over 40 ms, and no more is held. */
const STREAM_WINDOW_BYTES = 4 * 1024 * 1024;
const SESSION_WINDOW_BYTES = 8 * 1024 * 1024;
/** What one session may hold, in the megabytes that `node:http2` counts in. */
const SESSION_MEMORY_MB = 32;
const HEADER_LIST_BYTES = 64 * 1024;
/** Fields of one HTTP/1 connection; HTTP/2 forbids them, and no peer of ours may send them on. */
const DROPPED = new Set([
  'host',
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authorization',
  'proxy-authenticate',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
]);

const SETTINGS = {
  enablePush: false,
  enableConnectProtocol: false,
  initialWindowSize: STREAM_WINDOW_BYTES,
  maxConcurrentStreams: STREAMS_MAX,
  maxHeaderListSize: HEADER_LIST_BYTES,
};

export function serveHttp2(tunnel: Tunnel, context: SecureContext, secured: Secured): void {
  const { client } = tunnel;
  const upstream = secured.ok ? openUpstream(tunnel, secured.tls) : null;
  const server = createSecureServer({
    ...identity(context),
    ALPNProtocols: ['h2'],
    settings: SETTINGS,
    maxSessionMemory: SESSION_MEMORY_MB,
    unknownProtocolTimeout: 1,
  });
  server.on('tlsClientError', () => clientRefused(tunnel));
  server.on('sessionError', () => client.destroy());
  server.on('session', (session) => {
    session.setLocalWindowSize(SESSION_WINDOW_BYTES);
    session.on('error', () => client.destroy());
    session.once('close', () => client.destroy());
    if (upstream) followUpstream(upstream, session);
  });
  server.on(
    'stream',
    (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, _flags: number, rawHeaders: string[]) => {
      stream.on('error', () => {});
      const gone = secured.ok ? new Failed('upstreamBroke') : secured.failed;
      void exchange(tunnel, upstream, gone, stream, headers, rawHeaders);
    },
  );
  server.emit('connection', client);
}

function openUpstream(
  { checked, client }: Tunnel,
  tls: Extract<Secured, { ok: true }>['tls'],
): ClientHttp2Session {
  const session = connect(`https://${checked.target.host}`, {
    createConnection: () => tls,
    settings: {
      enablePush: false,
      initialWindowSize: STREAM_WINDOW_BYTES,
      maxHeaderListSize: HEADER_LIST_BYTES,
    },
    maxSessionMemory: SESSION_MEMORY_MB,
  });
  session.on('error', () => session.destroy());
  session.once('connect', () => {
    if (!session.destroyed) session.setLocalWindowSize(SESSION_WINDOW_BYTES);
  });
  client.once('close', () => session.destroy());
  return session;
}

/** A server that takes no more requests: the client is told, and opens another tunnel. */
function followUpstream(upstream: ClientHttp2Session, session: ServerHttp2Session): void {
  const end = (): void => {
    if (!session.closed && !session.destroyed) session.close();
  };
  upstream.once('goaway', end);
  upstream.once('close', end);
  if (upstream.closed || upstream.destroyed) end();
}

async function exchange(
  { task, connection, checked, server }: Tunnel,
  upstream: ClientHttp2Session | null,
  gone: Failed,
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  rawHeaders: readonly string[],
): Promise<void> {
  const { target } = checked;
  const head: RequestHead = {
    method: headers[':method'] ?? '',
    url: headers[':path'] ?? '',
    httpVersion: '2.0',
    rawHeaders,
    endsWithHeaders: stream.endAfterHeaders,
  };
  connection.begin();
  stream.once('close', () => connection.done());
  const { host, port } = target;
  const flight = task.begin('request', target, head, { host, port, method: head.method });
  const refuse = (refusal: Refusal): void => refuseStream(stream, refusal, target);
  try {
    const verdict = task.judgeRequest(target, head);
    if (verdict.verdict === 'deny') {
      flight.finish('denied', verdict.reason);
      return refuse(verdict);
    }
    if (!upstream || upstream.closed || upstream.destroyed) throw gone;
    flight.address = server.address;
    task.meter(flight, 'out')(headBytes(rawHeaders));
    const outgoing = upstream.request(
      {
        ...passedOn(headers),
        ':method': head.method,
        ':scheme': 'https',
        ':authority': authorityOf(target),
        ':path': verdict.path,
      },
      { endStream: stream.endAfterHeaders, waitForTrailers: !stream.endAfterHeaders },
    );
    await relay(flight, task, stream, outgoing);
    flight.finish('allowed');
  } catch (error) {
    const reason = flight.why ?? (error instanceof Failed ? error.reason : 'upstreamBroke');
    flight.finish('failed', reason);
    refuse(
      flight.why === null ? { verdict: 'fail', reason: reason as Failed['reason'] } : asRefusal(flight.why),
    );
  }
}

/** Resolves when both are done, also when the client gave up; rejects when the server broke off. */
async function relay(
  flight: Flight,
  task: Tunnel['task'],
  stream: ServerHttp2Stream,
  outgoing: ClientHttp2Stream,
): Promise<void> {
  outgoing.on('error', () => {});
  const cut = (): void => outgoing.close(constants.NGHTTP2_CANCEL);
  flight.signal.addEventListener('abort', cut, { once: true });
  stream.once('close', cut);
  if (flight.signal.aborted || stream.destroyed) cut();

  if (!stream.endAfterHeaders) {
    let trailers: IncomingHttpHeaders | undefined;
    stream.once('trailers', (fields: IncomingHttpHeaders) => (trailers = fields));
    outgoing.once('wantTrailers', () => {
      if (!outgoing.destroyed) outgoing.sendTrailers(trailers ? passedOn(trailers) : {});
    });
    pump(stream, outgoing, task.meter(flight, 'out')).catch(() => {});
  }
  outgoing.on('headers', (fields: IncomingHttpHeaders) => {
    if (!stream.headersSent && !stream.destroyed) stream.additionalHeaders(passedOn(fields));
  });

  let trailers: IncomingHttpHeaders | undefined;
  outgoing.once('trailers', (fields: IncomingHttpHeaders) => (trailers = fields));
  const answer = await new Promise<IncomingHttpHeaders>((resolve, reject) => {
    outgoing.once('response', (fields: IncomingHttpHeaders) => {
      // Without this a stream without a body is read to its end before anyone looks.
      outgoing.pause();
      resolve(fields);
    });
    outgoing.once('close', () => reject(new Error('closed before the answer')));
  }).catch((error: unknown) => {
    if (stream.destroyed && !flight.signal.aborted) return null;
    throw error;
  });
  if (answer === null || stream.destroyed) return flight.signal.throwIfAborted();
  stream.respond(passedOn(answer), { waitForTrailers: true });
  stream.once('wantTrailers', () => {
    if (!stream.destroyed) stream.sendTrailers(trailers ? passedOn(trailers) : {});
  });
  try {
    await pump(outgoing, stream, task.meter(flight, 'in'));
    await new Promise<void>((resolve) => {
      if (stream.destroyed) resolve();
      else stream.once('close', resolve);
    });
  } catch (error) {
    if (!stream.destroyed) stream.close(outgoing.rstCode || constants.NGHTTP2_INTERNAL_ERROR);
    else if (!flight.signal.aborted) return;
    throw error;
  }
}

function passedOn(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  const kept: OutgoingHttpHeaders = {};
  for (const [name, value] of Object.entries(headers)) {
    if (name === ':status') kept[name] = Number(value);
    else if (!name.startsWith(':') && !DROPPED.has(name) && (name !== 'te' || value === 'trailers'))
      kept[name] = value;
  }
  // The types of Node don't know the symbol under which it keeps what must not be indexed.
  const from = headers as Record<symbol, unknown>;
  if (from[sensitiveHeaders]) (kept as Record<symbol, unknown>)[sensitiveHeaders] = from[sensitiveHeaders];
  return kept;
}

function authorityOf({ host, ip, port }: { host: string; ip: number; port: number }): string {
  const plain = ip === 6 ? `[${host}]` : host;
  return port === 443 ? plain : `${plain}:${port}`;
}
