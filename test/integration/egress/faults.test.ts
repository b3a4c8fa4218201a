import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createTcp } from 'node:net';
import test from 'node:test';
import { CAPS, HOST, echo } from './harness.ts';

import { allow, gone, openTls, withProxy } from './tunnels.ts';

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
    assert.ok(took > 1_000 && took < 20_000, `${took} ms`);
    assert.deepEqual(proxy.limits, ['egressBytesPerSecond']);
  });
});
