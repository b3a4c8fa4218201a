/** Connecting through the front door: RPC, a restart, rotation, and an app that a browser makes. */
import assert from 'node:assert/strict';
import { readFile, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { resolveLimits } from '../../../protocol/limits.ts';
import { startBackend, type Backend, type BackendConfig } from '../../../server/backend.ts';
import type { Connection } from '../../../server/forge/connection.ts';
import { HiddenValues } from '../../../server/hidden.ts';
import { makeLog } from '../../../server/log.ts';
import { createRedactor } from '../../../server/secrets/redactor.ts';
import { startGitHub, type StandIn } from '../../support/github/index.ts';
import { answerAtOnce, client, FAKE_REPOS, temporaryFolder, TOKEN } from '../gateway/harness.ts';
import { failsWith, REPO } from './world.ts';

let github: StandIn;
let dataDir = '';
let running: Backend;
const logged: string[] = [];
const hidden = new HiddenValues();
const secrets: string[] = [];

async function startAgain(
  ownersForges: readonly Connection[] = [],
  more: Partial<BackendConfig> = {},
): Promise<void> {
  running = await startBackend({
    config: { port: 0, dataDir, token: TOKEN, version: '0.0.0', limits: resolveLimits(), ...more },
    repos: FAKE_REPOS,
    runTurn: answerAtOnce,
    sandbox: () => ({ kind: 'none', detail: '' }),
    model: () => ({ name: 'none', configured: true, scripted: true }),
    ownersForges,
    hidden,
    log: makeLog('debug', (line) => logged.push(hidden.text(line))),
  });
}
before(async () => {
  github = await startGitHub();
  await github.addRepo(REPO, { private: true });
  dataDir = await temporaryFolder();
  await startAgain();
});
after(async () => {
  await running.close();
  await github.close();
  await rm(dataDir, { recursive: true, force: true });
});

const tokenOf = (login: string): string => {
  const { value } = github.addToken(login);
  secrets.push(value);
  return value;
};
const asClient = async <T>(ask: (one: Awaited<ReturnType<typeof client>>) => Promise<T>): Promise<T> => {
  const one = await client(running.url);
  const messages: string[] = [];
  one.ws.on('message', (data: Buffer) => messages.push(data.toString('utf8')));
  try {
    return await ask(one);
  } finally {
    one.close();
    for (const secret of secrets)
      assert.ok(!messages.join('\n').includes(secret), 'no token comes out again');
  }
};
const list = (check = false) => asClient(async (one) => (await one.call('forge.list', { check })).forges);

test('a token is tried before it is kept, shown by its account, and replaced by the next', async () => {
  const { host } = github;
  assert.deepEqual(await list(), []);
  const wrong = 'ghp_thisOneIsNotKnownAnywhere';
  secrets.push(wrong);
  await asClient((one) =>
    failsWith(
      one.call('forge.connect', { host, token: wrong }),
      'forgeUnauthorized',
      /does not accept/,
      wrong,
    ),
  );
  assert.deepEqual(await list(), []);
  const token = tokenOf('octo');
  const view = await asClient(async (one) => (await one.call('forge.connect', { host, token })).forge);
  assert.deepEqual(
    { ...view, connectedAt: typeof view.connectedAt },
    {
      host,
      kind: 'github',
      how: 'token',
      from: 'client',
      apiUrl: github.apiUrl,
      account: 'octo',
      webhook: { signed: false },
      connectedBy: 'owner',
      connectedAt: 'number',
    },
  );
  const next = tokenOf('rita');
  await asClient((one) => one.call('forge.connect', { host, token: next }));
  const [only, ...more] = await list(true);
  assert.deepEqual([only?.account, only?.problem, more], ['rita', undefined, []]);
  github.expireTokens(next);
  assert.equal((await list(true))[0]?.problem?.code, 'forgeUnauthorized');
});

test('what can’t be connected to is refused with a sentence', async () => {
  const token = tokenOf('octo');
  await asClient(async (one) => {
    const connect = (more: object) => one.call('forge.connect', { host: 'git.example', token, ...more });
    await failsWith(connect({ apiUrl: 'http://git.example/api/v3' }), 'badRequest', /Without TLS/, token);
    await failsWith(
      connect({ host: '127.0.0.1:1' }),
      'forgeUnavailable',
      /127\.0\.0\.1:1 can’t be reached/,
      token,
    );
    await failsWith(one.call('forge.disconnect', { host: 'git.example' }), 'forgeUnknown', /to git\.example/);
  });
});

test('no client makes the backend ask around on its own machine or among links', async () => {
  const token = tokenOf('octo');
  const { host } = github;
  const refused = (params: object, said: RegExp) =>
    asClient((one) =>
      failsWith(one.call('forge.connect', { host, token, ...params }), 'forgeAddressRefused', said, token),
    );
  const before = github.requests.length;
  await refused({ apiUrl: 'https://169.254.169.254/latest' }, /169\.254\.169\.254, where no forge may be/);
  await refused({ host: '169.254.169.254' }, /where no forge may be/);
  await running.close();
  await startAgain([], { behindProxy: true });
  await refused({}, /the backend’s own machine/);
  await refused({ host: host.replace('127.0.0.1', 'localhost') }, /the backend’s own machine/);
  await asClient((one) =>
    failsWith(one.call('forge.startApp', { host }), 'badRequest', /Set publicUrl in its config\.yaml/),
  );
  await running.close();
  const behind = { behindProxy: true, publicUrl: 'https://tasks.example' };
  await startAgain([], behind);
  const { url } = await asClient((one) => one.call('forge.startApp', { host }));
  const code = github.codeFor(github.addApp({ name: 'Inside', owner: 'octo' }));
  const here = url.replace(behind.publicUrl, running.url);
  assert.equal((await page(`${here}/callback?code=${code}`)).status, 502);
  assert.equal(github.requests.length, before, 'nothing was asked');
  await running.close();
  const secret = { how: 'token', token } as const;
  const own: Connection = {
    ...{ host, apiUrl: github.apiUrl, secret },
    kind: 'github',
    how: 'token',
    from: 'owner',
  };
  await startAgain([own], behind);
  assert.equal((await list(true))[0]?.account, 'octo', 'the owner may');
  await running.close();
  await startAgain();
});

test('it is there after a restart, wrapped anew by a rotation, and in no file and no line of the log', async () => {
  const token = tokenOf('octo');
  const { host } = github;
  await asClient((one) => one.call('forge.connect', { host, token }));
  assert.deepEqual(await asClient((one) => one.call('secret.rotate', {})), { rewrapped: 1 });
  assert.deepEqual(await asClient((one) => one.call('secret.rotate', {})), { rewrapped: 1 });
  await running.close();
  await startAgain();
  assert.deepEqual(
    (await list(true)).map(({ account, problem }) => [account, problem]),
    [['octo', undefined]],
  );
  await running.close();
  const redactor = createRedactor(secrets.map((value) => ({ name: 'NEEDLE', id: '', value })));
  let named = false;
  for (const entry of await readdir(dataDir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const bytes = await readFile(join(entry.parentPath, entry.name));
    named ||= bytes.includes('forge_connections');
    assert.equal(redactor.find(bytes), null, entry.name);
  }
  assert.ok(named, 'the database was looked at');
  await startAgain();
  for (const line of logged) assert.equal(redactor.find(Buffer.from(line)), null);
});

test('whoever writes a token into the log, it does not stand there', () => {
  const log = makeLog('info', (line) => logged.push(hidden.text(line)));
  const [token = ''] = secrets.slice(-1);
  log.warn('git said', {
    url: `https://x-access-token:${token}@${github.host}/`,
    header: Buffer.from(`x-access-token:${token}`).toString('base64'),
    error: new Error(token),
  });
  const line = logged.at(-1) ?? '';
  assert.match(line, /\[secret of a forge\]/);
  assert.equal(createRedactor([{ name: 'x', id: '', value: token }]).find(Buffer.from(line)), null);
});

test('the owner’s configuration goes first, and is not changed by clients', async () => {
  const { host, apiUrl } = github;
  const token = tokenOf('ann');
  const own: Connection = {
    host,
    apiUrl,
    kind: 'github',
    how: 'token',
    from: 'owner',
    secret: { how: 'token', token },
  };
  await running.close();
  await startAgain([own]);
  const views = await list(true);
  assert.deepEqual(
    views.map(({ from, account, connectedBy }) => [from, account, connectedBy]),
    [['owner', 'ann', undefined]],
  );
  await asClient(async (one) => {
    const owned = /set up in the configuration of the backend/;
    await failsWith(one.call('forge.connect', { host, token: tokenOf('bob') }), 'forgeOwned', owned);
    await failsWith(one.call('forge.disconnect', { host }), 'forgeOwned', owned);
    await failsWith(one.call('forge.startApp', { host }), 'forgeOwned', owned);
  });
  await running.close();
  await startAgain();
  assert.equal((await list())[0]?.account, 'octo', 'what was connected is there again without it');
});

const page = async (url: string, init: RequestInit = {}) => {
  const response = await fetch(url, { redirect: 'manual', ...init });
  return { status: response.status, headers: response.headers, text: await response.text() };
};
const unescaped = (text: string) => text.replace(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code)));
const inputs = (html: string) =>
  new URLSearchParams(
    [...html.matchAll(/name="([^"]+)" value="([^"]*)"/g)].map(([, name = '', value = '']) => [
      name,
      unescaped(value),
    ]),
  );
