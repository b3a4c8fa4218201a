/** Connections to forges: judged when the socket is opened, by what the name means then. */
import assert from 'node:assert/strict';
import type { lookup } from 'node:dns';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { errorWords } from '../../../client/words/index.ts';
import { CodexError } from '../../../protocol/errors.ts';
import { send, type Method } from '../../../server/forge/http/send.ts';
import { Outlet, type OutletOptions } from '../../../server/outlet.ts';

let asked = 0;
const server = createServer((_request, response) => void ((asked += 1), response.end('here')));
before(() => once(server.listen(0, '127.0.0.1'), 'listening'));
after(() => server.close());
const port = () => (server.address() as AddressInfo).port;

/** Each question for a name gets the next of these answers. */
function answers(...rounds: string[][]): typeof lookup {
  const resolve = (_name: string, _options: object, done: (error: null, found: object[]) => void) =>
    done(
      null,
      (rounds.length > 1 ? rounds.shift() : rounds[0])?.map((address) => ({
        address,
        family: address.includes(':') ? 6 : 4,
      })) ?? [],
    );
  return resolve as unknown as typeof lookup;
}

async function ask(outlet: Outlet, url: URL): Promise<string> {
  const request = outlet.request(url, { fresh: true });
  request.end();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return Buffer.concat(await response.toArray()).toString();
}

async function refused(text: string, options: OutletOptions): Promise<string> {
  const url = new URL(text);
  const outlet = new Outlet(url, options);
  const before = asked;
  const thrown: unknown = await (async () => ask(outlet, url))().catch((error: unknown) => error);
  outlet.close();
  assert.equal(asked, before, 'nothing was asked');
  assert.ok(thrown instanceof CodexError, String(thrown));
  assert.equal(thrown.code, 'forgeAddressRefused');
  assert.equal(thrown.wire.retryable, false);
  return errorWords(thrown.wire).text;
}

test('an address where no forge may be is refused, however it is spelled', async () => {
  for (const host of [
    '169.254.169.254',
    '2852039166',
    '0xa9.0xfe.0xa9.0xfe',
    '0.0.0.0',
    '[::]',
    '[fe80::1]',
    '[::ffff:169.254.169.254]',
    '[fd00:ec2::254]',
    '100.100.100.200',
    '224.0.0.1',
  ])
    assert.match(await refused(`http://${host}:${port()}/`, { loopback: true }), /no forge may be/, host);
});

test('this machine is reached only where that is allowed', async () => {
  for (const host of ['127.0.0.1', '127.1', 'localhost', 'x.localhost', '[::1]', '[::ffff:7f00:1]'])
    assert.match(
      await refused(`http://${host}:${port()}/`, { loopback: false }),
      /the backend’s own machine.*config\.yaml/,
      host,
    );
  const url = new URL(`http://127.0.0.1:${port()}/`);
  const outlet = new Outlet(url, { loopback: true });
  assert.equal(await ask(outlet, url), 'here');
  outlet.close();
});

test('a name is judged by what it leads to', async () => {
  const at = (...addresses: string[]) => ({ loopback: false, resolve: answers(addresses) });
  const url = `http://forge.example:${port()}/`;
  assert.match(await refused(url, at('169.254.169.254')), /leads to 169\.254\.169\.254, where no forge/);
  assert.match(await refused(url, at('fe80::1%eth0')), /no forge may be/);
  assert.match(await refused(url, at('127.0.0.1')), /leads to 127\.0\.0\.1, the backend’s own machine/);
});

test('of several addresses only those are dialled that may be', async () => {
  const url = new URL(`http://forge.example:${port()}/`);
  const outlet = new Outlet(url, { loopback: true, resolve: answers(['169.254.169.254', '127.0.0.1']) });
  assert.equal(await ask(outlet, url), 'here');
  outlet.close();
});

test('a name that leads elsewhere a moment later does not lead there', async () => {
  const url = new URL(`http://forge.example:${port()}/`);
  const resolve = answers(['127.0.0.1'], ['169.254.169.254']);
  const outlet = new Outlet(url, { loopback: true, resolve });
  assert.equal(await ask(outlet, url), 'here');
  await assert.rejects(ask(outlet, url), { code: 'forgeAddressRefused' });
  outlet.close();
});

test('what can’t be sent again does not take a connection that may have gone; a slow answer is waited for', async () => {
  const used = new WeakSet<Socket>();
  const closing = createServer((request, response) => {
    if (used.has(request.socket)) return void request.socket.destroy();
    used.add(request.socket);
    setTimeout(() => response.end('here'), request.url === '/slow' ? 6_000 : 0);
  });
  await once(closing.listen(0, '127.0.0.1'), 'listening');
  const url = new URL(`http://127.0.0.1:${(closing.address() as AddressInfo).port}/`);
  const outlet = new Outlet(url, { loopback: true });
  const ask = async (method: Method, path = '/') =>
    (await send(outlet, { method, url: new URL(path, url), headers: {}, maxBytes: 100 })).body.toString();
  assert.equal(await ask('GET'), 'here');
  assert.equal(await ask('POST'), 'here');
  await assert.rejects(ask('GET'), { reason: 'ECONNRESET' });
  assert.equal(await ask('GET', '/slow'), 'here');
  outlet.close();
  closing.close();
});
