import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttp } from 'node:http';
import { connect as connectHttp2, createSecureServer } from 'node:http2';
import type { Socket } from 'node:net';
import test from 'node:test';
import { WebSocketServer, WebSocket } from 'ws';
import { readFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { HOST, echo, run } from './harness.ts';
import type { Options } from './harness.ts';

import { allow, openTls, withProxy } from './tunnels.ts';

test('a WebSocket without TLS goes through where all methods are allowed, and not else', async () => {
  for (const intercept of ['whenNeeded', 'always'] as const) {
    await withProxy({ owner: { intercept } }, async (proxy) => {
      const server = createHttp(echo);
      const sockets = new WebSocketServer({ server });
      sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(data)));
      const port = await proxy.listen(server);
      allow(proxy, port);
      const url = `ws://${HOST}:${port}/x`;
      const target = `http://${HOST}:${port}/x`;
      // As a program that sends plain ws:// through the proxy in absolute form.
      const talk = new WebSocket(url, {
        createConnection: () => proxy.raw(),
        finishRequest: (request: { path: string; end: () => void }) => {
          request.path = target;
          request.end();
        },
      });
      await once(talk, 'open');
      talk.send('hello'.repeat(10_000));
      const [said] = (await once(talk, 'message')) as [Buffer];
      assert.equal(said.length, 50_000);
      talk.close();
      await once(talk, 'close');
      const refused = await proxy.say(
        `GET ${target} HTTP/1.1\r\nHost: ${HOST}:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
      );
      assert.match(refused, /^HTTP\/1.1 400/);
      allow(proxy, port, { methods: 'read' });
      const limited = await proxy.say(
        `GET ${target} HTTP/1.1\r\nHost: ${HOST}:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
      );
      assert.match(limited, /x-codex-egress: upgrade/);
      sockets.close();
    });
  }
});

test('HTTP/2 inside carries many streams, uploads while it downloads, and trailers', async () => {
  await withProxy({ owner: { intercept: 'always' } }, async (proxy) => {
    const server = createSecureServer(proxy.tls);
    server.on('stream', (stream, headers) => {
      stream.respond({ ':status': 200 }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      if (headers[':method'] === 'POST') stream.pipe(stream);
      else stream.end('x'.repeat(10_000));
    });
    const port = await proxy.listen(server);
    allow(proxy, port);
    const tls = await openTls(proxy, port, ['h2']);
    const client = connectHttp2(`https://${HOST}:${port}`, { createConnection: () => tls });
    const call = async (method: string): Promise<number> => {
      const stream = client.request({ ':method': method, ':path': '/' });
      let bytes = 0;
      let status: unknown;
      stream.on('trailers', (fields: Record<string, unknown>) => (status = fields['grpc-status']));
      stream.on('data', (part: Buffer) => (bytes += part.length));
      if (method === 'POST') {
        stream.write('a'.repeat(50_000));
        stream.end('b'.repeat(50_000));
      }
      await once(stream, 'close');
      assert.equal(status, '0');
      return bytes;
    };
    const sizes = await Promise.all(Array.from({ length: 60 }, (_, at) => call(at % 2 ? 'POST' : 'GET')));
    assert.deepEqual(new Set(sizes), new Set([10_000, 100_000]));
    assert.equal(proxy.log.filter(({ verdict }) => verdict === 'allowed').length, 60);
    client.close();
  });
});

test('100-continue and trailers go through HTTP/1', async () => {
  await withProxy({}, async (proxy) => {
    const server = createHttp((req, res) => {
      req.resume().on('end', () => {
        res.writeHead(200, { Trailer: 'X-Sum' });
        res.write('body');
        res.addTrailers({ 'X-Sum': `${req.trailers['x-up'] ?? ''}` });
        res.end();
      });
    });
    const port = await proxy.listen(server);
    allow(proxy, port);
    const socket: Socket = proxy.raw();
    let answer = '';
    socket.on('data', (part: Buffer) => (answer += part.toString()));
    socket.write(
      `POST http://${HOST}:${port}/ HTTP/1.1\r\nHost: ${HOST}:${port}\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\nTrailer: X-Up\r\n\r\n`,
    );
    await once(socket, 'data');
    assert.match(answer, /^HTTP\/1.1 100 Continue\r\n\r\n/);
    socket.write('3\r\nabc\r\n0\r\nX-Up: 7\r\n\r\n');
    while (!answer.includes('X-Sum: 7\r\n\r\n')) await once(socket, 'data');
    socket.destroy();
  });
});

test('git clones over intercepted HTTPS with methods limited', async () => {
  await withProxy({ owner: { intercept: 'always' } }, async (proxy) => {
    const served = join(proxy.dir, 'served');
    const git = (cwd: string, ...args: string[]): ReturnType<typeof run> =>
      run(
        'git',
        ['-c', 'user.name=a', '-c', 'user.email=a@example.test', ...args],
        { GIT_CONFIG_NOSYSTEM: '1' },
        cwd,
      );
    mkdirSync(served);
    await git(served, 'init', '-q', '-b', 'main');
    await git(served, 'commit', '-q', '--allow-empty', '-m', 'first');
    await git(served, 'update-server-info');
    const port = await proxy.https((req, res) => {
      try {
        res.end(readFileSync(join(served, '.git', (req.url ?? '').replace(/^\/r\.git\/|\?.*$/g, ''))));
      } catch {
        res.writeHead(404).end();
      }
    });
    allow(proxy, port, { methods: 'read' });
    const cloned = await run(
      'git',
      ['clone', '-q', `https://${HOST}:${port}/r.git`, join(proxy.dir, 'out')],
      {
        https_proxy: `http://127.0.0.1:${proxy.proxyPort}`,
        GIT_SSL_CAINFO: proxy.authorityFile,
        GIT_TERMINAL_PROMPT: '0',
      },
    );
    assert.equal(cloned.stderr, '');
    const [head, copy] = await Promise.all([
      git(served, 'rev-parse', 'HEAD'),
      git(join(proxy.dir, 'out'), 'rev-parse', 'HEAD'),
    ]);
    assert.equal(copy.stdout, head.stdout);
  });
});

test("what is allowed goes through the company's proxy, and what is not never reaches it", async () => {
  const asked: string[] = [];
  const company = createHttp();
  const servers: number[] = [];
  company.on('connect', (req, socket, head) => {
    asked.push(req.url ?? '');
    const onward = new (socket.constructor as new () => Socket)();
    onward.connect(servers[0] ?? 0, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      if (head.length > 0) onward.write(head);
      onward.pipe(socket).pipe(onward);
    });
    onward.on('error', () => socket.destroy());
    socket.on('error', () => onward.destroy());
  });
  company.listen(0, '127.0.0.1');
  await once(company, 'listening');
  const { port: companyPort } = company.address() as { port: number };
  const options: Options = {
    owner: { upstreamProxy: `http://u:p@127.0.0.1:${companyPort}`, intercept: 'always' },
  };
  await withProxy(options, async (proxy) => {
    const port = await proxy.https(echo);
    servers.push(port);
    allow(proxy, port);
    const ran = await proxy.curl('--cacert', proxy.authorityFile, `https://${HOST}:${port}/`);
    assert.equal(ran.code, 0, ran.stderr);
    await proxy.curl('https://other.test/');
    assert.deepEqual(asked, [`${HOST}:${port}`]);
    assert.deepEqual(new Set(proxy.dialled), new Set([`127.0.0.1:${companyPort}`]));
  });
  company.closeAllConnections();
  company.close();
});