/** As a browser sends it: of the choices the one that is made. */
const handedOver = (html: string) => inputs(html.replace(/<input type="radio"[^>]*"(?! checked)>/g, ''));

test('an app is made in a browser: its key comes to the backend and nowhere else', async () => {
  const { host } = github;
  const { url } = await asClient((one) => one.call('forge.startApp', { host, organization: 'octo' }));
  assert.ok(url.startsWith(`${running.url}/api/v1/forges/app/`));
  const ours = await page(url);
  assert.equal(ours.status, 200);
  const csp = ours.headers.get('content-security-policy') ?? '';
  assert.match(csp, /^default-src 'none'; style-src 'sha256-[^']+'; form-action http:\/\/127/);
  assert.doesNotMatch(ours.text, /<script|<link|src=/);
  assert.equal(ours.headers.get('referrer-policy'), 'no-referrer');
  const target = unescaped(/action="([^"]+)"/.exec(ours.text)?.[1] ?? '');
  assert.match(target, new RegExp(`^${github.url}/organizations/octo/settings/apps/new\\?state=`));

  const theirs = await page(target, { method: 'POST', body: handedOver(ours.text) });
  const manifest = JSON.parse(handedOver(ours.text).get('manifest') ?? '') as Record<string, unknown>;
  assert.deepEqual(manifest['hook_attributes'], { url: 'https://example.com', active: false });
  assert.deepEqual(manifest['default_permissions'], {
    contents: 'write',
    pull_requests: 'write',
    metadata: 'read',
    issues: 'read',
    checks: 'read',
  });
  const made = await page(`${github.url}/settings/apps/manifest`, {
    method: 'POST',
    body: inputs(theirs.text),
  });
  const back = made.headers.get('location') ?? '';
  assert.ok(back.startsWith(`${url}/callback?code=`));

  for (const wrong of [back.replace(/code=.*/, ''), back.replace(/state=.*/, 'state=other')])
    assert.equal((await page(wrong)).status, 404);
  const [done, second] = await Promise.all([page(back), page(back)]);
  const again = [await page(back), await page(url), await page(`${url}/callback?code=another`)];
  for (const { status, text } of [done, second, ...again]) {
    assert.equal(status, 200, 'whoever comes again is told that it is done');
    assert.match(unescaped(text), /is connected[^]*href="[^"]+\/installations\/new"/);
  }
  assert.equal(github.asked('POST /app-manifests/{code}/conversions'), 1, 'a code is handed in once');

  const [view] = await list(true);
  assert.deepEqual([view?.how, view?.problem], ['app', undefined]);
  assert.match(view?.account ?? '', /^Codex Tasks [0-9a-f]{6}$/);
  github.assertNoProblems();
});

test('the pages are for browsers that came to this backend, with a state that it gave', async () => {
  const answering = await asClient((one) =>
    one.call('forge.startApp', { host: github.host, answersIssues: true }),
  );
  const chosen = [...(await page(answering.url)).text.matchAll(/value="([^"]+)"( checked)?>/g)];
  assert.deepEqual(
    chosen.map(([, json = '', mark]) => [
      (JSON.parse(unescaped(json)) as { default_permissions: { issues: string } }).default_permissions.issues,
      mark !== undefined,
    ]),
    [
      ['read', false],
      ['write', true],
    ],
  );
  const { url } = await asClient((one) => one.call('forge.startApp', { host: github.host }));
  assert.equal((await page(url, { headers: { origin: 'https://evil.example' } })).status, 403);
  const path = `${running.url}/api/v1/forges/app`;
  for (const state of ['x', 'A'.repeat(43), '..%2f..'])
    for (const rest of ['', '/callback?code=1234'])
      assert.equal((await page(`${path}/${state}${rest}`)).status, 404);
});

test('a forge that does not hand the app over is told, and the page can be loaded again', async () => {
  const { url } = await asClient((one) => one.call('forge.startApp', { host: github.host }));
  const code = github.codeFor(github.addApp({ name: 'Later', owner: 'octo' }));
  const route = 'POST /app-manifests/{code}/conversions';
  github.fault(route, { kind: 'answer', status: 502 });
  const failed = await page(`${url}/callback?code=${code}`);
  assert.deepEqual([failed.status, /Load this page again/.test(failed.text)], [502, true]);
  assert.equal((await page(`${url}/callback?code=${code}`)).status, 200);
  assert.equal((await list(true))[0]?.account, 'Later');

  // Handed over, and not known everywhere at once: its key is not lost, and its code is not used again.
  const { url: other } = await asClient((one) => one.call('forge.startApp', { host: github.host }));
  const next = github.codeFor(github.addApp({ name: 'Not yet', owner: 'octo' }));
  github.fault('GET /app', { kind: 'answer', status: 404, body: { message: 'Integration not found' } });
  const early = await page(`${other}/callback?code=${next}`);
  assert.deepEqual([early.status, /Load this page again/.test(early.text)], [502, true]);
  assert.equal((await page(`${other}/callback?code=${next}`)).status, 200);
  assert.equal((await list(true))[0]?.account, 'Not yet');
  await asClient((one) => one.call('forge.disconnect', { host: github.host }));
  assert.deepEqual(await list(), []);
});
