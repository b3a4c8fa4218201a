/**
 * HTTP/1 of the sandbox, plain or inside a TLS that ends here, forwarded to the server it names.
 *
 * For each request, also the hundredth on a connection: whom it is for, whether that is allowed,
 * where that leads, and only then a byte to anyone. Bodies stream both ways. Node's server never
 * listens here, so none of its timeouts work: `Connection` and `Flight` carry ours.
 */
import { ServerResponse } from 'node:http';
import type { Agent, IncomingMessage, Server, ServerOptions } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Denial, RequestHead, Target } from '../policy/index.ts';
import type { Connection } from './connection.ts';
import { asRefusal, denial, refuse, refuseRaw } from './denials.ts';
import type { Refusal } from './denials.ts';
import type { Checked } from './dial.ts';
import { Failed } from './dial.ts';
import type { Flight } from './flight.ts';
import { HEAD_MAX_BYTES, joinWebSocket, relay } from './forward.ts';
import type { Exchange } from './forward.ts';
import { valuesOf } from './headers.ts';
import type { TaskCore } from './task.ts';

export const HTTP1_OPTIONS: ServerOptions = {
  maxHeaderSize: HEAD_MAX_BYTES,
  insecureHTTPParser: false,
  // `checkRequest` says what is wrong with `Host`, in words.
  requireHostHeader: false,
  keepAliveTimeout: 0,
  noDelay: true,
  shouldUpgradeCallback: (request) => /^websocket$/i.test(request.headers.upgrade ?? ''),
};

/** What differs between a plain proxy and the inside of a tunnel. */
export interface Http1Side {
  target(url: string): { ok: true; value: Target } | { ok: false; denial: Denial };
  check(flight: Flight, target: Target): Promise<Checked | Denial>;
  agent: Agent;
}

/** Answers this connection's requests; `server` must be its own. */
export function serveHttp1(server: Server, task: TaskCore, connection: Connection, side: Http1Side): void {
  // All of them: a `Host` behind the last one that is looked at would be one that is not checked.
  server.maxHeadersCount = 0;

  const answer = (req: IncomingMessage, res: ServerResponse): void => {
    connection.begin();
    res.once('close', () => connection.done());
    req.on('error', () => {});
    res.on('error', () => {});
    void exchange(
      task,
      side,
      req,
      (refusal, target) => refuse(res, refusal, target),
      (permitted) => relay(permitted, req, res),
    );
  };
  server.on('request', answer);
  server.on('checkContinue', answer);
  server.on('upgrade', (req, socket: Duplex, head: Buffer) => {
    // A WebSocket behind a request that is not answered yet: whose answer comes first?
    if (connection.busy) return void socket.destroy();
    connection.begin();
    socket.once('close', () => connection.done());
    socket.on('error', () => socket.destroy());
    const res = new ServerResponse(req);
    res.shouldKeepAlive = false;
    res.assignSocket(socket as never);
    res.once('finish', () => socket.end());
    void exchange(
      task,
      side,
      req,
      (refusal, target) => refuse(res, refusal, target),
      (permitted) => joinWebSocket(permitted, req, res, socket, head),
    );
  });
  server.on('clientError', (_error, socket) => {
    // In the middle of a request there is no answer to give but the one that may be on its way.
    if (connection.busy) return void socket.end(() => socket.destroy());
    if (!socket.destroyed && socket.writable) logMalformed(task);
    refuseRaw(socket, denial('badRequest', { problem: 'syntax' }), {});
  });
}

/** Inside a tunnel there is none to open: Node would hang up without a word, and without an entry. */
export function refuseTunnels(server: Server, task: TaskCore, connection: Connection): void {
  server.on('connect', (_req, socket: Duplex) => {
    socket.on('error', () => socket.destroy());
    // Behind a request that is not answered yet: the two answers could not be told apart.
    if (connection.busy) return void socket.destroy();
    const why = denial('badRequest', { problem: 'connectInside' });
    const flight = task.begin('request', null, null, { host: '', port: null, method: 'CONNECT' });
    flight.finish('denied', why.reason);
    refuseRaw(socket, why, {});
  });
}

/** Judges one request and has it carried out; whatever happens, its flight ends. */
async function exchange(
  task: TaskCore,
  side: Http1Side,
  req: IncomingMessage,
  refused: (refusal: Refusal, target: Partial<Target>) => void,
  carryOut: (permitted: Exchange) => Promise<void>,
): Promise<void> {
  const head = headOf(req);
  const named = side.target(head.url);
  const target = named.ok ? named.value : null;
  const flight = task.begin('request', target, head, {
    host: target?.host ?? '',
    port: target?.port ?? null,
    method: head.method,
  });
  const deny = (why: Denial): void => {
    flight.finish('denied', why.reason);
    refused(why, target ?? {});
  };
  try {
    if (!named.ok) return deny(named.denial);
    const verdict = task.judgeRequest(named.value, head);
    if (verdict.verdict === 'deny') return deny(verdict);
    const checked = await side.check(flight, named.value);
    if ('verdict' in checked) return deny(checked);
    await carryOut({ task, flight, checked, agent: side.agent, path: verdict.path });
    flight.finish('allowed');
  } catch (error) {
    if (flight.why !== null && flight.signal.aborted) {
      const reason = flight.why;
      flight.finish('failed');
      return refused(asRefusal(reason), target ?? {});
    }
    const reason = error instanceof Failed ? error.reason : 'upstreamBroke';
    flight.finish('failed', reason);
    refused({ verdict: 'fail', reason }, target ?? {});
  }
}

/** An offer to go on in HTTP/2 without TLS may be passed over (RFC 9110 §7.8), and it is. */
function headOf(req: IncomingMessage): RequestHead {
  const { rawHeaders } = req;
  const upgrade = valuesOf(rawHeaders, 'upgrade');
  const offersHttp2 = upgrade.length === 1 && upgrade[0]?.toLowerCase() === 'h2c';
  return {
    method: req.method ?? '',
    url: req.url ?? '',
    httpVersion: req.httpVersion,
    rawHeaders: offersHttp2 ? without(rawHeaders, 'upgrade') : rawHeaders,
  };
}

function without(raw: readonly string[], name: string): string[] {
  return raw.filter((_text, at) => raw[at - (at % 2)]?.toLowerCase() !== name);
}

function logMalformed(task: TaskCore): void {
  task.begin('request', null, null, { host: '', port: null, method: '' }).finish('denied', 'badRequest');
}
