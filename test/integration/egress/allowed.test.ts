import assert from 'node:assert/strict';
import test from 'node:test';
import { HOST, echo, echo2, startProxy } from './harness.ts';
import type { Harness, Options } from './harness.ts';

async function withProxy(options: Options, body: (proxy: Harness) => Promise<void>): Promise<void> {
  const proxy = await startProxy(options);
  try {
    await body(proxy);
  } finally {
    await proxy.close();
  }
}

/** The policy names the port, which is not known before the server listens. */
function allow(proxy: Harness, port: number, change: Parameters<Harness['policy']>[0] = {}): void {
  proxy.task.setPolicy(proxy.policy({ allow: [`${HOST}:${port}`], ...change }), 'agent');
}

interface Said {
  method: string;
  url: string;
  version: string;
  headers: Record<string, string>;
  bytes: number;
}

test('a plain request goes out as the server expects it, without the fields of the proxy', async () => {
  await withProxy({}, async (proxy) => {
    const port = await proxy.http(echo);
    allow(proxy, port);
    const ran = await proxy.curl('-H', 'Proxy-Authorization: Basic eDp5', `http://${HOST}:${port}/a%2Fb?x=1`);
    const said = JSON.parse(ran.stdout) as Said;
    assert.equal(said.url, '/a%2Fb?x=1');
    assert.equal(said.headers['host'], `${HOST}:${port}`);
    assert.equal(said.headers['proxy-authorization'], undefined);
    assert.equal(said.headers['proxy-connection'], undefined);
    assert.deepEqual(proxy.dialled, [`127.0.0.1:${port}`]);
    const entry = await proxy.entry(({ method }) => method === 'GET');
    assert.equal(entry.verdict, 'allowed');
    assert.equal(entry.address, '127.0.0.1');
    assert.ok(entry.bytesIn > 0 && entry.bytesOut > 0);
    assert.ok(!JSON.stringify(entry).includes('x=1'));
  });
});

test('a tunnel is passed on with the certificate of the server itself', async () => {
  await withProxy({}, async (proxy) => {
    const port = await proxy.https(echo);
    allow(proxy, port);
    const ran = await proxy.curl('--cacert', proxy.serverCaFile, `https://${HOST}:${port}/x`);
    assert.equal(ran.stderr, '');
    assert.equal((JSON.parse(ran.stdout) as Said).url, '/x');
    const entry = await proxy.entry(({ method }) => method === 'CONNECT');
    assert.equal(entry.verdict, 'allowed');
    assert.ok(entry.bytesIn > 500);
  });
});

for (const version of ['--http1.1', '--http2']) {
  test(`with methods limited curl ${version} reads, and can not post`, async () => {
    await withProxy({}, async (proxy) => {
      const port = await proxy.http2(echo2);
      allow(proxy, port, { methods: 'read' });
      const url = `https://${HOST}:${port}/x?secret=1`;
      const ca = ['--cacert', proxy.authorityFile, version];
      const ran = await proxy.curl(...ca, url);
      assert.equal(ran.stderr, '');
      const said = JSON.parse(ran.stdout) as Said;
      assert.equal(said.version, version === '--http2' ? '2.0' : '1.1');
      const posted = await proxy.curl(...ca, '-i', '-d', 'x=1', url);
      assert.match(posted.stdout, /^HTTP\/\S+ 403/m);
      assert.match(posted.stdout, /x-codex-egress: method/);
      assert.match(posted.stdout, /"reason":"method"/);
      const entry = await proxy.entry(({ method }) => method === 'POST');
      assert.equal(entry.reason, 'method');
      assert.ok(!JSON.stringify(proxy.log).includes('secret'));
    });
  });

  test(`intercepted, curl ${version} uploads and downloads many bytes unchanged`, async () => {
    await withProxy({ owner: { intercept: 'always' } }, async (proxy) => {
      const big = Buffer.alloc(20_000_000, 'abcdefgh');
      const port = await proxy.http2((req, res) => {
        if (req.method === 'GET') res.end(big);
        else echo2(req, res);
      });
      allow(proxy, port);
      const url = `https://${HOST}:${port}/`;
      const ca = ['--cacert', proxy.authorityFile, version];
      const down = await proxy.curl(...ca, url);
      assert.equal(down.stdout.length, big.length);
      assert.ok(down.stdout === big.toString('latin1'));
      const file = `${proxy.dir}/big`;
      (await import('node:fs')).writeFileSync(file, big);
      const up = await proxy.curl(...ca, '-T', file, url);
      assert.equal((JSON.parse(up.stdout) as Said).bytes, big.length);
      const entry = await proxy.entry(({ method }) => method === 'PUT');
      assert.ok(entry.bytesOut >= big.length);
    });
  });
}
