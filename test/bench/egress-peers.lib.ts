/** The processes around the proxy in `egress.ts`: a server, a sandbox with its end of the door, a client. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { performServerHandshake } from 'node:http2';
import type { ServerHttp2Stream } from 'node:http2';
import { createServer as createHttps } from 'node:https';
import { connect as connectTcp, createServer as createTcp } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { connect as connectTls } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import {
  DOOR_SESSION_MEMORY_MB,
  DOOR_SESSION_WINDOW_BYTES,
  DOOR_STREAM_WINDOW_BYTES,
} from '../../protocol/door.ts';

export interface Job {
  what: string;
  /** 0: without a proxy. */
  proxy: number;
  port: number;
  host: string;
  /** PEM file. */
  trust: string;
  bytes: number;
  requests: number;
  tunnels: number;
}

/** Starts one, and waits for its first line. */
export async function startPeer(role: string, args: string[]): Promise<{ said: string; end: () => void }> {
  const child = spawn(process.execPath, ['--no-warnings', import.meta.filename, role, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout });
  const [said] = (await Promise.race([
    once(lines, 'line'),
    once(child, 'exit').then(() => Promise.reject(new Error(`${role} ended`))),
  ])) as [string];
  return { said, end: () => void child.kill() };
}

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** `/N` answers N bytes. */
async function server(file: string): Promise<void> {
  const tls = JSON.parse(readFileSync(file, 'utf8')) as { key: string; cert: string };
  const chunk = Buffer.alloc(256 * 1024);
  const https = createHttps(tls, (req, res) => {
    let left = Number((req.url ?? '').slice(1)) || 0;
    res.writeHead(200, { 'content-length': left });
    const more = (): void => {
      while (left > 0) {
        const part = chunk.subarray(0, Math.min(left, chunk.length));
        left -= part.length;
        if (!res.write(part) && left > 0) return void res.once('drain', more);
      }
      res.end();
    };
    more();
  });
  console.log(String(await listen(https)));
}

/** Pairs connections to the proxy's port with streams that the backend holds open, as the runner does. */
async function sandbox(): Promise<void> {
  const waiting: Socket[] = [];
  const accepting: ServerHttp2Stream[] = [];
  const pair = (): void => {
    while (waiting.length > 0 && accepting.length > 0) {
      const [socket, stream] = [waiting.shift() as Socket, accepting.shift() as ServerHttp2Stream];
      stream.respond({ ':status': 200 });
      stream.once('close', () => socket.destroySoon());
      socket.once('close', () => stream.close());
      socket.pipe(stream);
      stream.pipe(socket);
    }
  };
  const door = createTcp({ noDelay: true }, (channel) => {
    const session = performServerHandshake(channel, {
      settings: { initialWindowSize: DOOR_STREAM_WINDOW_BYTES, enablePush: false },
      maxSessionMemory: DOOR_SESSION_MEMORY_MB,
    });
    session.setLocalWindowSize(DOOR_SESSION_WINDOW_BYTES);
    session.on('error', () => channel.destroy());
    session.on('stream', (stream: ServerHttp2Stream) => {
      stream.on('error', () => {});
      accepting.push(stream);
      pair();
    });
  });
  const proxy = createTcp({ allowHalfOpen: true, noDelay: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    waiting.push(socket);
    pair();
  });
  console.log(`${await listen(door)} ${await listen(proxy)}`);
}

async function openTunnel(job: Job, ca: Buffer): Promise<TLSSocket> {
  const socket = connectTcp({ host: '127.0.0.1', port: job.proxy || job.port, noDelay: true });
  await once(socket, 'connect');
  if (job.proxy) {
    socket.write(`CONNECT ${job.host}:${job.port} HTTP/1.1\r\nHost: ${job.host}:${job.port}\r\n\r\n`);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    if (!/^HTTP\/1.. 200/.test(answer.toString())) throw new Error(answer.toString());
    socket.removeAllListeners('data');
  }
  const tls = connectTls({ socket, servername: job.host, ca, ALPNProtocols: ['http/1.1'] });
  await once(tls, 'secureConnect');
  return tls;
}

/** One request on an open connection; until all of its bytes are there. */
function get(tls: TLSSocket, job: Job, bytes: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let head = '';
    let left = -1;
    const onData = (chunk: Buffer): void => {
      if (left >= 0) left -= chunk.length;
      else {
        head += chunk.toString('latin1');
        const end = head.indexOf('\r\n\r\n');
        if (end < 0) return;
        if (!/^HTTP\/1.1 200/.test(head)) return reject(new Error(head));
        left = bytes - (head.length - end - 4);
      }
      if (left > 0) return;
      tls.off('data', onData);
      resolve();
    };
    tls.on('data', onData);
    tls.once('close', () => reject(new Error('closed')));
    tls.write(`GET /${bytes} HTTP/1.1\r\nHost: ${job.host}:${job.port}\r\n\r\n`);
  });
}

async function client(job: Job): Promise<void> {
  const ca = readFileSync(job.trust);
  if (job.what === 'tunnels') {
    const started = performance.now();
    await Promise.all(
      Array.from({ length: job.tunnels }, async () => get(await openTunnel(job, ca), job, 1_000)),
    );
    console.log(String(performance.now() - started));
  } else if (job.what === 'bulk') {
    const tls = await openTunnel(job, ca);
    const started = performance.now();
    await get(tls, job, job.bytes);
    console.log(String(job.bytes / 1e6 / ((performance.now() - started) / 1_000)));
  } else {
    const tls = await openTunnel(job, ca);
    const times: number[] = [];
    for (let at = 0; at < job.requests; at++) {
      const started = performance.now();
      await get(tls, job, 1_000);
      times.push(performance.now() - started);
    }
    console.log(String(times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)]));
  }
  process.exit(0);
}

if (process.argv[1] === import.meta.filename) {
  const [role, argument = ''] = process.argv.slice(2);
  if (role === 'server') await server(argument);
  if (role === 'sandbox') await sandbox();
  if (role === 'client') await client(JSON.parse(argument) as Job);
}
