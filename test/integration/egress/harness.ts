/**
 * A proxy as a task has it, in front of real servers on loopback: every name under `example.test`
 * resolves to 127.0.0.1, and the owner lets that through. What was dialled is written down.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, RequestListener, Server as HttpServer, ServerResponse } from 'node:http';
import { createServer as createHttp } from 'node:http';
import { createSecureServer } from 'node:http2';
import type { Http2SecureServer, Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import { createServer as createHttps } from 'node:https';
import { connect as connectTcp, createServer as createTcp } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import type { AccessPolicy } from '../../../protocol/egress.ts';
import {
  makeAuthority,
  makeLeaf,
  makeLeafKey,
  readAuthority,
} from '../../../server/egress/authority/certificates.ts';
import { openAuthority } from '../../../server/egress/authority/index.ts';
import type { OwnerRules } from '../../../server/egress/policy/index.ts';
import { createEgress } from '../../../server/egress/proxy/index.ts';
import type {
  EgressLogEntry,
  EgressTask,
  EgressTimes,
  TaskOptions,
} from '../../../server/egress/proxy/index.ts';

export const HOST = 'www.example.test';
export const CAPS = { connections: 256, bytes: 1e12, bytesPerSecond: 1e12 };

export interface Options {
  policy?: Partial<AccessPolicy>;
  owner?: Partial<OwnerRules>;
  task?: Partial<TaskOptions>;
  times?: Partial<EgressTimes>;
  resolve?: (host: string) => Promise<string[]>;
}

export interface Harness {
  task: EgressTask;
  log: EgressLogEntry[];
  /** `address:port` of everything that was dialled. */
  dialled: string[];
  limits: string[];
  proxyPort: number;
  /** PEM files: what a client in the sandbox trusts, and what the test's servers are signed by. */
  authorityFile: string;
  serverCaFile: string;
  tls: { key: string; cert: string };
  dir: string;
  policy(change: Partial<AccessPolicy>): AccessPolicy;
  listen(server: Server | HttpServer | Http2SecureServer): Promise<number>;
  http(handler: RequestListener): Promise<number>;
  https(handler: RequestListener): Promise<number>;
  http2(handler: (req: Http2ServerRequest, res: Http2ServerResponse) => void): Promise<number>;
  curl(...args: string[]): Promise<Ran>;
  /** A raw connection to the proxy. */
  raw(): Socket;
  /** What a raw connection answers until it ends. */
  say(text: string): Promise<string>;
  entry(match: (entry: EgressLogEntry) => boolean): Promise<EgressLogEntry>;
  close(): Promise<void>;
}

export interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

export async function startProxy(options: Options = {}): Promise<Harness> {
  const dir = mkdtempSync(join(tmpdir(), 'codex-egress-'));
  const ca = await makeAuthority();
  const leafKey = await makeLeafKey();
  const leaf = await makeLeaf(await readAuthority(ca.key, ca.certificate), leafKey, '*.example.test');
  const serverCaFile = join(dir, 'servers.pem');
  writeFileSync(serverCaFile, ca.certificate);
  const authority = await openAuthority(join(dir, 'authority'));
  const authorityFile = join(dir, 'authority', 'authority.crt.pem');

  const log: EgressLogEntry[] = [];
  const waiting = new Set<() => void>();
  const dialled: string[] = [];
  const limits: string[] = [];
  const servers: Server[] = [];
  const sockets = new Set<Socket>();
  const owner: OwnerRules = {
    allowPrivate: [{ host: 'example.test', cidr: '127.0.0.1/32' }],
    intercept: 'whenNeeded',
    extraCa: serverCaFile,
    ...options.owner,
  };
  const policy = (change: Partial<AccessPolicy>): AccessPolicy => ({
    access: 'on',
    preset: 'none',
    allow: [],
    deny: [],
    methods: 'all',
    ...change,
  });
  const egress = createEgress({
    authority,
    owner,
    log: (entry) => {
      log.push(entry);
      for (const look of waiting) look();
    },
    resolve: options.resolve ?? (() => Promise.resolve(['127.0.0.1'])),
    dial: (address, port) => {
      dialled.push(`${address}:${port}`);
      return connectTcp({ host: address, port, allowHalfOpen: true, noDelay: true });
    },
    ...(options.times ? { times: options.times } : {}),
  });
  const task = egress.openTask({
    taskId: 't1',
    attempt: 1,
    phase: 'agent',
    policy: policy(options.policy ?? {}),
    caps: CAPS,
    onLimit: (limit) => limits.push(limit),
    ...options.task,
  });
  const listen = (server: Server | HttpServer | Http2SecureServer): Promise<number> => {
    servers.push(server);
    server.on('connection', (socket: Socket) => {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.once('close', () => sockets.delete(socket));
    });
    return new Promise((resolve) =>
      server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)),
    );
  };
  const proxyPort = await listen(
    createTcp({ allowHalfOpen: true, noDelay: true }, (socket: Duplex) => task.accept(socket)),
  );
  const tls = { key: leafKey.pem, cert: leaf };
  const raw = (): Socket => {
    const socket = connectTcp({ port: proxyPort, host: '127.0.0.1', allowHalfOpen: true });
    socket.on('error', () => {});
    return socket;
  };
  return {
    task,
    log,
    dialled,
    limits,
    proxyPort,
    authorityFile,
    serverCaFile,
    tls,
    dir,
    policy,
    listen,
    raw,
    http: (handler) => listen(createHttp(handler)),
    https: (handler) => listen(createHttps(tls, handler)),
    http2: (handler) => listen(createSecureServer({ ...tls, allowHTTP1: true }, handler)),
    curl: (...args) =>
      run('curl', ['-sS', '--max-time', '20', '-x', `http://127.0.0.1:${proxyPort}`, ...args], {
        no_proxy: '',
        NO_PROXY: '',
      }),
    say: (text) =>
      new Promise((resolve) => {
        const socket = raw();
        let answer = '';
        socket.setEncoding('latin1').on('data', (chunk: string) => (answer += chunk));
        socket.once('close', () => resolve(answer)).once('end', () => socket.end());
        socket.write(text, 'latin1');
      }),
    entry: (match) =>
      new Promise((resolve) => {
        const look = (): void => {
          const found = log.find(match);
          if (!found) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
      }),
    async close() {
      task.close();
      for (const socket of sockets) socket.destroy();
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

export function run(
  command: string,
  args: string[],
  env: Record<string, string> = {},
  cwd?: string,
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      env: { PATH: process.env['PATH'] ?? '', HOME: tmpdir(), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 30_000,
      ...(cwd === undefined ? {} : { cwd }),
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('latin1').on('data', (chunk: string) => (stdout += chunk));
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code: code ?? -1, stdout, stderr }));
  });
}

/** Says what it was asked, with the body's length. */
export function echo(req: IncomingMessage, res: ServerResponse): void {
  let bytes = 0;
  req.on('data', (chunk: Buffer) => (bytes += chunk.length));
  req.on('end', () => {
    const said = { method: req.method, url: req.url, version: req.httpVersion, headers: req.headers, bytes };
    res.setHeader('content-type', 'application/json');
    res.end(JSON.stringify(said));
  });
}

/** The same on HTTP/2's own types. */
export const echo2 = echo as unknown as (req: Http2ServerRequest, res: Http2ServerResponse) => void;
