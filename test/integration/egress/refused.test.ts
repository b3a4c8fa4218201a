import assert from 'node:assert/strict';
import { connect as connectTls } from 'node:tls';
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

const reasonOf = (answer: string): string | undefined => /x-codex-egress: (\w+)/.exec(answer)?.[1];

/** Everything that is refused before anything is dialled, as it is written on the wire. */
const REFUSED: [name: string, reason: string, text: (port: number) => string][] = [
  ['another host', 'notAllowed', () => 'GET http://other.test/ HTTP/1.1\r\nHost: other.test\r\n\r\n'],
  ['a CONNECT to another host', 'notAllowed', () => 'CONNECT other.test:443 HTTP/1.1\r\n\r\n'],
  ['a port nobody listed', 'port', () => `CONNECT ${HOST}:22 HTTP/1.1\r\n\r\n`],
  ['an address', 'ipLiteral', (p) => `GET http://127.0.0.1:${p}/ HTTP/1.1\r\nHost: 127.0.0.1:${p}\r\n\r\n`],
  ['an address as a number', 'ipLiteral', (p) => `CONNECT 2130706433:${p} HTTP/1.1\r\n\r\n`],
  ['an IPv6 address', 'ipLiteral', (p) => `CONNECT [::1]:${p} HTTP/1.1\r\n\r\n`],
  ['user information', 'badAuthority', (p) => `CONNECT user@${HOST}:${p} HTTP/1.1\r\n\r\n`],
  ['a port beyond 65535', 'badAuthority', () => `CONNECT ${HOST}:99999 HTTP/1.1\r\n\r\n`],
  ['a CONNECT without a port', 'badAuthority', () => `CONNECT ${HOST} HTTP/1.1\r\n\r\n`],
  [
    'absolute-form https',
    'badAuthority',
    (p) => `GET https://${HOST}:${p}/ HTTP/1.1\r\nHost: ${HOST}:${p}\r\n\r\n`,
  ],
  ['origin form', 'badAuthority', (p) => `GET / HTTP/1.1\r\nHost: ${HOST}:${p}\r\n\r\n`],
  [
    'a Host unlike the target',
    'authorityMismatch',
    (p) => `GET http://${HOST}:${p}/ HTTP/1.1\r\nHost: other.test\r\n\r\n`,
  ],
  [
    'two Hosts',
    'badRequest',
    (p) => `GET http://${HOST}:${p}/ HTTP/1.1\r\nHost: ${HOST}:${p}\r\nHost: ${HOST}:${p}\r\n\r\n`,
  ],
  [
    'a Host unlike the CONNECT',
    'authorityMismatch',
    (p) => `CONNECT ${HOST}:${p} HTTP/1.1\r\nHost: other.test:443\r\n\r\n`,
  ],
  [
    'a CONNECT with a body',
    'badRequest',
    (p) => `CONNECT ${HOST}:${p} HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc`,
  ],
  [
    'two lengths',
    'badRequest',
    (p) =>
      `POST http://${HOST}:${p}/ HTTP/1.1\r\nHost: ${HOST}:${p}\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  ],
  [
    'an encoding that is not chunked',
    'badRequest',
    (p) => `POST http://${HOST}:${p}/ HTTP/1.1\r\nHost: ${HOST}:${p}\r\nTransfer-Encoding: gzip\r\n\r\n`,
  ],
  [
    'chunks in HTTP/1.0',
    'badRequest',
    (p) =>
      `POST http://${HOST}:${p}/ HTTP/1.0\r\nHost: ${HOST}:${p}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  ],
  [
    'a Host hidden behind 2100 fields',
    'badRequest',
    (p) =>
      `GET http://${HOST}:${p}/ HTTP/1.1\r\nHost: ${HOST}:${p}\r\n${'a:b\r\n'.repeat(2100)}Host: other.test\r\n\r\n`,
  ],
  [
    'a head without end',
    'badRequest',
    (p) => `GET http://${HOST}:${p}/ HTTP/1.1\r\nHost: ${HOST}:${p}\r\nX: ${'x'.repeat(70_000)}\r\n\r\n`,
  ],
  [
    'an upgrade to something else',
    'upgrade',
    (p) =>
      `GET http://${HOST}:${p}/ HTTP/1.1\r\nHost: ${HOST}:${p}\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n`,
  ],
  ['not HTTP', 'badRequest', () => 'hello there\r\n\r\n'],
];

test('what is refused says why, is in the log, and nothing is dialled for it', async (t) => {
  await withProxy({}, async (proxy) => {
    const port = await proxy.http(echo);
    proxy.task.setPolicy(proxy.policy({ allow: [`${HOST}:${port}`] }), 'agent');
    for (const [name, reason, text] of REFUSED) {
      await t.test(name, async () => {
        const before = proxy.log.length;
        assert.equal(reasonOf(await proxy.say(text(port))), reason);
        assert.deepEqual(
          proxy.log.slice(before).map((entry) => [entry.verdict, entry.reason]),
          [['denied', reason]],
        );
      });
    }
    assert.deepEqual(proxy.dialled, []);
  });
});

test('without the word of the owner loopback is refused, whatever name leads there', async () => {
  await withProxy({ owner: { allowPrivate: [] }, policy: { preset: 'all' } }, async (proxy) => {
    for (const addresses of [['127.0.0.1'], ['93.184.216.34', '127.0.0.1'], ['::1'], ['::ffff:127.0.0.1']]) {
      const other = await startProxy({
        owner: { allowPrivate: [] },
        policy: { preset: 'all' },
        resolve: () => Promise.resolve(addresses),
      });
      const answer = await other.say('CONNECT www.example.com:443 HTTP/1.1\r\n\r\n');
      assert.match(reasonOf(answer) ?? '', /^(privateAddress|ownAddress)$/);
      assert.deepEqual(other.dialled, []);
      await other.close();
    }
    assert.deepEqual(proxy.dialled, []);
  });
});

