/**
 * TLS that ends here: with the server first (its certificate is verified), then with the client, on a
 * certificate of our own, in the protocol that the server chose from what the client offered. So what
 * goes in as HTTP/2 comes out as HTTP/2, and nothing is translated.
 *
 * A server that can't be trusted or reached is told to the client inside, as a 502 to each request.
 */
import { createServer as createHttpsServer } from 'node:https';
import type { SecureContext } from 'node:tls';
import type { Hello } from './client-hello.ts';
import { Failed } from './dial.ts';
import { HTTP1_OPTIONS, refuseTunnels, serveHttp1 } from './http1.ts';
import { serveHttp2 } from './http2.ts';
import { clientRefused, identity } from './inside.ts';
import type { Secured, Tunnel } from './inside.ts';
import { closed } from './pump.ts';
import { CheckedAgent } from './upstream.ts';

const HTTP1 = 'http/1.1';
const HTTP2 = 'h2';

export async function intercept(tunnel: Tunnel, hello: Hello): Promise<void> {
  const { task, client, flight, checked, server } = tunnel;
  const offersHttp2 = hello.alpn.includes(HTTP2);
  const [context, secured] = await Promise.all([
    task.shared.authority.contextFor(checked.target.host),
    task.shared.upstream.secure(server.socket, checked, offersHttp2 ? [HTTP2, HTTP1] : [HTTP1]).then(
      (tls): Secured => ({ ok: true, tls }),
      (error: unknown): Secured => ({
        ok: false,
        failed: error instanceof Failed ? error : new Failed('upstreamCertificate', error),
      }),
    ),
  ]);
  flight.signal.throwIfAborted();
  if (client.destroyed) return;
  const http2 = secured.ok ? secured.tls.alpnProtocol === HTTP2 : offersHttp2 && !hello.alpn.includes(HTTP1);
  if (http2) serveHttp2(tunnel, context, secured);
  else serveInside(tunnel, context, secured);
  await closed(client);
  if (secured.ok) secured.tls.destroy();
  task.forget(flight);
}

function serveInside(tunnel: Tunnel, context: SecureContext, secured: Secured): void {
  const { task, connection, client, checked, server } = tunnel;
  let first: Secured | null = secured;
  const agent = new CheckedAgent(async (_checked, signal) => {
    const ready = first;
    first = null;
    if (ready && !ready.ok) throw ready.failed;
    if (ready && !ready.tls.destroyed) return { socket: ready.tls, address: server.address };
    const { socket, address } = await task.shared.dialer.connect(checked, signal);
    return { socket: await task.shared.upstream.secure(socket, checked, [HTTP1]), address };
  });
  const inner = createHttpsServer({
    ...HTTP1_OPTIONS,
    ALPNProtocols: [HTTP1],
    ...identity(context),
  });
  // Everything that `serveHttp1` uses is the same in both.
  serveHttp1(inner, task, connection, {
    target: () => ({ ok: true, value: checked.target }),
    check: () => Promise.resolve(checked),
    agent,
  });
  refuseTunnels(inner, task, connection);
  inner.on('tlsClientError', () => clientRefused(tunnel));
  inner.emit('connection', client);
  client.once('close', () => agent.destroy());
}
