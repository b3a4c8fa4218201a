/** A forge's git on loopback: the real `git http-backend` behind a password, and ways to go wrong. */
import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { RemoteRepo } from '../../../server/repos/remote-types.ts';
import { git } from '../../support/git.ts';

export const PASSWORD = 'ghp_0123456789SecretOfTheForge';

export type Fault =
  | { kind: 'status'; status: number; headers?: Record<string, string>; body?: string }
  /** The connection is cut when this much of the request was read. */
  | { kind: 'cutRequest'; bytes: number }
  /** Or when this much of the answer was sent. */
  | { kind: 'cutAnswer'; bytes: number }
  /** Nothing is read, nothing said. */
  | { kind: 'stall' }
  /** The request is taken, the answer is never heard. */
  | { kind: 'cutAfter' }
  | { kind: 'answer'; type: string; body: Buffer };

export interface Seen {
  method: string;
  url: string;
  authorization: string | undefined;
}

export interface ForgeServer {
  origin: string;
  seen: Seen[];
  /** What goes wrong with a request; asked for each. */
  fault: (request: IncomingMessage) => Fault | undefined;
  /** Whether the server speaks version 2 of git's protocol. */
  version2: boolean;
  make(name: string, options?: { objectFormat?: 'sha1' | 'sha256' }): string;
  remote(name: string, password?: string): RemoteRepo;
  hook(name: string, hook: 'pre-receive' | 'update' | 'post-receive', script: string): void;
  close(): Promise<void>;
}

export async function openForge(root: string): Promise<ForgeServer> {
  mkdirSync(root, { recursive: true });
  const http = createServer((request, response) => {
    request.on('error', () => {});
    serve(forge, root, request, response);
  });
  await new Promise<void>((done) => http.listen(0, '127.0.0.1', done));
  const host = `127.0.0.1:${(http.address() as AddressInfo).port}`;
  const forge: ForgeServer = {
    origin: `http://${host}`,
    seen: [],
    fault: () => undefined,
    version2: true,
    make(name, { objectFormat = 'sha1' } = {}) {
      const dir = join(root, `${name}.git`);
      mkdirSync(dir, { recursive: true });
      git(dir, ['init', '-q', '--bare', '--initial-branch=main', `--object-format=${objectFormat}`]);
      git(dir, ['config', 'http.receivepack', 'true']);
      return dir;
    },
    remote: (name, password = PASSWORD) => ({
      url: `http://${host}/${name}.git`,
      host,
      loopback: true,
      credential: { username: 'x-access-token', password },
    }),
    hook(name, hook, script) {
      const file = join(root, `${name}.git`, 'hooks', hook);
      mkdirSync(join(root, `${name}.git`, 'hooks'), { recursive: true });
      writeFileSync(file, `#!/bin/sh\n${script}\n`);
      chmodSync(file, 0o755);
    },
    async close() {
      http.closeAllConnections();
      await new Promise((done) => http.close(done));
    },
  };
  return forge;
}

function serve(forge: ForgeServer, root: string, request: IncomingMessage, response: ServerResponse): void {
  const { method = '', url = '', headers } = request;
  forge.seen.push({ method, url, authorization: headers.authorization });
  const fault = forge.fault(request);
  switch (fault?.kind) {
    case 'status':
      response.writeHead(fault.status, fault.headers).end(fault.body ?? '');
      return;
    case 'answer':
      response.writeHead(200, { 'content-type': fault.type }).end(fault.body);
      return;
    case 'stall':
      return;
    case 'cutRequest': {
      let read = 0;
      request.on('data', (chunk: Buffer) => {
        read += chunk.length;
        if (read >= fault.bytes) request.socket.destroy();
      });
      return;
    }
    case 'cutAnswer':
    case 'cutAfter':
    case undefined:
      break;
  }
  const basic = Buffer.from(`x-access-token:${PASSWORD}`).toString('base64');
  if (headers.authorization !== `Basic ${basic}`) {
    response.writeHead(401, { 'www-authenticate': 'Basic realm="forge"' }).end('Bad credentials');
    return;
  }
  const [path = '', query = ''] = url.split('?', 2);
  const child = spawn('git', ['http-backend'], {
    env: {
      PATH: process.env['PATH'],
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_CONFIG_GLOBAL: '/dev/null',
      REQUEST_METHOD: method,
      PATH_INFO: decodeURIComponent(path),
      QUERY_STRING: query,
      CONTENT_TYPE: headers['content-type'] ?? '',
      ...(headers['content-length'] ? { CONTENT_LENGTH: headers['content-length'] } : {}),
      ...(forge.version2 ? { GIT_PROTOCOL: String(headers['git-protocol'] ?? '') } : {}),
      REMOTE_USER: 'somebody',
    },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  child.stdin.on('error', () => {});
  request.pipe(child.stdin);
  let head: Buffer | null = Buffer.alloc(0);
  let sent = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    let data = chunk;
    if (head !== null) {
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) return;
      const lines = head.toString('latin1', 0, end).split('\r\n');
      const pairs = lines.map((line) => [
        line.slice(0, line.indexOf(':')),
        line.slice(line.indexOf(':') + 2),
      ]);
      const { Status, ...others } = Object.fromEntries(pairs) as Record<string, string>;
      data = head.subarray(end + 4);
      head = null;
      if (fault?.kind !== 'cutAfter') response.writeHead(Number.parseInt(Status ?? '200', 10), others);
    }
    if (fault?.kind === 'cutAfter') return;
    if (fault?.kind === 'cutAnswer' && sent + data.length >= fault.bytes) {
      response.write(data.subarray(0, fault.bytes - sent), () => response.destroy());
      sent = fault.bytes;
      return;
    }
    sent += data.length;
    response.write(data);
  });
  child.once('close', () => {
    if (fault?.kind === 'cutAfter') response.destroy();
    else response.end();
  });
}
