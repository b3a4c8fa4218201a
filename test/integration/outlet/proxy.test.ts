/** A backend that only a proxy leads out of: what it asks of a forge and its git go through that one, sealed. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type AddressInfo, type Server } from 'node:net';
import type { Duplex } from 'node:stream';
import { after, afterEach, before, test } from 'node:test';
import * as tls from 'node:tls';
import {
  makeAuthority,
  makeLeaf,
  makeLeafKey,
  readAuthority,
} from '../../../server/egress/authority/certificates.ts';
import { openGitHub } from '../../../server/forge/github/github.ts';
import { withRemote } from '../../../server/repos/remote-http.ts';
import { startGitHub, type StandIn } from '../../support/github/index.ts';

const NAME = 'forge.example';
const REPO = 'octo/app';
const VARIABLES = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy'];

let github: StandIn;
let token = '';
let front: Server;
/** What the proxy was asked for, and every byte that it passed on. */
const asked: string[] = [];
const passed: Buffer[] = [];
const proxy = createServer((request, response) => {
  asked.push(`${request.method} ${request.url}`);
  response.writeHead(502).end();
});
proxy.on('connect', ({ url = '', headers }, socket: Duplex) => {
  asked.push(`CONNECT ${url} ${headers['proxy-authorization'] ?? ''}`);
  const there = connect(Number(url.split(':').at(-1)), '127.0.0.1');
  for (const end of [socket, there]) end.on('error', () => end.destroy());
  there.once('connect', () => socket.write('HTTP/1.1 200 OK\r\n\r\n'));
  socket.on('data', (bytes: Buffer) => passed.push(bytes));
  socket.pipe(there).pipe(socket);
});
const portOf = (server: { address(): unknown }) => (server.address() as AddressInfo).port;
const trusted = tls.getCACertificates('default');

before(async () => {
  github = await startGitHub();
  await github.addRepo(REPO, { private: true });
  token = github.addToken('octo').value;
  const ca = await makeAuthority();
  const key = await makeLeafKey();
  const cert = await makeLeaf(await readAuthority(ca.key, ca.certificate), key, NAME);
  tls.setDefaultCACertificates([...trusted, ca.certificate]);
  front = tls.createServer({ key: key.pem, cert }, (socket) => {
    const there = connect(Number(new URL(github.url).port), '127.0.0.1');
    for (const end of [socket, there]) end.on('error', () => end.destroy());
    socket.pipe(there).pipe(socket);
  });
  await Promise.all([front, proxy].map((one) => once(one.listen(0, '127.0.0.1'), 'listening')));
});
afterEach(() => {
  for (const name of VARIABLES) Reflect.deleteProperty(process.env, name);
  asked.length = 0;
  passed.length = 0;
});
after(async () => {
  tls.setDefaultCACertificates(trusted);
  proxy.closeAllConnections();
  proxy.close();
  front.close();
  await github.close();
});

const host = () => `${NAME}:${portOf(front)}`;
const open = () =>
  openGitHub({
    host: host(),
    apiUrl: `https://${host()}${new URL(github.apiUrl).pathname}`,
    secret: { how: 'token', token },
    loopback: false,
    pause: async () => undefined,
  });
const refs = (url: string, loopback = false) =>
  withRemote(
    { url, host: new URL(url).host, loopback, credential: { username: 'x', password: token } },
    {},
    undefined,
    async (line) => (await line.advertisement('upload-pack')).refs.size,
  );
const setProxy = () => {
  process.env['HTTPS_PROXY'] = `http://me:word@127.0.0.1:${portOf(proxy)}`;
};

test('the API and git go through the proxy of the environment, which sees no token', async () => {
  setProxy();
  assert.equal((await open().whoAmI()).account, 'octo');
  assert.equal((await open().repo(REPO).about()).name, REPO);
  const viaApi = asked.length;
  assert.ok((await refs(`https://${host()}/${REPO}.git`)) > 0);
  assert.ok(viaApi > 0 && asked.length > viaApi);
  const pair = Buffer.from('me:word').toString('base64');
  for (const one of asked) assert.equal(one, `CONNECT ${host()} Basic ${pair}`);
  const bytes = Buffer.concat(passed).toString('latin1');
  assert.ok(bytes.length > 0 && !bytes.includes(token));
  assert.ok(!bytes.includes(Buffer.from(`x:${token}`).toString('base64')));
});

test('what NO_PROXY names, and what nobody named a proxy for, goes directly', async () => {
  setProxy();
  process.env['NO_PROXY'] = `other.example,${NAME}`;
  for (const again of [() => undefined, () => Reflect.deleteProperty(process.env, 'HTTPS_PROXY')]) {
    again();
    await assert.rejects(open().whoAmI(), { code: 'forgeUnavailable' });
    await assert.rejects(refs(`https://${host()}/${REPO}.git`), { code: 'forgeUnavailable' });
  }
  assert.deepEqual(asked, []);
});

test('a token never goes to a proxy without TLS', async () => {
  process.env['HTTP_PROXY'] = `http://127.0.0.1:${portOf(proxy)}`;
  const { host: at, apiUrl } = github;
  const forge = openGitHub({ host: at, apiUrl, loopback: true, secret: { how: 'token', token } });
  assert.equal((await forge.whoAmI()).account, 'octo');
  assert.ok((await refs(github.gitUrl(REPO), true)) > 0);
  assert.deepEqual(asked, []);
});

test('an address that is written out is judged, whoever dials it', async () => {
  setProxy();
  const at = (address: string) => refs(`https://${address}/${REPO}.git`);
  await assert.rejects(at('169.254.169.254'), { code: 'forgeAddressRefused' });
  await assert.rejects(at('127.0.0.1:1'), { code: 'forgeAddressRefused' });
  assert.deepEqual(asked, []);
});
