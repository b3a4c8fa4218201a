import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttp } from 'node:http';
import { connect as connectHttp2, createSecureServer } from 'node:http2';
import { createServer as createTcp } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import test from 'node:test';
import { WebSocketServer, WebSocket } from 'ws';
import { readFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { CAPS, HOST, echo, run, startProxy } from './harness.ts';
import type { Harness, Options } from './harness.ts';

async function withProxy(options: Options, body: (proxy: Harness) => Promise<void>): Promise<void> {
  const proxy = await startProxy(options);
  try {
    await body(proxy);
  } finally {
    await proxy.close();
  }
}

function allow(proxy: Harness, port: number, change: Parameters<Harness['policy']>[0] = {}): void {
  proxy.task.setPolicy(proxy.policy({ allow: [`${HOST}:${port}`], ...change }), 'agent');
}

/** A tunnel with TLS in it, as a program in the sandbox opens one. */
async function openTls(proxy: Harness, port: number, alpn: string[] = []): Promise<TLSSocket> {
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
function gone(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    for (const event of ['end', 'close', 'error']) socket.once(event, () => resolve());
    socket.resume();
  });
}

test('a change of policy ends a download in the middle, plain, tunnelled and intercepted', async (t) => {
  for (const [name, options] of [
    ['tunnel', {}],
    ['intercepted', { owner: { intercept: 'always' } }],
  ] as const) {
    await t.test(name, async () => {
      await withProxy(options, async (proxy) => {
        const port = await proxy.https((_req, res) => void res.write('x'.repeat(1000)));
        allow(proxy, port);
        const tls = await openTls(proxy, port);
        tls.write(`GET / HTTP/1.1\r\nHost: ${HOST}:${port}\r\n\r\n`);
        await once(tls, 'data');
        proxy.task.setPolicy(proxy.policy({ allow: ['elsewhere.test'] }), 'agent');
        await gone(tls);
        const entry = await proxy.entry(({ reason }) => reason === 'policyChanged');
        assert.equal(entry.verdict, 'denied');
        assert.ok(entry.bytesIn > 0);
      });
    });
  }
  await t.test('plain', async () => {
    await withProxy({}, async (proxy) => {
      const port = await proxy.http((_req, res) => void res.write('x'.repeat(1000)));
      allow(proxy, port);
      const answer = proxy.say(`GET http://${HOST}:${port}/ HTTP/1.1\r\nHost: ${HOST}:${port}\r\n\r\n`);
      await new Promise((resolve) => setTimeout(resolve, 100));
      proxy.task.setPolicy(proxy.policy({ access: 'off' }), 'agent');
      assert.match(await answer, /^HTTP\/1.1 200/);
      assert.equal((await proxy.entry(() => true)).reason, 'policyChanged');
    });
  });
});

test('a limit on methods ends tunnels that were passed on unseen, a wider policy ends nothing', async () => {
  await withProxy({}, async (proxy) => {
    const port = await proxy.https(echo);
    allow(proxy, port);
    const tls = await openTls(proxy, port);
    allow(proxy, port, { preset: 'all' });
    tls.write(`GET / HTTP/1.1\r\nHost: ${HOST}:${port}\r\n\r\n`);
    await once(tls, 'data');
    allow(proxy, port, { methods: 'read' });
    await gone(tls);
    assert.equal((await proxy.entry(() => true)).reason, 'policyChanged');
  });
});

test('a policy that changes while a name is looked up holds for what was asked before', async () => {
  let answer: (addresses: string[]) => void = () => {};
  const asked = new Promise<void>((resolve) => {
    answer = () => resolve();
  });
  let release: (addresses: string[]) => void = () => {};
  const resolve = (): Promise<string[]> => {
    answer([]);
    return new Promise((done) => (release = done));
  };
  await withProxy({ resolve }, async (proxy) => {
    allow(proxy, 8443);
    const said = proxy.say(`CONNECT ${HOST}:8443 HTTP/1.1\r\n\r\n`);
    await asked;
    proxy.task.setPolicy(proxy.policy({ access: 'off' }), 'agent');
    release(['127.0.0.1']);
    assert.match(await said, /x-codex-egress: policyChanged/);
    assert.deepEqual(proxy.dialled, []);
  });
});

test('a server that resets is a 502 before its answer and a broken download after', async () => {
  await withProxy({}, async (proxy) => {
    const port = await proxy.listen(
      createTcp((socket) => {
        socket.once('data', (head: Buffer) => {
          if (!head.toString().startsWith('GET /half')) return void socket.resetAndDestroy();
          socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc', () => socket.resetAndDestroy());
        });
      }),
    );
    allow(proxy, port);
    const reset = await proxy.curl('-i', `http://${HOST}:${port}/`);
    assert.match(reset.stdout, /502 Bad Gateway/);
    assert.match(reset.stdout, /upstreamBroke/);
    const half = await proxy.curl(`http://${HOST}:${port}/half`);
    assert.notEqual(half.code, 0);
    assert.equal((await proxy.entry(({ bytesIn }) => bytesIn > 0)).reason, 'upstreamBroke');
  });
});

