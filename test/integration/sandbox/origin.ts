/** A small read-only git server over byte streams, for tests: `git upload-pack` behind HTTP. */
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { createGunzip } from 'node:zlib';

export function originServer(repository: string): {
  serve: (stream: Duplex) => void;
  requests: string[];
  close: () => void;
} {
  const requests: string[] = [];
  const server: Server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    answer(repository, request, response);
  });
  return {
    serve: (stream) => void server.emit('connection', stream),
    requests,
    close: () => server.closeAllConnections(),
  };
}

function answer(repository: string, request: IncomingMessage, response: ServerResponse): void {
  const advertise = request.method === 'GET' && request.url?.endsWith('/info/refs?service=git-upload-pack');
  const upload = request.method === 'POST' && request.url?.endsWith('/git-upload-pack');
  if (!advertise && !upload) return void response.writeHead(404).end();
  const kind = advertise ? 'advertisement' : 'result';
  response.writeHead(200, {
    'content-type': `application/x-git-upload-pack-${kind}`,
    'cache-control': 'no-cache',
  });
  if (advertise) response.write('001e# service=git-upload-pack\n0000');
  const args = [
    'upload-pack',
    '--stateless-rpc',
    ...(advertise ? ['--http-backend-info-refs'] : []),
    repository,
  ];
  const git = spawn('git', args, {
    env: { ...process.env, GIT_PROTOCOL: String(request.headers['git-protocol'] ?? '') },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  git.stdin.on('error', () => {});
  const body = request.headers['content-encoding'] === 'gzip' ? request.pipe(createGunzip()) : request;
  body.pipe(git.stdin);
  git.stdout.pipe(response);
}
