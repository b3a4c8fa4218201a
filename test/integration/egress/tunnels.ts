/** What the tests of the proxy do again and again. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import { readFileSync } from 'node:fs';
import { HOST, startProxy } from './harness.ts';
import type { Harness, Options } from './harness.ts';

export async function withProxy(options: Options, body: (proxy: Harness) => Promise<void>): Promise<void> {
  const proxy = await startProxy(options);
  try {
    await body(proxy);
  } finally {
    await proxy.close();
  }
}

export function allow(proxy: Harness, port: number, change: Parameters<Harness['policy']>[0] = {}): void {
  proxy.task.setPolicy(proxy.policy({ allow: [`${HOST}:${port}`], ...change }), 'agent');
}

/** A tunnel with TLS in it, as a program in the sandbox opens one. */
export async function openTls(proxy: Harness, port: number, alpn: string[] = []): Promise<TLSSocket> {
  const socket = proxy.raw();
  socket.write(`CONNECT ${HOST}:${port} HTTP/1.1\r\n\r\n`);
  const [answer] = (await once(socket, 'data')) as [Buffer];
  assert.match(answer.toString(), /^HTTP\/1.1 200/);
  const ca = [readFileSync(proxy.authorityFile, 'utf8'), readFileSync(proxy.serverCaFile, 'utf8')];
  const tls = connectTls({ socket, servername: HOST, ca, ALPNProtocols: alpn });
  tls.on('error', () => {});
  await once(tls, 'secureConnect');
  return tls;
}

/** Until it is cut: with an end, a reset or a failed write. */
export function gone(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    for (const event of ['end', 'close', 'error']) socket.once(event, () => resolve());
    socket.resume();
  });
}