test('a client that has said all still gets its answer, and so the other way round', async () => {
  await withProxy({}, async (proxy) => {
    const port = await proxy.listen(
      createTcp({ allowHalfOpen: true }, (socket) => {
        const parts: Buffer[] = [];
        socket.on('data', (part: Buffer) => parts.push(part));
        socket.on('end', () => socket.end(`got ${Buffer.concat(parts).length}`));
      }),
    );
    allow(proxy, port);
    const socket = proxy.raw();
    socket.end(`CONNECT ${HOST}:${port} HTTP/1.1\r\n\r\n${'x'.repeat(100_000)}`);
    let answer = '';
    socket.on('data', (part: Buffer) => (answer += part.toString()));
    await once(socket, 'end');
    assert.match(answer, /got 100000$/);
  });
});

test('a reader that stops stops the server, with a bounded part in between', async (t) => {
  for (const intercept of ['whenNeeded', 'always'] as const) {
    await t.test(intercept, async () => {
      await withProxy({ owner: { intercept } }, async (proxy) => {
        let written = 0;
        const chunk = Buffer.alloc(256 * 1024);
        const port = await proxy.https((_req, res) => {
          const more = (): void => {
            while (written < 400_000_000) {
              written += chunk.length;
              if (!res.write(chunk)) return void res.once('drain', more);
            }
            res.end();
          };
          more();
        });
        allow(proxy, port);
        const tls = await openTls(proxy, port);
        tls.pause();
        tls.write(`GET / HTTP/1.1\r\nHost: ${HOST}:${port}\r\n\r\n`);
        let before = -1;
        while (before !== written) {
          before = written;
          await new Promise((resolve) => setTimeout(resolve, 300));
        }
        assert.ok(written > 0 && written < 40_000_000, `${written} bytes were taken from the server`);
        tls.destroy();
      });
    });
  }
});

test('who sends a head too slowly is hung up on, and an idle tunnel too', async () => {
  await withProxy({ times: { headMs: 300, idleMs: 600 } }, async (proxy) => {
    const port = await proxy.listen(createTcp(() => {}));
    allow(proxy, port);
    const slow = proxy.raw();
    slow.write('GET http://');
    const drip = setInterval(() => slow.write('a'), 50);
    slow.resume();
    await gone(slow);
    clearInterval(drip);
    const idle = proxy.raw();
    idle.write(`CONNECT ${HOST}:${port} HTTP/1.1\r\n\r\nabc`);
    idle.resume();
    await gone(idle);
    assert.equal((await proxy.entry(({ method }) => method === 'CONNECT')).reason, 'timeout');
  });
});

test('caps: connections, bytes and bytes per second are told once and hold', async () => {
  await withProxy({ task: { caps: { ...CAPS, connections: 2 } } }, async (proxy) => {
    const [one, two] = [proxy.raw(), proxy.raw()];
    await Promise.all([once(one, 'connect'), once(two, 'connect')]);
    assert.match(await proxy.say(''), /x-codex-egress: connectionLimit/);
    assert.deepEqual(proxy.limits, ['egressConnections']);
  });
  await withProxy({ task: { caps: { ...CAPS, bytes: 100_000 } } }, async (proxy) => {
    const port = await proxy.http((_req, res) => res.end('x'.repeat(1_000_000)));
    allow(proxy, port);
    const ran = await proxy.curl(`http://${HOST}:${port}/`);
    assert.ok(ran.code !== 0 && ran.stdout.length < 300_000);
    const again = await proxy.curl('-i', `http://${HOST}:${port}/`);
    assert.match(again.stdout, /x-codex-egress: byteLimit/);
    assert.deepEqual(proxy.limits, ['egressBytes']);
  });
  await withProxy({ task: { caps: { ...CAPS, bytesPerSecond: 1_000_000 } } }, async (proxy) => {
    const port = await proxy.http((_req, res) => res.end('x'.repeat(2_500_000)));
    allow(proxy, port);
    const started = performance.now();
    const ran = await proxy.curl(`http://${HOST}:${port}/`);
    assert.equal(ran.stdout.length, 2_500_000);
    const took = performance.now() - started;
    assert.ok(took > 1_000 && took < 4_000, `${took} ms`);
    assert.deepEqual(proxy.limits, ['egressBytesPerSecond']);
  });
});

test('a WebSocket goes through where all methods are allowed, also intercepted, and not else', async () => {
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
      } as object);
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
      stream.on('trailers', (fields) => (status = fields['grpc-status']));
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

test('git clones over intercepted HTTPS, and can not push when methods are limited', async () => {
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
