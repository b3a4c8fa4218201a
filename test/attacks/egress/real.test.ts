/**
 * What is allowed works for real: package managers and git inside a real container, through the proxy,
 * with every request looked at. The registries are those of this machine's own configuration, found
 * when the test runs; the git server is the test's own.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { createServer, request as httpsRequest } from 'node:https';
import { isIPv6 } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { TestContext } from 'node:test';
import type { AccessPolicy } from '../../../protocol/egress.ts';
import { resolveLimits } from '../../../protocol/limits.ts';
import {
  makeAuthority,
  makeLeaf,
  makeLeafKey,
  readAuthority,
} from '../../../server/egress/authority/certificates.ts';
import { openAuthority } from '../../../server/egress/authority/index.ts';
import { isPublic, parseAddress } from '../../../server/egress/policy/addresses.ts';
import { createEgress } from '../../../server/egress/proxy/index.ts';
import type { EgressLogEntry } from '../../../server/egress/proxy/index.ts';
import { openInternet } from '../../../server/pipeline/internet.ts';
import type { Internet } from '../../../server/pipeline/internet.ts';
import { serveGit } from '../../../server/repos/smart-http.ts';
import { debianMirror } from '../../../server/sandbox/docker/debian.ts';
import { createDriver } from '../../../server/sandbox/index.ts';
import { createRedactor } from '../../../server/secrets/redactor.ts';
import type { Sandbox } from '../../../server/sandbox/sandbox.ts';
import { trustedAuthorities } from '../../../server/trust.ts';
import { memoryTask, memoryTurn } from '../../integration/pipeline/memory-turn.ts';
import { ENVIRONMENT, newTask, sh } from '../../integration/sandbox/help.ts';
import { commitAll, git, initRepository, removeFolder, temporaryFolder, write } from '../../support/git.ts';

const INSTALL_MS = 100_000;
const GIT_HOST = 'git.example.test';

const dataDir = temporaryFolder('codex-real');
const repository = temporaryFolder('codex-real-repo');
const driver = createDriver({ kind: 'docker', dataDir });
const entries: EgressLogEntry[] = [];
const mirror = await debianMirror();
const npm = configured(() =>
  execFileSync('npm', ['config', 'get', 'registry'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  }),
);
const pip = configured(() =>
  execFileSync('pip', ['config', 'get', 'global.index-url'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  }),
);
const debian = configured(() => mirror ?? '');
let sandbox: Sandbox;
let internet: Internet;
const gitServer = createServer((request, response) => {
  const rest = (request.url ?? '').replace(/^\/project\.git/, '');
  const served = {
    dir: join(repository, '.git'),
    services: ['upload-pack' as const],
    maxPushBytes: 0,
    config: [],
  };
  void serveGit(served, rest, request, response).catch(() => response.destroy());
});

/** Null when it is not set, or no address. */
function configured(read: () => string): URL | null {
  try {
    return new URL(read().trim());
  } catch {
    return null;
  }
}

before(async () => {
  const ca = await makeAuthority();
  const key = await makeLeafKey();
  const cert = await makeLeaf(await readAuthority(ca.key, ca.certificate), key, GIT_HOST);
  gitServer.setSecureContext({ key: key.pem, cert });
  gitServer.listen(0, '127.0.0.1');
  await once(gitServer, 'listening');
  const extraCa = join(dataDir, 'git-server.pem');
  writeFileSync(extraCa, ca.certificate);
  initRepository(repository);
  write(repository, 'README.md', 'from the git server\n');
  commitAll(repository);
  git(repository, ['update-server-info']);

  const addresses = (host: string): Promise<string[]> =>
    host === GIT_HOST
      ? Promise.resolve(['127.0.0.1'])
      : lookup(host, { all: true, verbatim: true }).then((list) => list.map(({ address }) => address));
  const registries = [npm, debian, pip].flatMap((url) => url ?? []);
  const authority = await openAuthority(join(dataDir, 'authority'));
  const egress = createEgress({
    authority,
    owner: {
      intercept: 'always',
      extraCa,
      allowPrivate: await privateOnes([GIT_HOST, ...registries.map(({ hostname }) => hostname)], addresses),
    },
    log: (entry) => entries.push(entry),
    resolve: addresses,
  });
  const policy: AccessPolicy = {
    access: 'on',
    preset: 'none',
    allow: [
      `${GIT_HOST}:${gitPort()}`,
      ...registries.map(({ hostname, port }) => (port ? `${hostname}:${port}` : hostname)),
    ],
    deny: [],
    methods: 'all',
  };
  const spec = newTask();
  sandbox = await driver.open({ ...spec, limits: resolveLimits() });
  const task = memoryTask(spec.taskId, {
    repoId: '',
    name: 'project',
    sha: '',
    branch: 'main',
    includesLocal: false,
  });
  const { context } = memoryTurn(task, { turn: 1, prompt: '' });
  internet = await openInternet(
    { certificatePem: authority.certificatePem, openTask: (options) => egress.openTask(options) },
    {
      environments: { policyOf: () => Promise.resolve(policy), onChange: () => () => {} },
      egressLog: { append: () => {}, onFull: () => () => {} },
    },
    context,
    1,
    'agent',
    sandbox,
    createRedactor([]),
  );
});

