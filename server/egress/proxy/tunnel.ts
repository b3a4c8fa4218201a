/**
 * CONNECT. In order: read the authority strictly, judge the name, resolve and judge the addresses,
 * dial, answer 200, read the ClientHello, compare its name with the authority; then either the bytes
 * go on as they are, or the TLS ends here (`intercept.ts`). What is not TLS goes nowhere where TLS is
 * due (port 443, or when requests must be seen); on port 80 it is HTTP and judged as such.
 */
import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:http';
import type { Duplex } from 'node:stream';
import { checkServerName, parseAuthority } from '../policy/index.ts';
import type { Denial, Target } from '../policy/index.ts';
import { readClientHello } from './client-hello.ts';
import type { Hello } from './client-hello.ts';
import type { Connection } from './connection.ts';
import { asRefusal, denial, refuseRaw } from './denials.ts';
import type { Checked, Connected } from './dial.ts';
import { Failed } from './dial.ts';
import { bothWays } from './forward.ts';
import { valuesOf } from './headers.ts';
import { HTTP1_OPTIONS, refuseTunnels, serveHttp1 } from './http1.ts';
import type { Tunnel } from './inside.ts';
import { intercept } from './intercept.ts';
import { closed } from './pump.ts';
import type { TaskCore } from './task.ts';
import { CheckedAgent } from './upstream.ts';

/** RFC 8446 §6: `unrecognized_name`, fatal. Clearer to a client than a connection that just ends. */
const WRONG_NAME_ALERT = Buffer.from([21, 3, 3, 0, 2, 2, 112]);

export async function openTunnel(
  task: TaskCore,
  connection: Connection,
  req: IncomingMessage,
  client: Duplex,
  head: Buffer,
): Promise<void> {
  const asked = readTarget(req);
  const target = asked.ok ? asked.value : null;
  const verdict = target ? task.judge(target) : null;
  const intercepted = verdict?.verdict === 'allow' && verdict.intercept;
  const flight = task.begin(intercepted ? 'intercepted' : 'tunnel', target, null, {
    host: target?.host ?? '',
    port: target?.port ?? null,
    method: 'CONNECT',
  });
  const deny = (why: Denial): void => {
    flight.finish('denied', why.reason);
    refuseRaw(client, why, target ?? {});
  };
  const cut = (): void => void client.destroy();
  try {
    if (!asked.ok) return deny(asked.denial);
    if (verdict?.verdict === 'deny') return deny(verdict);
    const checked = await task.check(flight, asked.value);
    if ('verdict' in checked) return deny(checked);
    const server = await task.shared.dialer.connect(checked, flight.signal);
    server.socket.on('error', () => server.socket.destroy());
    client.once('close', () => server.socket.destroy());
    flight.signal.addEventListener('abort', cut, { once: true });
    if (client.destroyed || client.readableEnded) return cut();
    flight.address = server.address;
    client.write('HTTP/1.1 200 Connection established\r\n\r\n');
    if (head.length > 0) client.unshift(head);
    await goOn({ task, connection, client, flight, checked, server }, intercepted);
  } catch (error) {
    const reason = flight.why ?? (error instanceof Failed ? error.reason : 'upstreamBroke');
    flight.finish('failed', reason);
    refuseRaw(client, asRefusal(reason), target ?? {});
  } finally {
    // Hung up before it came to anything.
    flight.finish(
      flight.address === null ? 'failed' : 'allowed',
      flight.address === null ? 'upstreamBroke' : null,
    );
  }
}

/** The authority, and nothing beside it that could mean something else (Node reads neither). */
function readTarget(req: IncomingMessage): { ok: true; value: Target } | { ok: false; denial: Denial } {
  const parsed = parseAuthority(req.url ?? '', 'connect');
  if (!parsed.ok) return parsed;
  const { host, ip, port } = parsed.value;
  if (port === null) return { ok: false, denial: denial('badAuthority', { asked: '' }) };
  for (const name of ['content-length', 'transfer-encoding', 'upgrade']) {
    if (valuesOf(req.rawHeaders, name).length > 0)
      return { ok: false, denial: denial('badRequest', { problem: name }) };
  }
  const hosts = valuesOf(req.rawHeaders, 'host');
  if (hosts.length > 1) return { ok: false, denial: denial('badRequest', { problem: 'host' }) };
  for (const text of hosts) {
    const named = parseAuthority(text, 'host');
    if (!named.ok) return named;
    if (named.value.host !== host || (named.value.port ?? port) !== port)
      return { ok: false, denial: denial('authorityMismatch', { host, port, asked: text.slice(0, 100) }) };
  }
  return { ok: true, value: { scheme: 'https', host, ip, port } };
}

async function goOn(tunnel: Tunnel, intercepted: boolean): Promise<void> {
  const { task, connection, client, flight, checked, server } = tunnel;
  const { target } = checked;
  const hello = await firstBytes(client);
  if (hello === null) return;
  flight.signal.throwIfAborted();
  const verdict = checkServerName(target, hello.facts, intercepted);
  if (verdict.verdict === 'deny' && !(verdict.reason === 'notTls' && !intercepted && target.port !== 443)) {
    flight.finish('denied', verdict.reason);
    if (hello.facts.tls) client.end(WRONG_NAME_ALERT);
    else client.destroy();
    return;
  }
  if (intercepted) return intercept(tunnel, hello);
  if (!hello.facts.tls && target.port === 80) return plainInside(tunnel);
  connection.begin();
  const out = task.meter(flight, 'out');
  await bothWays(client, server.socket, out, task.meter(flight, 'in'));
  connection.done();
  flight.finish('allowed');
}

/** Null when the client hung up first. Waiting without end is `Connection`'s business. */
function firstBytes(client: Duplex): Promise<Hello | null> {
  return new Promise((resolve) => {
    let bytes = Buffer.alloc(0);
    const settle = (hello: Hello | null): void => {
      client.off('readable', onReadable).off('end', onEnd).off('close', onEnd);
      if (bytes.length > 0 && !client.readableEnded) client.unshift(bytes);
      resolve(hello);
    };
    const onEnd = (): void => settle(null);
    const onReadable = (): void => {
      for (let chunk: Buffer | null; (chunk = client.read() as Buffer | null) !== null;) {
        bytes = Buffer.concat([bytes, chunk]);
        const hello = readClientHello(bytes);
        if (hello) return settle(hello);
      }
    };
    client.on('readable', onReadable).once('end', onEnd).once('close', onEnd);
    if (client.destroyed) onEnd();
  });
}

/** `CONNECT host:80` with HTTP in it, as clients for WebSockets do: every request is judged. */
async function plainInside({ task, connection, client, flight, checked, server }: Tunnel): Promise<void> {
  const target: Target = { ...checked.target, scheme: 'http' };
  const inside: Checked = { ...checked, target };
  let first: Connected | null = server;
  const agent = new CheckedAgent((_checked, signal) => {
    const ready = first;
    first = null;
    return ready && !ready.socket.destroyed
      ? Promise.resolve(ready)
      : task.shared.dialer.connect(inside, signal);
  });
  const inner = createServer(HTTP1_OPTIONS);
  serveHttp1(inner, task, connection, {
    target: () => ({ ok: true, value: target }),
    check: () => Promise.resolve(inside),
    agent,
  });
  refuseTunnels(inner, task, connection);
  inner.emit('connection', client);
  await closed(client);
  agent.destroy();
  task.forget(flight);
}