test('a name that resolves to something else when it is asked again is dialled where it was checked', async () => {
  const answers = [['127.0.0.1'], ['169.254.169.254'], ['10.0.0.1']];
  await withProxy({ resolve: () => Promise.resolve(answers.shift() ?? ['10.0.0.2']) }, async (proxy) => {
    const port = await proxy.https(echo);
    proxy.task.setPolicy(proxy.policy({ allow: [`${HOST}:${port}`] }), 'agent');
    const ran = await proxy.curl('--cacert', proxy.serverCaFile, `https://${HOST}:${port}/`);
    assert.equal(ran.code, 0);
    const again = await proxy.curl('--cacert', proxy.serverCaFile, `https://${HOST}:${port}/`);
    assert.match(again.stderr, /403/);
    assert.deepEqual(proxy.dialled, [`127.0.0.1:${port}`]);
    assert.equal(proxy.log.at(-1)?.reason, 'metadataAddress');
  });
});

test('a tunnel carries TLS for its own host or nothing', async (t) => {
  for (const intercept of ['whenNeeded', 'always'] as const) {
    await withProxy({ owner: { intercept } }, async (proxy) => {
      const port = await proxy.https(echo);
      proxy.task.setPolicy(proxy.policy({ allow: [`${HOST}:${port}`] }), 'agent');
      for (const [servername, reason] of [
        ['other.example.test', 'serverNameMismatch'],
        ['', 'noServerName'],
      ] as const) {
        await t.test(`${intercept}: ${reason}`, async () => {
          const socket = proxy.raw();
          socket.write(`CONNECT ${HOST}:${port} HTTP/1.1\r\n\r\n`);
          await new Promise((resolve) => socket.once('data', resolve));
          const tls = connectTls({ socket, servername, rejectUnauthorized: false });
          const error = await new Promise<Error>((resolve) => tls.once('error', resolve));
          assert.ok(error);
          assert.equal((await proxy.entry((entry) => entry.reason === reason)).verdict, 'denied');
        });
      }
    });
  }
});

test('bytes that are no TLS are refused where requests must be seen', async () => {
  await withProxy({ owner: { intercept: 'always' } }, async (proxy) => {
    const port = await proxy.http(echo);
    proxy.task.setPolicy(proxy.policy({ allow: [`${HOST}:${port}`] }), 'agent');
    const answer = await proxy.say(
      `CONNECT ${HOST}:${port} HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`,
    );
    assert.match(answer, /^HTTP\/1.1 200 Connection established\r\n\r\n$/);
    assert.equal((await proxy.entry(() => true)).reason, 'notTls');
  });
});

test('inside an intercepted tunnel another host is refused, on the first request and on a later one', async () => {
  await withProxy({ owner: { intercept: 'always' } }, async (proxy) => {
    const port = await proxy.http2(echo2);
    proxy.task.setPolicy(proxy.policy({ allow: [`${HOST}:${port}`] }), 'agent');
    const url = `https://${HOST}:${port}/`;
    for (const version of ['--http1.1', '--http2']) {
      const before = proxy.log.length;
      const args = ['--cacert', proxy.authorityFile, version, '-i', url];
      const ran = await proxy.curl(
        ...args,
        '--next',
        '-sS',
        '-x',
        `http://127.0.0.1:${proxy.proxyPort}`,
        '--cacert',
        proxy.authorityFile,
        version,
        '-i',
        '-H',
        'Host: other.example.test',
        url,
      );
      assert.match(ran.stdout, /authorityMismatch/);
      assert.deepEqual(
        proxy.log.slice(before).map((entry) => entry.reason),
        [null, 'authorityMismatch'],
      );
    }
  });
});

test('a CONNECT behind an unanswered request is not served', async () => {
  await withProxy({}, async (proxy) => {
    const port = await proxy.http(() => {});
    proxy.task.setPolicy(proxy.policy({ allow: [`${HOST}:${port}`] }), 'agent');
    const target = `${HOST}:${port}`;
    const answer = await proxy.say(
      `GET http://${target}/ HTTP/1.1\r\nHost: ${target}\r\n\r\nCONNECT ${target} HTTP/1.1\r\n\r\n`,
    );
    assert.equal(answer, '');
  });
});

test('a server that is not who it says is told as a 502, and sees no request', async () => {
  let asked = 0;
  await withProxy({ owner: { intercept: 'always' } }, async (proxy) => {
    const port = await proxy.https((_req, res) => {
      asked += 1;
      res.end();
    });
    // Its certificate is for one label below example.test.
    const host = `a.${HOST}`;
    proxy.task.setPolicy(proxy.policy({ allow: [`${host}:${port}`] }), 'agent');
    for (const version of ['--http1.1', '--http2']) {
      const ran = await proxy.curl(
        '--cacert',
        proxy.authorityFile,
        version,
        '-i',
        `https://${host}:${port}/`,
      );
      assert.match(ran.stdout, /^HTTP\/\S+ 502/m);
      assert.match(ran.stdout, /x-codex-egress: upstreamCertificate/);
    }
    assert.equal(asked, 0);
  });
});

test('when access is off every way is refused', async () => {
  await withProxy({ policy: { access: 'off' } }, async (proxy) => {
    assert.equal(reasonOf(await proxy.say('CONNECT github.com:443 HTTP/1.1\r\n\r\n')), 'accessOff');
    assert.equal(
      reasonOf(await proxy.say('GET http://github.com/ HTTP/1.1\r\nHost: github.com\r\n\r\n')),
      'accessOff',
    );
    assert.deepEqual(proxy.dialled, []);
  });
});