after(async () => {
  await internet?.close();
  await sandbox?.detach();
  for (const { name } of await driver.list()) await driver.remove(name);
  gitServer.close();
  gitServer.closeAllConnections();
  removeFolder(dataDir);
  removeFolder(repository);
});

function gitPort(): number {
  return (gitServer.address() as AddressInfo).port;
}

/** A company's mirror often has a private address: its owner would name it, and only it. */
async function privateOnes(
  hosts: string[],
  addresses: (host: string) => Promise<string[]>,
): Promise<{ host: string; cidr: string }[]> {
  const found: { host: string; cidr: string }[] = [];
  for (const host of hosts) {
    for (const text of await addresses(host).catch(() => [])) {
      const address = parseAddress(text);
      if (address && !isPublic(address)) found.push({ host, cidr: `${text}/${isIPv6(text) ? 128 : 32}` });
    }
  }
  return found;
}

async function inside(script: string): Promise<{ exitCode: number; output: string }> {
  return sh(sandbox, script, { env: { ...ENVIRONMENT, ...internet.variables() }, timeoutMs: INSTALL_MS });
}

/** Why a registry can't be used, or null. What a CI machine must reach fails there instead. */
async function unreachable(url: URL | null): Promise<string | null> {
  if (url === null) return 'none is configured on this machine';
  // As the proxy does: trusting what the system trusts, whatever Node is told by its environment.
  const request =
    url.protocol === 'https:'
      ? httpsRequest(url, { method: 'HEAD', timeout: 10_000, ca: trustedAuthorities() })
      : httpRequest(url, { method: 'HEAD', timeout: 10_000 });
  return new Promise((resolve) => {
    const settle = (answered: boolean) => {
      request.destroy();
      resolve(answered ? null : `${url.protocol}//… does not answer`);
    };
    request.once('response', () => settle(true));
    request.once('timeout', () => settle(false));
    request.on('error', () => settle(false));
    request.end();
  });
}

/** True when it has to be left out; says why. */
async function leftOut(t: TestContext, url: URL | null, must: boolean): Promise<boolean> {
  const why = await unreachable(url);
  if (why === null) return false;
  if (process.env['CI'] !== 'true') t.skip(why);
  else if (must) assert.fail(why);
  else t.diagnostic(`left out: ${why}`);
  return true;
}

function sawRequests(from: number, host: string, scheme: string): void {
  const seen = entries.slice(from).filter((entry) => entry.host === host);
  assert.ok(
    seen.some(({ verdict, method }) => verdict === 'allowed' && method === 'GET'),
    JSON.stringify(seen),
  );
  // Looked into: requests are logged, and of tunnels only those that were given up before a byte.
  assert.deepEqual(
    seen.filter(({ method, bytesIn, bytesOut }) => method === 'CONNECT' && bytesIn + bytesOut > 0),
    [],
    scheme,
  );
}

test('npm install of a small package', async (t) => {
  if (await leftOut(t, npm, true)) return;
  assert.ok(npm);
  const from = entries.length;
  const { exitCode, output } = await inside(
    `mkdir -p /tmp/n && cd /tmp/n && npm init -y >/dev/null && npm install --no-audit --no-fund --registry '${npm.href}' is-odd@3.0.1 && node -p "require('is-odd')(3)"`,
  );
  assert.equal(exitCode, 0, output);
  assert.match(output, /true\s*$/);
  sawRequests(from, npm.hostname, npm.protocol);
});

test('apt-get update and install of a small package', async (t) => {
  if (await leftOut(t, debian, true)) return;
  assert.ok(debian);
  const from = entries.length;
  const { exitCode, output } = await inside(
    `rm -rf /etc/apt/sources.list.d /etc/apt/sources.list; echo 'deb ${debian.href.replace(/\/$/, '')} bookworm main' > /etc/apt/sources.list; apt-get -q update && apt-get -q install -y --no-install-recommends hello && hello`,
  );
  assert.equal(exitCode, 0, output.slice(-2000));
  assert.match(output, /Hello, world!/);
  sawRequests(from, debian.hostname, debian.protocol);
});

test('pip download of a small package', async (t) => {
  if (await leftOut(t, pip, false)) return;
  assert.ok(pip);
  const from = entries.length;
  const { exitCode, output } = await inside(
    `pip download -q --no-deps -d /tmp/p -i '${pip.href}' six && ls /tmp/p`,
  );
  assert.equal(exitCode, 0, output);
  assert.match(output, /six/);
  sawRequests(from, pip.hostname, pip.protocol);
});

test('git clone over HTTPS', async () => {
  const from = entries.length;
  const url = `https://${GIT_HOST}:${gitPort()}/project.git`;
  const { exitCode, output } = await inside(`git clone -q ${url} /tmp/g && cat /tmp/g/README.md`);
  assert.equal(exitCode, 0, output);
  assert.match(output, /from the git server/);
  sawRequests(from, GIT_HOST, 'https:');
  assert.ok(entries.slice(from).some(({ method }) => method === 'POST'));
});
