import { strict as assert } from 'node:assert';
import { readFileSync, readdirSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { createServer as createHttps } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { after, before, beforeEach, describe, test } from 'node:test';
import {
  makeAuthority,
  makeLeaf,
  makeLeafKey,
  readAuthority,
} from '../../../server/egress/authority/certificates.ts';
import { tryGitAsync } from '../../support/git.ts';
import { PASSWORD, openForge } from './forge-server.ts';
import { PushWorld, SECRET, everythingIn, failure } from './push-world.ts';

describe('what goes wrong with a forge', () => {
  let world: PushWorld;

  before(async () => {
    world = await PushWorld.open();
  });
  after(() => world.close());
  beforeEach(() => world.begin());

  test('a push that stalls ends by itself, and one that is cancelled at once', async () => {
    world.forge.fault = ({ method }) => (method === 'POST' ? { kind: 'stall' } : undefined);
    const error = await failure(world.push('stall', await world.next(world.head, 'Stalls'), null));
    assert.deepEqual([error.code, error.wire.params['reason']], ['forgeUnavailable', 'timeout']);

    const abort = new AbortController();
    world.forge.fault = ({ method }) => {
      if (method !== 'POST') return undefined;
      setImmediate(() => abort.abort());
      return { kind: 'stall' };
    };
    assert.equal((await failure(world.push('stall', world.head, null, abort.signal))).code, 'cancelled');
    assert.equal((await failure(world.push('stall', world.head, null, abort.signal))).code, 'cancelled');
    assert.equal(world.at('stall'), '');
  });

  for (const [hook, script, expected] of [
    [
      'pre-receive',
      'echo "error: GH006: Protected branch update failed for refs/heads/x." >&2; echo "error: Changes must be made through a pull request." >&2; exit 1',
      {
        branch: 'x',
        protectedBranch: 'x',
        reason:
          'Protected branch update failed for refs/heads/x. Changes must be made through a pull request.',
      },
    ],
    [
      'update',
      'printf "error: GH013: Repository rule violations found for refs/heads/x.\\n\\n- Cannot update this protected ref.\\n" >&2; exit 1',
      {
        branch: 'x',
        protectedBranch: 'x',
        reason:
          'Repository rule violations found for refs/heads/x. Cannot update this protected ref. hook declined to update refs/heads/x',
      },
    ],
    [
      'pre-receive',
      'printf "error: Trace: 0123\\nerror: File assets/big file.bin is 120.00 MB; this exceeds GitHub\'s file size limit of 100.00 MB\\nerror: GH001: Large files detected.\\n" >&2; exit 1',
      { branch: 'x', path: 'assets/big file.bin' },
    ],
    ['update', 'exit 1', { branch: 'x', reason: 'hook declined: hook declined to update refs/heads/x' }],
    [
      'pre-receive',
      'printf "\\033[31mno\\033[0m\\007 %s\\n" "$PASSED" >&2; exit 1',
      { reason: 'pre-receive hook declined: no' },
    ],
  ] as const) {
    test(`a ${hook} hook that says ${script.slice(0, 60)}… is told as a refusal`, async () => {
      world.forge.hook(world.name, hook, script);
      const error = await failure(world.push('x', await world.next(world.head, 'Refused'), null));
      assert.equal(error.code, 'forgePushRefused');
      const { params } = error.wire;
      for (const [key, value] of Object.entries(expected)) assert.equal(params[key], value);
      if (!('protectedBranch' in expected)) assert.equal(params['protectedBranch'], undefined);
      assert.equal(world.at('x'), '');
    });
  }

  test('what a forge repeats of the token is taken out of its words', async () => {
    const basic = Buffer.from(`x-access-token:${PASSWORD}`).toString('base64');
    world.forge.hook(world.name, 'pre-receive', `echo "you are ${PASSWORD} or ${basic}" >&2; exit 1`);
    const error = await failure(world.push('x', await world.next(world.head, 'Echo'), null));
    assert.equal(error.wire.params['reason'], 'pre-receive hook declined: you are *** or ***');
    world.forge.fault = () => ({ kind: 'status', status: 403, body: `not for ${PASSWORD}, ${basic}` });
    await failure(world.push('x', world.head, null));
  });

  for (const [status, headers, expected] of [
    [401, {}, { code: 'forgeUnauthorized', retryable: false }],
    [403, {}, { code: 'forgeForbidden', need: 'contents: write' }],
    [403, { 'retry-after': '30' }, { code: 'forgeRateLimited', waitMs: 30_000 }],
    [429, {}, { code: 'forgeRateLimited', retryable: true }],
    [404, {}, { code: 'forgeRepoUnknown' }],
    [301, { location: 'http://127.0.0.1:1/other/place.git/info/refs' }, { code: 'forgeRepoUnknown' }],
    [500, {}, { code: 'forgeUnavailable', reason: 'HTTP 500', retryable: true }],
    [503, {}, { code: 'forgeUnavailable', reason: 'HTTP 503' }],
    [413, {}, { code: 'forgeRefused', reason: 'HTTP 413' }],
  ] as const) {
    for (const when of ['GET', 'POST'] as const) {
      test(`${status} ${JSON.stringify(headers)} to a ${when} is ${expected.code}`, async () => {
        world.forge.fault = ({ method }) =>
          method === when ? { kind: 'status', status, headers } : undefined;
        const { code, wire } = await failure(world.push('x', await world.next(world.head, 'Status'), null));
        const params = { code, retryable: wire.retryable, ...wire.params };
        for (const [key, value] of Object.entries(expected)) assert.equal(params[key as 'code'], value, key);
        assert.equal(wire.params['host'], world.remote.host);
        assert.equal(world.at('x'), '');
      });
    }
  }

  test('a token that expires before a large push is told as such, not as a broken connection', async () => {
    const large = await world.large('expires');
    world.forge.fault = ({ method }) => (method === 'POST' ? { kind: 'status', status: 401 } : undefined);
    assert.equal((await failure(world.push('expired', large, null))).code, 'forgeUnauthorized');
  });

  test('a wrong token is answered at once, and asks nobody', { timeout: 10_000 }, async () => {
    world.remote = world.forge.remote(world.name, 'ghp_wrong');
    assert.equal((await failure(world.push('x', world.head, null))).code, 'forgeUnauthorized');
  });

  test('no server, a page instead of git, and half an answer', async () => {
    world.remote = { ...world.remote, url: 'http://127.0.0.1:1/owner/repo.git' };
    assert.deepEqual(
      (await failure(world.push('x', world.head, null))).wire.params['reason'],
      'ECONNREFUSED',
    );
    world.remote = world.forge.remote(world.name);
    world.forge.fault = () => ({ kind: 'answer', type: 'text/html', body: Buffer.from('<p>Sign in</p>') });
    assert.equal((await failure(world.push('x', world.head, null))).code, 'forgeGarbage');
    world.forge.fault = () => ({
      kind: 'answer',
      type: 'application/x-git-receive-pack-advertisement',
      body: Buffer.from('this is not a packet'),
    });
    assert.equal((await failure(world.push('x', world.head, null))).code, 'forgeGarbage');
    world.forge.fault = () => ({ kind: 'cutAnswer', bytes: 40 });
    assert.equal((await failure(world.push('x', world.head, null))).code, 'forgeUnavailable');
  });

  test('the credential follows no redirect', async () => {
    const other = await openForge(join(world.store.dir, 'other-forge'));
    try {
      world.forge.fault = ({ url }) => ({
        kind: 'status',
        status: 302,
        headers: { location: `${other.origin}${url ?? ''}` },
      });
      assert.equal((await failure(world.push('x', world.head, null))).code, 'forgeRepoUnknown');
      assert.deepEqual(other.seen, []);
    } finally {
      await other.close();
    }
  });

  test('a proxy’s password is in no error, whatever the proxy says', async () => {
    const seen: string[] = [];
    const pair = Buffer.from('somebody:pr%xy-s3cret').toString('base64');
    const proxy = createServer((request, response) => {
      seen.push(`${request.url ?? ''} ${request.headers['proxy-authorization'] ?? ''}`);
      response.writeHead(502).end(`not with pr%xy-s3cret, ${pair} or http://somebody:pr%25xy-s3cret@proxy`);
    });
    proxy.on('connect', (request: IncomingMessage, socket: Duplex) => {
      seen.push(`${request.url ?? ''} ${request.headers['proxy-authorization'] ?? ''}`);
      socket.end(`HTTP/1.1 407 pr%xy-s3cret ${pair}\r\n\r\n`);
    });
    await new Promise<void>((done) => proxy.listen(0, '127.0.0.1', done));
    const address = `http://somebody:pr%25xy-s3cret@127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const before = { ...process.env };
    Object.assign(process.env, { HTTP_PROXY: address, HTTPS_PROXY: address, NO_PROXY: 'direct.example' });
    try {
      world.remote = { ...world.remote, url: 'https://forge.example/owner/repo.git' };
      const error = await failure(world.push('x', world.head, null));
      assert.equal(error.code, 'forgeUnavailable');
      assert.doesNotMatch(everythingIn(error), /s3cret/);
      assert.ok(!everythingIn(error).includes(pair));
      assert.equal(seen.length, 1);
      assert.match(seen[0] ?? '', new RegExp(`forge.example.* Basic ${pair}`));
    } finally {
      for (const name of ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY']) {
        if (before[name] === undefined) Reflect.deleteProperty(process.env, name);
        else process.env[name] = before[name];
      }
      proxy.closeAllConnections();
      await new Promise((done) => proxy.close(done));
    }
  });

  test('a server whose certificate nobody vouches for gets no token', async () => {
    const ca = await makeAuthority();
    const leafKey = await makeLeafKey();
    const cert = await makeLeaf(await readAuthority(ca.key, ca.certificate), leafKey, 'localhost');
    let asked = 0;
    const server = createHttps({ key: leafKey.pem, cert }, () => (asked += 1));
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    try {
      const host = `localhost:${(server.address() as AddressInfo).port}`;
      world.remote = { ...world.remote, host, url: `https://${host}/owner/repo.git` };
      const { code, wire } = await failure(world.push('x', world.head, null));
      assert.equal(code, 'forgeUnavailable');
      assert.match(String(wire.params['reason']), /CERT|SIGNATURE/);
      assert.equal(asked, 0);
    } finally {
      await new Promise((done) => server.close(done));
    }
  });

  test('an address with a credential in it, or of another kind, is refused', async () => {
    for (const url of [
      `http://a:${PASSWORD}@127.0.0.1/x.git`,
      'file:///etc',
      'ssh://git@host/x',
      'ext::sh',
      `${world.remote.url}?a=b`,
    ]) {
      world.remote = { ...world.remote, url };
      assert.equal((await failure(world.push('x', world.head, null))).code, 'badRequest');
    }
  });

  test(
    'while a push is under way and after it, the token is in no process and no file',
    { skip: process.platform !== 'linux' },
    async () => {
      const large = await world.large('slow');
      let looked = 0;
      world.forge.fault = ({ method }) => {
        if (method === 'POST') {
          looked += 1;
          assertNotInProcesses();
        }
        return undefined;
      };
      await world.push('slow', large, null);
      assert.equal(looked, 2);
      const search = ['grep', '--no-index', '-a', '-l', '-F', PASSWORD, '--', '.'];
      const found = await tryGitAsync(world.store.dataDir, search);
      assert.equal(found.stdout.toString('utf8'), '');
      assert.equal(found.code, 1);
      assert.doesNotMatch(
        readFileSync(join(world.store.repoDir(world.repoId), 'config'), 'utf8'),
        /127\.0\.0\.1|remote/,
      );
    },
  );
});

function assertNotInProcesses(): void {
  for (const pid of readdirSync('/proc').filter((one) => /^\d+$/.test(one))) {
    for (const file of ['cmdline', 'environ']) {
      let text = '';
      try {
        text = readFileSync(`/proc/${pid}/${file}`, 'latin1');
      } catch {
        // Ended, or somebody else's.
      }
      assert.doesNotMatch(text, SECRET, `${pid} ${file}`);
    }
  }
}
